"""Accounts: balances that one batch loads and writes back."""

from collections.abc import Iterable
from datetime import datetime

from coalition.database.pool import Connection
from coalition.ledger.account import Account
from coalition.stores.cards import Place

SELECT_ACCOUNTS = """
SELECT account, balance, held, debt FROM account WHERE lane = $1 AND account = ANY($2::bigint[])
"""


async def load_accounts(connection: Connection, lane: int, accounts: Iterable[int]) -> dict[int, Account]:
    """Return the working copies of these accounts of a lane, without their lots."""
    rows = await connection.fetch(SELECT_ACCOUNTS, lane, sorted(accounts))
    return {row[0]: Account(*row.values()) for row in rows}


# No join, which the planner may take for a small one and run through all pairs: width_bucket finds an account's place
# in the sorted array by halving.
UPDATE_ACCOUNTS = """
UPDATE account
SET balance = ($3::bigint[])[width_bucket(account, $2::bigint[])],
    held = ($4::bigint[])[width_bucket(account, $2::bigint[])],
    debt = ($5::bigint[])[width_bucket(account, $2::bigint[])]
WHERE lane = $1 AND account = ANY($2::bigint[])
"""


async def save_accounts(connection: Connection, lane: int, accounts: Iterable[Account]) -> None:
    """Write the accounts back as they are now."""
    ordered = sorted(accounts, key=lambda account: account.account)
    await connection.execute(
        UPDATE_ACCOUNTS,
        lane,
        [account.account for account in ordered],
        [account.balance for account in ordered],
        [account.held for account in ordered],
        [account.debt for account in ordered],
    )


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
