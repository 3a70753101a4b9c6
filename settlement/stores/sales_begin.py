"""When a window begins for sales."""

from datetime import datetime

from coalition.database.pool import Connection
from settlement.engine.prior_period import sales_begin

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
