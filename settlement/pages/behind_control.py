"""What stands behind two lines of the control totals: members' debts, and points moved between accounts."""

import re
from typing import Final, NamedTuple

from aiohttp import web

from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from settlement.pages.behind import PAGE_ROWS, place_asked, turned
from settlement.stores.debts import load_changes, load_debtors
from settlement.stores.hub import load_programme
from settlement.stores.points_reports import load_points_by_window

ACCOUNT_PATTERN: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,18}")
# The newest ones; all of an account's are on its own page.
CHANGES_SHOWN: Final = 5


class WindowMoves(NamedTuple):
    """Points that left accounts and came to others in a window."""

    window_no: int
    moved_out: int
    moved_in: int

    @property
    def difference(self) -> int:
        return self.moved_in - self.moved_out


async def show_debts(visit: Visit) -> web.StreamResponse:
    """Show the accounts that owe points, each with the records that made its debt."""
    await signed_in_operator(visit)
    lane, account = place_asked(visit, ACCOUNT_PATTERN, (0, -1))
    async with visit.site.pool.acquire() as connection:
        found = await load_debtors(connection, after=(lane, account), count_max=PAGE_ROWS + 1)
        page = found[:PAGE_ROWS]
        # One more than is shown says that there are more.
        changes = await load_changes(connection, page, count_max=CHANGES_SHOWN + 1)
    return visit.render(
        "finance/debts.html",
        debtors=page,
        changes=changes,
        changes_shown=CHANGES_SHOWN,
        first=turned(visit, None) if "after" in visit.request.query else None,
        next=turned(visit, f"{page[-1].lane}.{page[-1].account}") if len(found) > PAGE_ROWS else None,
    )


async def show_moves(visit: Visit) -> web.StreamResponse:
    """Show by window what left accounts and what came to others, the newest window first."""
    await signed_in_operator(visit)
    async with visit.site.pool.acquire() as connection:
        programme = await load_programme(connection)
        windows = await load_points_by_window(connection, range(programme.lanes))
    moves = [
        WindowMoves(window_no, kinds.get("moved_out", 0), kinds.get("moved_in", 0))
        for window_no, kinds in sorted(windows.items(), reverse=True)
    ]
    return visit.render("finance/moves.html", moves=[move for move in moves if move.moved_out or move.moved_in])
