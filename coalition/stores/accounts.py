"""Accounts: opened once, each in a lane that it keeps."""

from datetime import datetime

from coalition.database.pool import Connection
from coalition.stores.cards import Place

NEXT_ACCOUNTS = "SELECT nextval('account_number') FROM generate_series(1, $1::integer)"

INSERT_ACCOUNTS = """
INSERT INTO account (lane, account, opened_at)
SELECT opened.lane, opened.account, $3 FROM unnest($1::smallint[], $2::bigint[]) AS opened (lane, account)
"""


async def open_accounts(connection: Connection, *, count: int, lanes: int, now: datetime) -> list[Place]:
    """Open accounts; return their places, the lanes dealt out in turn."""
    numbers = [row[0] for row in await connection.fetch(NEXT_ACCOUNTS, count)]
    places = [Place(number % lanes, number) for number in numbers]
    await connection.execute(INSERT_ACCOUNTS, [place.lane for place in places], numbers, now)
    return places
