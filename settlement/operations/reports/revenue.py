"""Liability and revenue for points by IFRS 15, cohort by cohort."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.engine.breakage import Estimate
from settlement.engine.deferred_revenue import RevenuePosition
from settlement.engine.money import add_exactly
from settlement.operations.reports.asked import Asked, fraction
from settlement.operations.reports.cohorts import CohortKey, load_revenue

MONTHS = (
    Column("month", "month"),
    Column("issued", "points"),
    Column("redeemed", "points"),
    Column("expected_redemption", "fraction"),
    Column("price", "money"),
    Column("revenue_before", "money"),
    Column("revenue", "money"),
    Column("revenue_to_date", "money"),
    Column("liability", "money"),
)
PAYERS = (
    Column("payer", "text"),
    Column("price", "money"),
    Column("revenue_before", "money"),
    Column("revenue", "money"),
    Column("revenue_to_date", "money"),
    Column("liability", "money"),
)
FIGURES = ("price", "revenue_before", "revenue", "revenue_to_date", "liability")
Found = tuple[CohortKey, tuple[Estimate, RevenuePosition]]


async def report_revenue(asked: Asked) -> Report:
    """Return revenue and liability at the end of a window, and the window's own revenue, by month and by payer."""
    found = list((await load_revenue(asked)).items())
    by_month = groupby(sorted(found, key=lambda one: (one[0][1], one[0][0])), key=lambda one: one[0][1])
    months = tuple(_month_row(asked, month, list(group)) for month, group in by_month)
    by_payer = groupby(sorted(found, key=lambda one: (asked.place(one[0][0]), one[0])), key=lambda one: one[0][0])
    payers = tuple(_payer_row(asked, payer, list(group)) for payer, group in by_payer)
    money = frozenset(column.key for column in MONTHS if column.kind in ("money", "points"))
    report = asked.report(
        "revenue",
        Table(key="revenue_by_month", columns=MONTHS, rows=months, total=sum_row(MONTHS, months, summed=money)),
        Table(key="revenue_by_payer", columns=PAYERS, rows=payers, total=sum_row(PAYERS, payers, summed=money)),
    )
    figures = ("revenue_to_date", "liability")
    return replace(report, charts=(Chart(kind="parts", table="revenue_by_month", label="month", figures=figures),))


def _month_row(asked: Asked, month: date, found: Sequence[Found]) -> Row:
    estimates = [estimate for _, (estimate, _) in found]
    issued = sum(one.cohort.issued for one in estimates)
    of_payer = {} if asked.partner is None else {"payer": asked.partner}
    lots = Source("lots", {"month": f"{month:%Y-%m}", **of_payer})
    return Row(
        (
            month,
            issued,
            sum(one.cohort.redeemed for one in estimates),
            fraction(sum(one.redeemed_in_the_end for one in estimates), issued),
            *_money([position for _, (_, position) in found]),
        ),
        dict.fromkeys(("issued", "redeemed", *FIGURES), lots),
    )


def _payer_row(asked: Asked, payer: int, found: Sequence[Found]) -> Row:
    return Row(
        (asked.name(payer), *_money([position for _, (_, position) in found])),
        dict.fromkeys(FIGURES, Source("lots", {"payer": payer})),
    )


def _money(positions: Sequence[RevenuePosition]) -> tuple[Decimal, ...]:
    return tuple(add_exactly(getattr(position, figure) for position in positions) for figure in FIGURES)
