"""When a window begins for sales."""

from datetime import datetime, timedelta
from typing import Final

from coalition.database.pool import Connection
from settlement.engine.prior_period import sales_begin

# No operation is taken whose till says that it occurred so long after the hub's clock; a window has none from after it.
AHEAD: Final = timedelta(days=1)

SELECT_BEFORE = "SELECT window_no, closed_at FROM clearing_window WHERE window_no < $1 ORDER BY window_no DESC"

SELECT_SOLD_UNTIL = """
SELECT max(last_occurred_at) FROM window_total
WHERE lane = ANY($1) AND window_no = $2 AND kind NOT IN ('expired', 'moved_out', 'moved_in')
"""


async def load_sales_begin(
    connection: Connection, window_no: int, *, opened_at: datetime, lanes: int
) -> datetime | None:
    """Return the moment before which a sale in a window is of an earlier period, as `sales_begin` has it."""
    sold_until: datetime | None = None
    # The newest first: as a rule one is enough, however many there are.
    for earlier, closed_at in await connection.fetch(SELECT_BEFORE, window_no):
        if sold_until is not None and closed_at is not None and closed_at + AHEAD < sold_until:
            break
        last = await connection.fetchval(SELECT_SOLD_UNTIL, list(range(lanes)), earlier)
        sold_until = max(filter(None, (sold_until, last)), default=None)
    return sales_begin(opened_at=opened_at, sold_until=sold_until)
