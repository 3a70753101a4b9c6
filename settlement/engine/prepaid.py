"""Prepaid blocks: points that a partner has bought before it issues them.

    balance = before + bought - issued (net of what was taken back)        window by window
    overdraft = what is below zero; it is billed at the issue price, and the next window begins at zero

Blocks are drawn on oldest first. A window's purchases are there for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from settlement.engine.vat import VatTreatment


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Points bought in a window at a price per point, taxed as the terms of that moment said."""

    block: int
    window: int
    points: int
    price: Decimal
    vat: VatTreatment
    terms_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockUse:
    """How much of a block is left at a window's end."""

    block: int
    points: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAccount:
    """A partner's blocks over one window, in points; `closing` = opening + bought - issued + overdraft.

    `issued` is net of what was taken back. `is_low`: less is left than the partner wants to be warned at.
    """

    opening: int
    bought: int
    issued: int
    overdraft: int
    blocks: tuple[BlockUse, ...]
    warn_below: int | None = None

    @property
    def closing(self) -> int:
        return self.opening + self.bought - self.issued + self.overdraft

    @property
    def is_low(self) -> bool:
        return self.warn_below is not None and self.closing < self.warn_below


def account_of(
    blocks: Iterable[Block], issued: Mapping[int, int], *, window: int, warn_below: int | None = None
) -> BlockAccount:
    """Return a partner's account for a window, from all of its blocks and what it issued in each window up to it.

    `issued` counts points net of what was taken back, under terms that prepay; windows and blocks after are left out.
    """
    known = sorted((block for block in blocks if block.window <= window), key=lambda block: (block.window, block.block))
    windows = sorted({block.window for block in known} | {number for number in issued if number <= window} | {window})
    opening = balance = bought = overdraft = 0
    for number in windows:
        opening = balance
        bought = sum(block.points for block in known if block.window == number)
        left = opening + bought - issued.get(number, 0)
        overdraft = max(-left, 0)
        balance = left + overdraft
    return BlockAccount(
        opening=opening,
        bought=bought,
        issued=issued.get(window, 0),
        overdraft=overdraft,
        blocks=_uses(known, left=balance),
        warn_below=warn_below,
    )


def overdrafts_until(blocks: Iterable[Block], issued: Mapping[int, int], *, window: int) -> int:
    """Return the points that were billed as overdraft in windows up to one."""
    blocks = tuple(blocks)
    return sum(account_of(blocks, issued, window=number).overdraft for number in sorted(issued) if number <= window)


def _uses(blocks: Iterable[Block], *, left: int) -> tuple[BlockUse, ...]:
    # What is left lies in the newest blocks: the oldest are drawn on first.
    uses: list[BlockUse] = []
    for block in sorted(blocks, key=lambda block: (block.window, block.block), reverse=True):
        rest = min(left, block.points)
        left -= rest
        uses.append(BlockUse(block=block.block, points=block.points, left=rest))
    return tuple(reversed(uses))
