"""The points fund and its cover, day by day."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from settlement.documents.report import Chart, Column, Report, Row, Source, Table
from settlement.engine.fund import FundMove, fund_by_day
from settlement.operations.reports.asked import Asked
from settlement.stores.money_reports import ShareMoney, load_money_by_share, load_paid
from settlement.stores.points_reports import load_outstanding_by_day
from settlement.stores.windows import Window

COLUMNS = (
    Column("day", "day"),
    Column("outstanding", "points"),
    Column("value", "money"),
    Column("paid_in", "money"),
    Column("paid_out", "money"),
    Column("fund", "money"),
    Column("billed", "money"),
    Column("cover", "fraction"),
)

SHARES = (
    Column("window", "count"),
    Column("partner", "text"),
    Column("billed_on", "day"),
    Column("paid_on", "day"),
    Column("paid_in", "money"),
    Column("paid_out", "money"),
)


async def report_fund(asked: Asked) -> Report:
    """Return each day on which points were booked or money for points was billed or paid."""
    moves = sorted(await load_fund_moves(asked), key=lambda move: (move.window, asked.place(move.partner)))
    days = fund_by_day(
        await load_outstanding_by_day(asked.connection, asked.lanes),
        moves,
        point_value=asked.programme.point_value,
        currency=asked.currency,
    )
    by_share = Source("reports/fund", table="fund_by_share")
    rows = tuple(
        Row(
            (one.day, one.outstanding, one.value, one.paid_in, one.paid_out, one.fund, one.billed, one.cover),
            {
                **dict.fromkeys(("outstanding", "value"), _points_until(asked, one.day)),
                **dict.fromkeys(("paid_in", "paid_out", "fund", "billed"), by_share),
            },
        )
        for one in days
    )
    report = asked.report(
        "fund",
        Table(key="fund_by_day", columns=COLUMNS, rows=rows),
        Table(key="fund_by_share", columns=SHARES, rows=tuple(_share_row(asked, move) for move in moves)),
        has_window=False,
    )
    return replace(
        report,
        charts=(Chart(kind="line", table="fund_by_day", label="day", figures=("value", "fund")),) if rows else (),
    )


def _share_row(asked: Asked, move: FundMove) -> Row:
    lines = Source(f"windows/{move.window}/partners/{move.partner}")
    return Row(
        (move.window, asked.name(move.partner), move.billed_on, move.paid_on, move.paid_in, move.paid_out),
        dict.fromkeys(("window", "paid_in", "paid_out"), lines),
    )


def _points_until(asked: Asked, day: date) -> Source:
    """Return the points of the window that was open when a day ended."""
    begun = [window for window in asked.windows if window.opened_at.astimezone(asked.programme.zone).date() <= day]
    window = max((window.window_no for window in begun), default=1)
    return Source("reports/points", {"window": window})


async def load_fund_moves(asked: Asked) -> list[FundMove]:
    """Return the money for points in every statement, with the days on which it was billed and paid.

    It is paid when the whole share is, on the day of the last payment of it; one that came to nothing by netting, or
    was carried into a later share, on the day when it was due.
    """
    windows = {window.window_no: window for window in asked.windows}
    paid = await load_paid(asked.connection, asked.currency)
    shares = await load_money_by_share(asked.connection, list(windows), point_value=asked.programme.point_value)
    return [
        FundMove(
            window=share.window_no,
            partner=share.partner,
            paid_in=share.paid_in,
            paid_out=share.redemption_credit,
            billed_on=share.invoiced_on or _day_closed(asked, windows[share.window_no]),
            paid_on=_paid_on(share, paid.get((share.window_no, share.partner))),
        )
        for share in shares
    ]


def _paid_on(share: ShareMoney, paid: tuple[date, Decimal] | None) -> date | None:
    if not share.is_cleared:
        return None
    return paid[0] if paid else share.due_on or share.invoiced_on


def _day_closed(asked: Asked, window: Window) -> date:
    # Not invoiced yet: it is known from the end of the window on what there is to be billed.
    assert window.closed_at is not None, "a calculated window is closed"
    return window.closed_at.astimezone(asked.programme.zone).date()
