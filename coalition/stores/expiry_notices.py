"""Notices that points will expire: whom they are for, and who has had them."""

from datetime import date, datetime
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.stores.cards import Place


class Addressee(NamedTuple):
    """A member who looks at the account at `place`; `language` None: unknown."""

    member: int
    email: str
    language: str | None
    place: Place


# Accounts by the index of the next expiry; of a member of one who was told of that day the next may be another one.
SELECT_ADDRESSEES = """
SELECT member.member, member.email, member.language, member.lane, member.account
FROM account
JOIN member ON member.lane = account.lane AND member.account = account.account
WHERE account.lane = $1 AND account.next_expires_on <= $2 AND account.balance > 0
    AND (account.account, member.member) > ($3, $4)
ORDER BY account.account, member.member
LIMIT $5
"""


async def find_addressees(
    connection: Connection, lane: int, *, until: date, after: Addressee | None, limit: int
) -> list[Addressee]:
    """Return the next members, account by account, of accounts of which points may expire by this day."""
    account, member = (0, 0) if after is None else (after.place.account, after.member)
    rows = await connection.fetch(SELECT_ADDRESSEES, lane, until, account, member, limit)
    return [Addressee(row[0], row[1], row[2], Place(row[3], row[4])) for row in rows]


# Keeps these locks apart from other ones; it goes with the transaction, so that no kill leaves it.
NOTICE_LOCK = 0x6E6F7465
TRY_LOCK = "SELECT pg_try_advisory_xact_lock($1, hashint8($2))"


async def hold_member(connection: Connection, member: int) -> bool:
    """Whether nobody else writes to this member until the transaction ends."""
    is_ours: bool = await connection.fetchval(TRY_LOCK, NOTICE_LOCK, member)
    return is_ours


SELECT_TOLD = """
SELECT expires_on FROM expiry_notice WHERE lane = $1 AND account = $2 AND member = $3 AND expires_on > $4
"""


async def load_told(connection: Connection, addressee: Addressee, *, today: date) -> set[date]:
    """Return of which days ahead a member has been told."""
    rows = await connection.fetch(SELECT_TOLD, *addressee.place, addressee.member, today)
    return {row[0] for row in rows}


INSERT_TOLD = """
INSERT INTO expiry_notice (lane, account, member, expires_on, points, told_at, is_refused)
SELECT $1, $2, $3, told.expires_on, told.points, $6, $7
FROM unnest($4::date[], $5::bigint[]) AS told (expires_on, points)
"""


async def add_told(
    connection: Connection, addressee: Addressee, told: list[tuple[date, int]], *, now: datetime, is_refused: bool
) -> None:
    """Keep that a member was told of these days and points, or can not be."""
    days, points = [day for day, _ in told], [points for _, points in told]
    await connection.execute(INSERT_TOLD, *addressee.place, addressee.member, days, points, now, is_refused)
