"""What reports ask the hub's books of points, over all lanes; figures of closed windows never change."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.stores.past_records import refuse_archived
from settlement.engine.cohort import LotTotal
from settlement.stores.report_query import report_query

# A report over everything may take longer than a request of a till may.
TIMEOUT_S = 120

COHORT_TOTALS = report_query("cohort_totals")


async def load_cohort_totals(connection: Connection, lanes: Sequence[int], *, until: int) -> list[LotTotal]:
    """Return what came into lots and left them by payer and month, up to the end of a window."""
    return [
        LotTotal(window=until, payer=payer, month=month, kind=kind, points=points)
        for payer, month, kind, points in await connection.fetch(COHORT_TOTALS, lanes, until, timeout=TIMEOUT_S)
    ]


MONTH_HISTORIES = report_query("month_histories")


async def load_month_histories(connection: Connection, lanes: Sequence[int], *, until: int) -> list[LotTotal]:
    """Return the same of all payers together, window by window."""
    return [
        LotTotal(window=window, payer=0, month=month, kind=kind, points=points)
        for window, month, kind, points in await connection.fetch(MONTH_HISTORIES, lanes, until, timeout=TIMEOUT_S)
    ]


ISSUED_BY_TERMS = report_query("issued_by_terms")


async def load_issued_by_terms(
    connection: Connection, lanes: Sequence[int], *, until: int
) -> dict[tuple[int, date], dict[int, int]]:
    """Return how many points each payer itself issued in a month of sale, by the version of its terms."""
    issued: defaultdict[tuple[int, date], dict[int, int]] = defaultdict(dict)
    for payer, month, version, points in await connection.fetch(ISSUED_BY_TERMS, lanes, until, timeout=TIMEOUT_S):
        issued[payer, month][version] = points
    return dict(issued)


OUTSTANDING_BY_ORIGIN = report_query("outstanding_by_origin")


async def load_outstanding_by_origin(
    connection: Connection, lanes: Sequence[int]
) -> list[tuple[date, date | None, int]]:
    """Return (month of sale, first day on which they can no longer be spent, points) of what lots have now."""
    rows = await connection.fetch(OUTSTANDING_BY_ORIGIN, lanes, timeout=TIMEOUT_S)
    return [(month, expires_on, points) for month, expires_on, points in rows]


SELECT_LANE_DAYS = "SELECT lane, day, outstanding FROM lane_day WHERE lane = ANY($1) ORDER BY day, lane"


async def load_outstanding_by_day(connection: Connection, lanes: Sequence[int]) -> dict[date, int]:
    """Return the points outstanding at the end of each day on which any lane booked."""
    of_lane: dict[int, int] = {}
    days: dict[date, int] = {}
    for lane, day, outstanding in await connection.fetch(SELECT_LANE_DAYS, lanes, timeout=TIMEOUT_S):
        of_lane[lane] = outstanding
        days[day] = sum(of_lane.values())
    return days


class PartnerPoints(NamedTuple):
    """Points of one kind that a partner is billed in a window; of expired ones it is the payer."""

    partner: int
    kind: str
    points: int
    operations: int


POINTS_BY_PARTNER = report_query("points_by_partner")


async def load_points_by_partner(connection: Connection, lanes: Sequence[int], window_no: int) -> list[PartnerPoints]:
    rows = await connection.fetch(POINTS_BY_PARTNER, lanes, window_no, timeout=TIMEOUT_S)
    return [PartnerPoints(*row.values()) for row in rows]


class ShopPoints(NamedTuple):
    """What was booked at one shop; `shop` None: the till did not say which."""

    partner: int
    shop: str | None
    kind: str
    points: int
    operations: int


POINTS_BY_SHOP = report_query("points_by_shop")


async def load_points_by_shop(connection: Connection, window_no: int) -> list[ShopPoints]:
    """Return what a window booked at each shop. Raises WindowArchivedError."""
    await refuse_archived(connection, [window_no])
    rows = await connection.fetch(POINTS_BY_SHOP, window_no, window_no - 1, timeout=TIMEOUT_S)
    return [ShopPoints(*row.values()) for row in rows]


class LanePoints(NamedTuple):
    """What each book says that the members of a lane hold."""

    lane: int
    outstanding: int
    booked_by_partners: int
    booked_in_lots: int
    left_in_lots: int
    balances: int
    debts: int


POINTS_BY_LANE = report_query("points_by_lane")


async def load_points_by_lane(connection: Connection) -> list[LanePoints]:
    """Return the books lane by lane, so that each lane's figures are of one moment."""
    return [LanePoints(*row.values()) for row in await connection.fetch(POINTS_BY_LANE, timeout=TIMEOUT_S)]


GROWTH_BY_WINDOW = report_query("growth_by_window")


async def load_points_by_window(connection: Connection, lanes: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return the points of each window by kind, the open one's so far."""
    windows: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for window, kind, points in await connection.fetch(GROWTH_BY_WINDOW, lanes, timeout=TIMEOUT_S):
        windows[window][kind] = points
    return dict(windows)


SELECT_LANES_CLOSED = "SELECT count(*) FROM lane_window WHERE lane = ANY($1) AND window_no = $2"


async def count_lanes_closed(connection: Connection, lanes: Sequence[int], window_no: int) -> int:
    """Return how many lanes have ended a window."""
    count: int = await connection.fetchval(SELECT_LANES_CLOSED, lanes, window_no)
    return count
