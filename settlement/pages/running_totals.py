"""What has been booked in a window so far, before it is calculated."""

from collections import defaultdict
from dataclasses import dataclass, field

from coalition.database.pool import Pool
from coalition.name_order import name_order
from settlement.engine.total import KINDS, Kind
from settlement.stores.hub import load_partner_names, load_programme, load_totals


@dataclass(slots=True)
class RunningTotals:
    """Points by kind and the number of operations."""

    points: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    operations: int = 0

    @property
    def issued(self) -> int:
        """Net of reversals."""
        return self.points["issued"] - self.points["issue_reversed"]

    @property
    def redeemed(self) -> int:
        """Net of reversals."""
        return self.points["redeemed"] - self.points["redeem_reversed"]

    @property
    def growth(self) -> int:
        return self.issued - self.redeemed


@dataclass(frozen=True, slots=True)
class RunningWindow:
    """All partners together, and each partner by name."""

    all: RunningTotals
    partners: list[tuple[str, RunningTotals]]


async def load_running(pool: Pool, window_no: int) -> RunningWindow:
    """Return a window's totals as they stand; while it is open they still grow, and lanes may be a batch apart."""
    async with pool.acquire() as connection:
        programme = await load_programme(connection)
        totals = await load_totals(connection, window_no, lanes=programme.lanes)
        names = await load_partner_names(connection)
    everyone = RunningTotals()
    partners: defaultdict[int, RunningTotals] = defaultdict(RunningTotals)
    for total in totals:
        for running in (everyone, partners[total.partner]):
            running.points[total.kind] += total.points
            running.operations += total.operations
    by_name = sorted(partners, key=lambda partner: (name_order(names[partner]), partner))
    return RunningWindow(everyone, [(names[partner], partners[partner]) for partner in by_name])


SELECT_LAST = "SELECT max(window_no) FROM clearing_window"


async def find_last_window(pool: Pool) -> int:
    """Return the number of the newest window, which is the open one."""
    async with pool.acquire() as connection:
        number: int = await connection.fetchval(SELECT_LAST)
    return number
