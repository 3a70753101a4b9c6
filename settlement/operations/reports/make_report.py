"""Make a report by its name."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, get_args

from coalition.database.pool import Connection, Pool
from settlement.documents.report import Report
from settlement.errors import UnknownPartnerError, UnknownWindowError
from settlement.operations.reports.ageing import report_ageing
from settlement.operations.reports.asked import Asked
from settlement.operations.reports.breakage import report_breakage
from settlement.operations.reports.caps import report_caps
from settlement.operations.reports.close import report_close
from settlement.operations.reports.control import report_control
from settlement.operations.reports.disputes import report_disputes
from settlement.operations.reports.fund import report_fund
from settlement.operations.reports.late import report_late
from settlement.operations.reports.nets import report_nets
from settlement.operations.reports.payments import report_payments
from settlement.operations.reports.points import report_points, report_shops
from settlement.operations.reports.revenue import report_revenue
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.windows import Window, load_windows

ReportName = Literal[
    "close",
    "control",
    "nets",
    "points",
    "shops",
    "ageing",
    "breakage",
    "revenue",
    "fund",
    "late",
    "caps",
    "payments",
    "disputes",
]
REPORT_NAMES: tuple[ReportName, ...] = get_args(ReportName)
WINDOWS_MAX = 100_000

REPORTS: Mapping[ReportName, Callable[[Asked], Awaitable[Report]]] = {
    "close": report_close,
    "control": report_control,
    "nets": report_nets,
    "points": report_points,
    "shops": report_shops,
    "ageing": report_ageing,
    "breakage": report_breakage,
    "revenue": report_revenue,
    "fund": report_fund,
    "late": report_late,
    "caps": report_caps,
    "payments": report_payments,
    "disputes": report_disputes,
}


async def make_report(
    pool: Pool, name: ReportName, *, window_no: int | None = None, partner: int | None = None, now: datetime
) -> Report:
    """Return a report, all of it as of one moment.

    `window_no` None: the newest closed window; for the close the oldest one that is not settled; the open one where
    none is closed.

    Raises:
        UnknownWindowError, UnknownPartnerError: there is none of that number.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await REPORTS[name](await load_asked(connection, name, window_no=window_no, partner=partner, now=now))


async def load_asked(
    connection: Connection, name: ReportName, *, window_no: int | None, partner: int | None, now: datetime
) -> Asked:
    """Return what a report is made from."""
    names = await load_partner_names(connection)
    if partner is not None and partner not in names:
        raise UnknownPartnerError(partner=partner)
    windows = await load_windows(connection, after=0, count_max=WINDOWS_MAX)
    return Asked(
        connection=connection,
        programme=await load_programme(connection),
        names=names,
        windows=windows,
        window=_window(windows, name, window_no),
        partner=partner,
        now=now,
    )


def _window(windows: Sequence[Window], name: ReportName, window_no: int | None) -> Window:
    if window_no is not None:
        found = next((window for window in windows if window.window_no == window_no), None)
        if found is None:
            raise UnknownWindowError(window=window_no)
        return found
    closed = [window for window in windows if window.closed_at is not None]
    if name == "close":
        # The oldest that is not settled; the open one where all are.
        return next((window for window in windows if window.state != "SETTLED"), windows[-1])
    return closed[-1] if closed else windows[-1]
