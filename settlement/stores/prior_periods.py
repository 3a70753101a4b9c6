"""What a closed window booked of earlier periods. Read only where its totals say that there is any."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from coalition.database.pool import Connection
from settlement.engine.prior_period import PriorPeriod, sales_begin
from settlement.stores.report_query import report_query

SELECT_SOLD_UNTIL = """
SELECT max(last_occurred_at) FROM window_total
WHERE lane = ANY($1) AND window_no < $2 AND kind NOT IN ('expired', 'moved_out', 'moved_in')
"""


async def load_sales_begin(
    connection: Connection, window_no: int, *, opened_at: datetime, lanes: int
) -> datetime | None:
    """Return the moment before which a sale in a window is of an earlier period, as `sales_begin` has it."""
    sold_until: datetime | None = await connection.fetchval(SELECT_SOLD_UNTIL, list(range(lanes)), window_no)
    return sales_begin(opened_at=opened_at, sold_until=sold_until)


PRIOR_PERIODS = report_query("prior_periods")


async def load_prior_periods(
    connection: Connection, window_no: int, partners: Sequence[int], *, begin: datetime, zone: ZoneInfo
) -> dict[int, list[PriorPeriod]]:
    """Return what some partners booked in a closed window of before a moment, by kind."""
    if not partners:
        return {}
    late: defaultdict[int, list[PriorPeriod]] = defaultdict(list)
    for row in await connection.fetch(PRIOR_PERIODS, window_no, window_no - 1, begin, list(partners)):
        late[row["partner"]].append(
            PriorPeriod(
                kind=row["kind"],
                points=row["points"],
                operations=row["operations"],
                first_day=row["oldest"].astimezone(zone).date(),
                last_day=row["newest"].astimezone(zone).date(),
            )
        )
    return dict(late)
