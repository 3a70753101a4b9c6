"""Which accounts time alone has changed."""

from datetime import date, datetime

from coalition.database.pool import Connection

# Each half by its own index; the second looks at open holds only, of which there are few.
SELECT_DUE_ACCOUNTS = """
SELECT account FROM (
    (SELECT account FROM account
     WHERE lane = $1 AND next_expires_on <= $3 AND account > $4 ORDER BY account LIMIT $5)
    UNION
    (SELECT account FROM hold
     WHERE lane = $1 AND state = 'reserved' AND expires_at <= $2 AND account > $4 ORDER BY account LIMIT $5)
) AS due
ORDER BY account
LIMIT $5
"""


async def find_due_accounts(
    connection: Connection, lane: int, *, now: datetime, today: date, after: int, limit: int
) -> list[int]:
    """Return the next accounts of a lane, in their order, with holds that timed out or points that expired."""
    rows = await connection.fetch(SELECT_DUE_ACCOUNTS, lane, now, today, after, limit)
    return [row[0] for row in rows]
