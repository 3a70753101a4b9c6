"""The liability by age: points outstanding now, by month of sale and by month of expiry, and what they are worth."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from settlement.documents.report import Cell, Chart, Column, Report, Row, Source, Table, sum_row
from settlement.operations.reports.asked import Asked, fraction
from settlement.stores.points_reports import load_outstanding_by_origin

BY_SALE = (
    Column("month", "month"),
    Column("outstanding", "points"),
    Column("value", "money"),
    Column("share_of_all", "fraction"),
)
BY_EXPIRY = (
    Column("expires_in", "word"),
    Column("outstanding", "points"),
    Column("value", "money"),
    Column("share_of_all", "fraction"),
)
BY_EXPIRY_DAY = (Column("expires_on", "day"), Column("outstanding", "points"), Column("value", "money"))

# Up to so many days ahead; what is due is booked with the next touch of its account.
SPANS: tuple[tuple[int, str], ...] = (
    (0, "expires.due"),
    (30, "expires.within_30"),
    (90, "expires.within_90"),
    (180, "expires.within_180"),
    (365, "expires.within_365"),
    (730, "expires.within_730"),
)
LATER, NEVER = "expires.later", "expires.never"


async def report_ageing(asked: Asked) -> Report:
    """Return what is outstanding now; the open window's points are part of it."""
    by_sale: defaultdict[date, int] = defaultdict(int)
    by_span: defaultdict[str, int] = defaultdict(int)
    by_day: defaultdict[date, int] = defaultdict(int)
    for month, expires_on, points in await load_outstanding_by_origin(asked.connection, asked.lanes):
        by_sale[month] += points
        by_span[_span(expires_on, asked.today)] += points
        if expires_on is not None:
            by_day[expires_on] += points
    whole = sum(by_sale.values())
    sales = tuple(
        Row(
            (month, points, asked.value(points), fraction(points, whole)),
            dict.fromkeys(("outstanding", "value"), Source("lots", {"month": f"{month:%Y-%m}", "left": 1})),
        )
        for month, points in sorted(by_sale.items())
    )
    spans = tuple(
        Row(
            (span, by_span[span], asked.value(by_span[span]), fraction(by_span[span], whole)),
            dict.fromkeys(("outstanding", "value"), Source("lots", _expiring(span, asked.today))),
        )
        for span in (*(name for _, name in SPANS), LATER, NEVER)
        if by_span[span]
    )
    days = tuple(
        Row(
            (day, points, asked.value(points)),
            dict.fromkeys(("outstanding", "value"), Source("lots", {"expires": day.isoformat(), "left": 1})),
        )
        for day, points in sorted(by_day.items())
    )
    total: tuple[Cell, ...] = (None, whole, asked.value(whole), Decimal(1) if whole else None)
    report = asked.report(
        "ageing",
        Table(key="outstanding_by_sale", columns=BY_SALE, rows=sales, total=Row(total)),
        Table(key="outstanding_by_expiry", columns=BY_EXPIRY, rows=spans, total=Row(total)),
        Table(
            key="outstanding_by_day",
            columns=BY_EXPIRY_DAY,
            rows=days,
            total=sum_row(BY_EXPIRY_DAY, days, summed=frozenset(("outstanding", "value"))),
        ),
        has_window=False,
    )
    return replace(
        report,
        charts=(
            Chart(kind="bars", table="outstanding_by_sale", label="month", figures=("outstanding",)),
            Chart(kind="bars", table="outstanding_by_expiry", label="expires_in", figures=("outstanding",)),
        ),
    )


def _expiring(span: str, today: date) -> dict[str, str | int]:
    """Return what the lots of a span are asked by: the days between which they expire, both of them in it."""
    if span == NEVER:
        return {"expires": "never", "left": 1}
    asked: dict[str, str | int] = {"left": 1}
    before = None
    for most, name in (*SPANS, (None, LATER)):
        if name == span:
            asked |= {} if before is None else {"from": (today + timedelta(days=before + 1)).isoformat()}
            asked |= {} if most is None else {"until": (today + timedelta(days=most)).isoformat()}
        before = most
    return asked


def _span(expires_on: date | None, today: date) -> str:
    if expires_on is None:
        return NEVER
    days = (expires_on - today).days
    return next((name for most, name in SPANS if days <= most), LATER)
