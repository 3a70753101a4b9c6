"""Late items: operations of an earlier period than the window in which they are booked."""

from dataclasses import replace

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.engine.prior_period import LateItems
from settlement.operations.reports.asked import Asked
from settlement.operations.reports.points import COLUMN_OF_KIND
from settlement.stores.late_items import load_late_items
from settlement.stores.sales_begin import load_sales_begin

COLUMNS = (
    Column("partner", "text"),
    Column("kind", "word"),
    Column("operations", "count"),
    Column("points", "points"),
    Column("oldest", "moment"),
    Column("newest", "moment"),
)


async def report_late(asked: Asked) -> Report:
    """Return them by partner and kind; each leads to its operations."""
    window = asked.window
    begin = await load_sales_begin(
        asked.connection, window.window_no, opened_at=window.opened_at, lanes=asked.programme.lanes
    )
    found = (
        []
        if begin is None
        else await load_late_items(asked.connection, window.window_no, begin=begin, lanes=asked.lanes)
    )
    found.sort(key=lambda late: asked.place(late.partner))
    rows = tuple(_row(asked, late) for late in found if asked.wants(late.partner))
    table = Table(
        key="late_items",
        columns=COLUMNS,
        rows=rows,
        total=sum_row(COLUMNS, rows, summed=frozenset(("operations",))),
    )
    chart = Chart(kind="bars", table="late_items", label="partner", figures=("operations",))
    return replace(asked.report("late", table), charts=(chart,) if rows else ())


def _row(asked: Asked, late: LateItems) -> Row:
    behind: dict[str, str | int] = {
        "window": asked.window.window_no,
        "partner": late.partner,
        "kind": COLUMN_OF_KIND[late.kind],
        "late": 1,
    }
    zone = asked.programme.zone
    return Row(
        (
            asked.name(late.partner),
            f"record.{late.kind}",
            late.operations,
            late.points,
            late.oldest.astimezone(zone),
            late.newest.astimezone(zone),
        ),
        dict.fromkeys(("operations", "points"), Source("operations", behind)),
    )
