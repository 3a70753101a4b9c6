"""Holds, as a batch looks them up."""

from collections.abc import Iterable

from coalition.database.pool import Connection
from coalition.ledger.account import Account
from coalition.ledger.hold import Hold

SELECT_HOLDS = """
SELECT leaf, account, partner, points, expires_at, state, captured, resolved_leaf
FROM hold
WHERE lane = $1 AND (leaf = ANY($2::bigint[]) OR (account = ANY($3::bigint[]) AND state = 'reserved'))
"""


async def load_holds(
    connection: Connection, lane: int, accounts: dict[int, Account], *, leaves: Iterable[int]
) -> dict[int, Hold]:
    """Add to accounts their open holds; return these, and those made at `leaves` whatever their state, by leaf."""
    holding = sorted(number for number, account in accounts.items() if account.held)
    wanted = sorted(leaves)
    if not holding and not wanted:
        return {}
    holds = {row[0]: Hold(*row.values()) for row in await connection.fetch(SELECT_HOLDS, lane, wanted, holding)}
    for hold in holds.values():
        if hold.state == "reserved" and hold.account in accounts:
            accounts[hold.account].holds.append(hold)
    return holds
