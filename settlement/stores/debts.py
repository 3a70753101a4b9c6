"""Accounts whose members owe points: a return whose points were spent, or a burn without a network, left a debt."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.stores.explained import DebtChange, load_debt_changes
from settlement.stores.behind import SELECT_LANES


class Debtor(NamedTuple):
    """An account that owes points now."""

    lane: int
    account: int
    debt: int


SELECT_DEBTORS = """
SELECT account, debt FROM account WHERE lane = $1 AND account > $2 AND debt > 0 ORDER BY account LIMIT $3
"""


async def load_debtors(connection: Connection, *, after: tuple[int, int], count_max: int) -> list[Debtor]:
    """Return the accounts after a place (lane, account) that owe points, in that order."""
    found: list[Debtor] = []
    for (lane,) in await connection.fetch(SELECT_LANES):
        if len(found) == count_max or lane < after[0]:
            continue
        since = after[1] if lane == after[0] else -1
        rows = await connection.fetch(SELECT_DEBTORS, lane, since, count_max - len(found))
        found += [Debtor(lane, *row.values()) for row in rows]
    return found


async def load_changes(
    connection: Connection, debtors: Iterable[Debtor], *, count_max: int
) -> dict[tuple[int, int], list[DebtChange]]:
    """Return by lane and account what made its debt and what repaid some, newest first, `count_max` of each account."""
    accounts: defaultdict[int, list[int]] = defaultdict(list)
    for debtor in debtors:
        accounts[debtor.lane].append(debtor.account)
    changes: defaultdict[tuple[int, int], list[DebtChange]] = defaultdict(list)
    for lane, of_lane in accounts.items():
        for change in await load_debt_changes(connection, lane, of_lane, count_max=count_max):
            changes[lane, change.account].append(change)
    return changes
