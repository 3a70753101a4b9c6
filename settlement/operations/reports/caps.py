"""How much of its net debit cap each partner uses."""

from dataclasses import replace
from decimal import Decimal

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.operations.reports.asked import Asked, fraction
from settlement.stores.cap_use import load_cap_use

COLUMNS = (
    Column("partner", "text"),
    Column("cap", "money"),
    Column("position", "money"),
    Column("room", "money"),
    Column("used", "fraction"),
)


async def report_caps(asked: Asked) -> Report:
    """Return each partner that has a cap, with its position over all windows that it has not paid, before VAT."""
    found = [
        use for use in await load_cap_use(asked.connection, asked.lanes, asked.currency) if asked.wants(use.partner)
    ]
    rows = tuple(
        Row(
            (
                asked.name(use.partner),
                use.cap,
                asked.rounded(use.position),
                asked.rounded(use.cap - use.position),
                fraction(max(use.position, Decimal(0)), use.cap),
            ),
            {"position": Source("reports/payments", {"partner": use.partner})},
        )
        for use in sorted(found, key=lambda use: asked.name(use.partner))
    )
    table = Table(
        key="caps",
        columns=COLUMNS,
        rows=rows,
        total=sum_row(COLUMNS, rows, summed=frozenset(("cap", "position", "room"))),
    )
    chart = Chart(kind="bars", table="caps", label="partner", figures=("used",))
    return replace(asked.report("caps", table, has_window=False), charts=(chart,) if rows else ())
