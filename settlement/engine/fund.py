"""The points fund, day by day: money paid in for points less money paid out for them, beside what points are worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal

from settlement.engine.money import Currency, add_exactly, multiply_exactly, round_half_up

_RATIO = Context(prec=50)
RATIO_UNIT = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class FundMove:
    """Money for points of one partner in one window; `billed_on` None: not yet, `paid_on` None: not yet."""

    window: int
    partner: int
    paid_in: Decimal
    paid_out: Decimal
    billed_on: date | None
    paid_on: date | None

    @property
    def amount(self) -> Decimal:
        return self.paid_in - self.paid_out


@dataclass(frozen=True, slots=True, kw_only=True)
class FundDay:
    """The end of a day. `billed` is what was billed and not paid by then; `cover` None: no points were outstanding."""

    day: date
    outstanding: int
    value: Decimal
    paid_in: Decimal
    paid_out: Decimal
    fund: Decimal
    billed: Decimal
    cover: Decimal | None


def fund_by_day(
    outstanding: Mapping[date, int], moves: Iterable[FundMove], *, point_value: Decimal, currency: Currency
) -> tuple[FundDay, ...]:
    """Return the days on which points were booked or money moved, in order, each with the figures of its end.

    `outstanding` holds the points at the end of each day on which they changed; on the days between they stay.
    """
    moves = tuple(moves)
    paid: defaultdict[date, list[FundMove]] = defaultdict(list)
    billed: defaultdict[date, list[FundMove]] = defaultdict(list)
    for move in moves:
        if move.paid_on is not None:
            paid[move.paid_on].append(move)
        if move.billed_on is not None:
            billed[move.billed_on].append(move)
    days, points, fund, due = [], 0, Decimal(0), Decimal(0)
    for day in sorted(outstanding.keys() | paid.keys() | billed.keys()):
        points = outstanding.get(day, points)
        paid_in = add_exactly(move.paid_in for move in paid[day])
        paid_out = add_exactly(move.paid_out for move in paid[day])
        fund += paid_in - paid_out
        due += add_exactly(move.amount for move in billed[day]) - (paid_in - paid_out)
        value = round_half_up(multiply_exactly(points, point_value), currency)
        days.append(
            FundDay(
                day=day,
                outstanding=points,
                value=value,
                paid_in=round_half_up(paid_in, currency),
                paid_out=round_half_up(paid_out, currency),
                fund=round_half_up(fund, currency),
                billed=round_half_up(due, currency),
                cover=cover_ratio(fund, value),
            )
        )
    return tuple(days)


def cover_ratio(fund: Decimal, value: Decimal) -> Decimal | None:
    """Return the money in the fund by the value that it covers, to four decimals; None: there is nothing to cover."""
    return _RATIO.divide(fund, value).quantize(RATIO_UNIT) if value else None
