"""The matrix payer x redeemer: whose points were redeemed at whom, in points and in money.

A redeemer's credit is split over the payers of the lots that were taken, by largest remainder, so that the parts add
up to its statement's lines to the cent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from settlement.engine.line import Line, LineCode
from settlement.engine.money import Currency, add_exactly, split_by_largest_remainder
from settlement.engine.origin import UNKNOWN_PAYER, OriginTotal
from settlement.errors import Difference
from settlement.worded import Worded

_RedemptionKind = Literal["redeemed", "redeem_reversed"]
_CREDITS: dict[LineCode, tuple[_RedemptionKind, int]] = {
    "redemption_credit": ("redeemed", 1),
    "redemption_credit_reversed": ("redeem_reversed", -1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """Points of one payer redeemed at one partner, and what the partner is credited for them; net of reversals.

    `payer` 0: points of before there was a book of lots.
    """

    payer: int
    redeemer: int
    points: int
    amount: Decimal


def matrix_of(
    lines_by_partner: Mapping[int, Sequence[Line]], origins: Iterable[OriginTotal], currency: Currency
) -> tuple[MatrixCell, ...]:
    """Return the matrix of a window, by payer, then redeemer; the cells of a redeemer sum to its credit lines."""
    weights = _weights(origins)
    points: defaultdict[tuple[int, int], int] = defaultdict(int)
    amounts: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for redeemer, lines in lines_by_partner.items():
        for line in lines:
            if line.code not in _CREDITS or not line.points:
                continue
            kind, sign = _CREDITS[line.code]
            shares = _shares(abs(line.points), weights.get((redeemer, kind, line.terms_version), {}))
            # What is owed to the redeemer is a negative line.
            parts = split_by_largest_remainder(-line.amount, list(shares.values()), currency)
            for (payer, count), part in zip(shares.items(), parts, strict=True):
                points[payer, redeemer] += sign * count
                amounts[payer, redeemer] = add_exactly((amounts[payer, redeemer], part))
    return tuple(
        MatrixCell(payer=payer, redeemer=redeemer, points=count, amount=amounts[payer, redeemer])
        for (payer, redeemer), count in sorted(points.items())
    )


def matrix_differences(
    lines_by_partner: Mapping[int, Sequence[Line]], origins: Iterable[OriginTotal]
) -> list[Difference]:
    """Return where the book of lots says that more was redeemed at a partner than the partner's own totals."""
    weights = _weights(origins)
    redeemed: defaultdict[tuple[int, _RedemptionKind, int], int] = defaultdict(int)
    for redeemer, lines in lines_by_partner.items():
        for line in lines:
            if line.code in _CREDITS:
                redeemed[redeemer, _CREDITS[line.code][0], line.terms_version] += abs(line.points or 0)
    return [
        Difference(
            where=Worded.of("origin_points", kind=kind, partner=redeemer, version=version),
            expected=redeemed[redeemer, kind, version],
            actual=sum(payers.values()),
        )
        for (redeemer, kind, version), payers in sorted(weights.items())
        if sum(payers.values()) > redeemed[redeemer, kind, version]
    ]


def _weights(origins: Iterable[OriginTotal]) -> dict[tuple[int, _RedemptionKind, int], dict[int, int]]:
    weights: dict[tuple[int, _RedemptionKind, int], dict[int, int]] = {}
    for origin in sorted(origins, key=lambda origin: origin.payer):
        if origin.kind != "redeemed" and origin.kind != "redeem_reversed":
            continue
        payers = weights.setdefault((origin.counterparty, origin.kind, origin.terms_version), {})
        payers[origin.payer] = payers.get(origin.payer, 0) + origin.points
    return weights


def _shares(points: int, payers: Mapping[int, int]) -> dict[int, int]:
    unknown = points - sum(payers.values())
    return {UNKNOWN_PAYER: unknown, **payers} if unknown > 0 else dict(payers)
