"""Open payments: what is invoiced and not paid, with how long it is overdue."""

from dataclasses import replace

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.operations.reports.asked import Asked
from settlement.stores.shares import Share, load_shares

COLUMNS = (
    Column("window", "count"),
    Column("partner", "text"),
    Column("state", "word"),
    Column("due_on", "day"),
    Column("days_overdue", "count"),
    Column("payable", "money"),
    Column("paid", "money"),
    Column("unpaid", "money"),
)


async def report_payments(asked: Asked) -> Report:
    """Return the shares of which something is left to pay, the longest overdue first."""
    numbers = [window.window_no for window in asked.windows]
    shares = [
        share
        for share in await load_shares(asked.connection, numbers, asked.currency)
        if share.invoiced_on is not None
        and share.unpaid
        and share.state != "CARRIED_FORWARD"
        and asked.wants(share.partner)
    ]
    rows = tuple(
        _row(asked, share) for share in sorted(shares, key=lambda one: (one.due_on or asked.today, one.window_no))
    )
    summed = frozenset(("payable", "paid", "unpaid"))
    table = Table(key="open_payments", columns=COLUMNS, rows=rows, total=sum_row(COLUMNS, rows, summed=summed))
    chart = Chart(kind="bars", table="open_payments", label="partner", figures=("unpaid",))
    return replace(asked.report("payments", table, has_window=False), charts=(chart,) if rows else ())


def _row(asked: Asked, share: Share) -> Row:
    late = max((asked.today - share.due_on).days, 0) if share.due_on is not None else 0
    lines = Source(f"windows/{share.window_no}/partners/{share.partner}")
    return Row(
        (
            share.window_no,
            asked.name(share.partner),
            f"share_state.{share.state}",
            share.due_on,
            # Only who owes can be late; what the operator has to pay is due all the same.
            late,
            share.payable,
            share.paid,
            share.unpaid,
        ),
        # What was paid, and by which reference, stands with the window.
        {"window": lines, "payable": lines, "unpaid": lines, "paid": Source(f"windows/{share.window_no}")},
    )
