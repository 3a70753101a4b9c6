"""A member's own view of an account: who he is, his card, and which partners his points come from."""

from typing import NamedTuple

import asyncpg

from coalition.database.pool import Connection
from coalition.name_order import name_order
from coalition.stores.cards import Place


class Member(NamedTuple):
    member: int
    email: str
    name: str
    language: str | None
    place: Place


SELECT_MEMBER_BY_EMAIL = "SELECT member, email, name, language, lane, account FROM member WHERE email = $1"


async def find_member_by_email(connection: Connection, email: str) -> Member | None:
    row = await connection.fetchrow(SELECT_MEMBER_BY_EMAIL, email)
    return None if row is None else _member(row)


SELECT_MEMBER = "SELECT member, email, name, language, lane, account FROM member WHERE member = $1"


async def find_member(connection: Connection, member: int) -> Member | None:
    row = await connection.fetchrow(SELECT_MEMBER, member)
    return None if row is None else _member(row)


def _member(row: asyncpg.Record) -> Member:
    place = Place(row["lane"], row["account"])
    return Member(row["member"], row["email"], row["name"], row["language"], place)


SELECT_CARD = """
SELECT card FROM card WHERE member = $1 AND state = 'active' ORDER BY issued_at DESC, card LIMIT 1
"""


async def find_newest_card(connection: Connection, member: int) -> str | None:
    """Return the number of the card that a member was given last, of those that may be used."""
    card: str | None = await connection.fetchval(SELECT_CARD, member)
    return card


class Source(NamedTuple):
    """One partner's part of a balance: points that are left, and all that were ever collected there."""

    partner: str
    remaining: int
    collected: int


SELECT_SOURCES = """
SELECT partner.name, sum(lot.remaining)::bigint AS remaining, sum(lot.points)::bigint AS collected
FROM lot
JOIN partner ON partner.partner = lot.issuer
WHERE lot.lane = $1 AND lot.account = $2
GROUP BY partner.name
"""


async def load_sources(connection: Connection, place: Place) -> list[Source]:
    """Return where an account's points come from, the largest part first."""
    found = [Source(*row.values()) for row in await connection.fetch(SELECT_SOURCES, place.lane, place.account)]
    return sorted(found, key=lambda source: (-source.remaining, -source.collected, name_order(source.partner)))
