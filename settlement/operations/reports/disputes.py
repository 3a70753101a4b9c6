"""Open disputes, with how long there is to answer them."""

from dataclasses import replace

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, Words, sum_row
from settlement.operations.reports.asked import Asked
from settlement.stores.disputes import Dispute, load_disputes

COLUMNS = (
    Column("dispute", "text"),
    Column("partner", "text"),
    Column("window", "count"),
    Column("about", "word"),
    Column("received_at", "moment"),
    Column("answer_until", "day"),
    Column("days_left", "count"),
    Column("claimed", "money"),
    Column("held", "money"),
    Column("reason", "text"),
)


async def report_disputes(asked: Asked) -> Report:
    """Return what is not answered yet, in the order of the days until which it has to be."""
    found = await load_disputes(asked.connection, asked.currency, partner=asked.partner, state="OPEN")
    rows = tuple(_row(asked, one) for one in sorted(found, key=lambda one: (one.answer_until, one.dispute)))
    table = Table(
        key="open_disputes",
        columns=COLUMNS,
        rows=rows,
        total=sum_row(COLUMNS, rows, summed=frozenset(("claimed", "held"))),
    )
    chart = Chart(kind="bars", table="open_disputes", label="partner", figures=("claimed",))
    return replace(asked.report("disputes", table, has_window=False), charts=(chart,) if rows else ())


def _row(asked: Asked, dispute: Dispute) -> Row:
    claim = dispute.claim
    about = (
        Words("dispute.operations", {"count": len(claim.operation_ids)})
        if claim.line is None
        else Words("dispute.line", {"code": claim.line[0], "version": claim.line[1]})
    )
    lines = Source(f"windows/{dispute.window_no}/partners/{dispute.partner}")
    return Row(
        (
            str(dispute.dispute),
            asked.name(dispute.partner),
            dispute.window_no,
            about,
            dispute.received_at.astimezone(asked.programme.zone),
            dispute.answer_until,
            (dispute.answer_until - asked.today).days,
            claim.amount,
            dispute.held,
            claim.reason,
        ),
        {
            "dispute": Source(f"windows/{dispute.window_no}", table=f"dispute-{dispute.dispute}"),
            **dict.fromkeys(("claimed", "held", "window"), lines),
        },
    )
