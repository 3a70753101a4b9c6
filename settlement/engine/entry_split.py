"""An entry of a bank of which an operator says what it is of: which shares' payments, and what the bank took for each.

    W00007-P00012=120.00+3.50    120.00 of that share, and 3.50 for the bank
    W00007-P00012                all that it may be of that share, and no fee

Amounts are written without a sign: all of an entry goes the entry's way. A fee is part of what goes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from settlement.engine.match_payments import Match, OpenShare, match_share
from settlement.engine.money import Currency, add_exactly
from settlement.engine.payment_reference import ShareReference, find_shares, share_reference
from settlement.errors import FieldProblem, InvalidEntrySplitError
from settlement.worded import WordCode, Worded

PIECES_MAX: Final = 1_000
_AMOUNT: Final = r"[0-9]{1,13}(?:\.[0-9]{1,5})?"
_PIECE: Final = re.compile(rf"([A-Za-z0-9-]{{1,60}})(?:=({_AMOUNT}))?(?:\+({_AMOUNT}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SplitPiece:
    """What of an entry is of one share; `amount` None: all that it may be."""

    share: ShareReference
    amount: Decimal | None = None
    fee: Decimal = Decimal(0)


def parse_pieces(texts: Sequence[str]) -> tuple[SplitPiece, ...]:
    """Read pieces as they are typed.

    Raises:
        InvalidEntrySplitError: names every one that can't be read, or that names a share again.
    """
    problems = list(_count_problems(texts))
    pieces: list[SplitPiece] = []
    for number, text in enumerate(texts[:PIECES_MAX], start=1):
        found = _PIECE.fullmatch(text)
        shares = find_shares(found[1]) if found else set()
        if found is None or len(shares) != 1:
            problems.append(_problem(f"part {number}", "piece", got=text[:60]))
            continue
        piece = SplitPiece(shares.pop(), Decimal(found[2]) if found[2] else None, Decimal(found[3] or 0))
        if any(piece.share == other.share for other in pieces):
            problems.append(_problem(f"part {number}", "again", share=_named(piece.share)))
        pieces.append(piece)
    if problems:
        raise InvalidEntrySplitError(problems=problems)
    return tuple(pieces)


def split_entry(
    amount: Decimal, pieces: Iterable[SplitPiece], shares: Mapping[ShareReference, OpenShare], currency: Currency
) -> list[Match]:
    """Return what an entry's pieces do to their shares, fees as matches of their own; together they are the entry.

    Raises:
        InvalidEntrySplitError: they do not add up to the entry, or a share can't have its piece; names every one.
    """
    sign = 1 if amount > 0 else -1
    problems: list[FieldProblem] = []
    matches: list[Match] = []
    for piece in pieces:
        name, share = _named(piece.share), shares.get(piece.share)
        if share is None:
            problems.append(_problem(name, "share"))
            continue
        if piece.fee and sign > 0:
            problems.append(_problem(name, "fee"))
        money = sign * (_all_of(share, sign) if piece.amount is None else piece.amount)
        match = match_share(money, piece.share, share)
        if match.outcome == "early":
            problems.append(_problem(name, "early", state=share.state))
        elif match.reason is not None:
            problems.append(_problem(name, "reason", reason=match.reason))
        elif not money:
            problems.append(_problem(name, "nothing"))
        for part in (money, piece.fee):
            if part != round(part, currency.minor_units):
                problems.append(_problem(name, "decimals", most=currency.minor_units, got=str(part)))
        matches.append(match)
        if piece.fee:
            matches.append(Match(sign * piece.fee, piece.share, "fee"))
    problems += _sum_problems(amount, matches)
    if problems:
        raise InvalidEntrySplitError(problems=problems)
    return matches


def _all_of(share: OpenShare, sign: int) -> Decimal:
    """Return all that a share may be paid the entry's way, or of what was paid of it all that may come back."""
    side = share.payable or share.received
    return abs(share.unpaid) if (side > 0) == (sign > 0) else abs(share.received)


def _sum_problems(amount: Decimal, matches: Iterable[Match]) -> Iterator[FieldProblem]:
    total = add_exactly(match.amount for match in matches)
    if total != amount:
        yield _problem("sum", "sum", amount=amount, total=total)


def _count_problems(texts: Sequence[str]) -> Iterator[FieldProblem]:
    if not 1 <= len(texts) <= PIECES_MAX:
        yield _problem("parts", "pieces", most=PIECES_MAX, got=len(texts))


def _problem(field: str, code: WordCode, **values: object) -> FieldProblem:
    return FieldProblem(field=field, problem=Worded.of(code, **values))


def _named(share: ShareReference) -> str:
    return share_reference(window=share.window, partner=share.partner)
