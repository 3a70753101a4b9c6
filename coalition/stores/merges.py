"""Merges of accounts, and points given from member to member."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.stores.cards import Place

# Any number, the same everywhere: who changes which account cards lead to is alone with that.
CARDS_LOCK = 0x63617264

LOCK_CARDS = "SELECT pg_advisory_xact_lock($1)"


async def lock_card_changes(connection: Connection) -> None:
    """Let one transaction at a time merge, undo, replace, leave or close; the first thing that each does."""
    await connection.execute(LOCK_CARDS, CARDS_LOCK)


SELECT_WAITING = """
SELECT account_merge.from_lane, account_merge.from_account
FROM account_merge
JOIN account ON account.lane = account_merge.from_lane AND account.account = account_merge.from_account
WHERE account_merge.undone_at IS NULL AND account.balance <> 0
"""


async def find_waiting_merges(connection: Connection) -> list[Place]:
    """Return the merged accounts on which a return has left something."""
    return [Place(row[0], row[1]) for row in await connection.fetch(SELECT_WAITING)]


SELECT_HAS_MERGED = """
SELECT EXISTS (
    SELECT FROM account_merge WHERE into_lane = $1 AND into_account = $2 AND undone_at IS NULL)
"""


async def has_merged(connection: Connection, place: Place) -> bool:
    """Whether others are merged into this account."""
    found: bool = await connection.fetchval(SELECT_HAS_MERGED, place.lane, place.account)
    return found


class Merge(NamedTuple):
    """One merge; `in_leaves` are the records that made the target's lots of the points."""

    merge: int
    source: Place
    target: Place
    in_leaves: list[int]


SELECT_MERGE = """
SELECT merge, from_lane, from_account, into_lane, into_account, in_leaves
FROM account_merge
WHERE from_lane = $1 AND from_account = $2 AND undone_at IS NULL
FOR UPDATE
"""


async def lock_merge(connection: Connection, source: Place) -> Merge | None:
    """Return the merge of an account, its row locked; None: it is not merged."""
    row = await connection.fetchrow(SELECT_MERGE, source.lane, source.account)
    return None if row is None else Merge(row[0], Place(row[1], row[2]), Place(row[3], row[4]), list(row[5]))


ADD_IN_LEAVES = "UPDATE account_merge SET in_leaves = in_leaves || $2::bigint[] WHERE merge = $1"


async def add_in_leaves(connection: Connection, merge: int, leaves: Sequence[int]) -> None:
    """Note that these records brought the target further points of the merged account."""
    await connection.execute(ADD_IN_LEAVES, merge, leaves)


INSERT_MERGE = """
INSERT INTO account_merge (from_lane, from_account, into_lane, into_account, in_leaves, merged_at, merged_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def add_merge(
    connection: Connection, source: Place, target: Place, *, in_leaves: Sequence[int], now: datetime, actor: str
) -> None:
    """Keep that an account is merged into another."""
    await connection.execute(INSERT_MERGE, *source, *target, in_leaves, now, actor)


UPDATE_UNDONE = "UPDATE account_merge SET undone_at = $2, undone_by = $3 WHERE merge = $1"


async def set_undone(connection: Connection, merge: int, *, now: datetime, actor: str) -> None:
    await connection.execute(UPDATE_UNDONE, merge, now, actor)


SELECT_GIVEN = "SELECT coalesce(sum(points), 0)::bigint FROM point_transfer WHERE from_card = $1 AND moved_at >= $2"


async def load_given(connection: Connection, card: str, *, since: datetime) -> int:
    """Return the points that a card has given since then."""
    points: int = await connection.fetchval(SELECT_GIVEN, card, since)
    return points


INSERT_TRANSFER = """
INSERT INTO point_transfer (from_card, to_card, points, moved_at, actor) VALUES ($1, $2, $3, $4, $5)
"""


async def add_transfer(
    connection: Connection, *, from_card: str, to_card: str, points: int, now: datetime, actor: str
) -> None:
    """Keep that a card gave points to another."""
    await connection.execute(INSERT_TRANSFER, from_card, to_card, points, now, actor)


SELECT_TRANSFER_MAX = "SELECT transfer_points_per_day_max FROM programme"


async def load_transfer_max(connection: Connection) -> int:
    """Return how many points a card may give in a day; 0: none."""
    points: int = await connection.fetchval(SELECT_TRANSFER_MAX)
    return points


UPDATE_TRANSFER_MAX = "UPDATE programme SET transfer_points_per_day_max = $1"


async def set_transfer_max(connection: Connection, points: int) -> None:
    await connection.execute(UPDATE_TRANSFER_MAX, points)
