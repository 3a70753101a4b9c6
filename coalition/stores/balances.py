"""Reading a balance, outside the write path."""

from datetime import date
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.stores.cards import Place


class Balance(NamedTuple):
    """In points; `available` is the balance less what is held."""

    balance: int
    held: int

    @property
    def available(self) -> int:
        return self.balance - self.held


SELECT_BALANCE = "SELECT balance, held FROM account WHERE lane = $1 AND account = $2"


async def load_balance(connection: Connection, place: Place) -> Balance:
    row = await connection.fetchrow(SELECT_BALANCE, place.lane, place.account)
    assert row is not None, "a card's account is opened with it"
    return Balance(row[0], row[1])


SELECT_EXPIRIES = """
SELECT expires_on, sum(remaining)::bigint
FROM lot
WHERE lane = $1 AND account = $2 AND remaining > 0 AND expires_on IS NOT NULL
GROUP BY expires_on
ORDER BY expires_on
LIMIT $3
"""


async def load_expiries(connection: Connection, place: Place, *, limit: int) -> list[tuple[date, int]]:
    """Return (first day on which they can't be spent, points), soonest first."""
    rows = await connection.fetch(SELECT_EXPIRIES, place.lane, place.account, limit)
    return [(row[0], row[1]) for row in rows]
