"""How much of its net debit cap each partner uses."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.engine.states import has_reached
from settlement.operations.reports.asked import Asked, fraction
from settlement.stores.cap_use import CapUse, load_cap_use

COLUMNS = (
    Column("partner", "text"),
    Column("cap", "money"),
    Column("position", "money"),
    Column("room", "money"),
    Column("used", "fraction"),
)
POSITIONS = (Column("partner", "text"), Column("window", "count"), Column("position", "money"))


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
            {"position": Source("reports/caps", {"partner": use.partner}, table="positions")},
        )
        for use in sorted(found, key=lambda use: asked.place(use.partner))
    )
    table = Table(
        key="caps",
        columns=COLUMNS,
        rows=rows,
        total=sum_row(COLUMNS, rows, summed=frozenset(("cap", "position", "room"))),
    )
    chart = Chart(kind="bars", table="caps", label="partner", figures=("used",))
    positions = Table(key="positions", columns=POSITIONS, rows=tuple(_positions(asked, found)))
    return replace(asked.report("caps", table, positions, has_window=False), charts=(chart,) if rows else ())


def _positions(asked: Asked, found: Sequence[CapUse]) -> Iterator[Row]:
    """Give each position by its windows: those with a statement lead to its lines, others to their operations."""
    has_statement = {window.window_no: has_reached(window.state, "CALCULATED") for window in asked.windows}
    for use in sorted(found, key=lambda use: asked.place(use.partner)):
        for window, position in sorted(use.positions.items()):
            behind: dict[str, str | int] = {"window": window, "partner": use.partner, "kind": "operations", "billed": 1}
            source = (
                Source(f"windows/{window}/partners/{use.partner}")
                if has_statement[window]
                else Source("operations", behind)
            )
            yield Row(
                (asked.name(use.partner), window, asked.rounded(position)),
                {"window": Source(f"windows/{window}"), "position": source},
            )
