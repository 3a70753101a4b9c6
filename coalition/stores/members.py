"""Members: who may look at an account."""

from collections.abc import Sequence
from datetime import datetime

from coalition.database.pool import Connection
from coalition.stores.cards import Place

INSERT_MEMBERS = """
INSERT INTO member (email, name, language, lane, account, created_at)
SELECT added.email, added.name, added.language, added.lane, added.account, $6
FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[])
    AS added (email, name, language, lane, account)
RETURNING member, email
"""


async def add_members(
    connection: Connection,
    *,
    emails: Sequence[str],
    names: Sequence[str],
    languages: Sequence[str],
    places: Sequence[Place],
    now: datetime,
) -> dict[str, int]:
    """Add members; return their numbers by address. Raises asyncpg.UniqueViolationError where an address is taken."""
    rows = await connection.fetch(
        INSERT_MEMBERS,
        emails,
        names,
        languages,
        [place.lane for place in places],
        [place.account for place in places],
        now,
    )
    return {row["email"]: row["member"] for row in rows}
