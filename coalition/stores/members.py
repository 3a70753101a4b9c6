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
ON CONFLICT (email) DO NOTHING
RETURNING member, email
"""


async def add_members(
    connection: Connection,
    *,
    emails: Sequence[str],
    names: Sequence[str],
    languages: Sequence[str | None],
    places: Sequence[Place],
    now: datetime,
) -> dict[str, int]:
    """Add members; return their numbers by address: of an address that is taken there is none."""
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


UPDATE_PLACE = "UPDATE member SET lane = $2, account = $3 WHERE member = $1"


async def move_member(connection: Connection, member: int, place: Place) -> None:
    """Let a member look at another account from now on."""
    await connection.execute(UPDATE_PLACE, member, place.lane, place.account)


UPDATE_LANGUAGE = "UPDATE member SET language = $2 WHERE member = $1"


async def set_language(connection: Connection, member: int, language: str) -> None:
    """Write in which language a member gets his pages and mails."""
    await connection.execute(UPDATE_LANGUAGE, member, language)


UPDATE_MAY_BURN = "UPDATE member SET may_burn = $2 WHERE member = $1"


async def set_may_burn(connection: Connection, member: int, *, may_burn: bool) -> None:
    """Write whether a member of a household may spend its points."""
    await connection.execute(UPDATE_MAY_BURN, member, may_burn)


LEAD_MEMBERS = """
UPDATE member SET lane = $3, account = $4, merged_lane = $1, merged_account = $2 WHERE lane = $1 AND account = $2
"""
LEAD_MEMBERS_BACK = """
UPDATE member SET lane = $1, account = $2, merged_lane = NULL, merged_account = NULL
WHERE merged_lane = $1 AND merged_account = $2
"""


async def lead_members(connection: Connection, source: Place, target: Place) -> None:
    """Let an account's members look at another one, until they are led back."""
    await connection.execute(LEAD_MEMBERS, *source, *target)


async def lead_members_back(connection: Connection, source: Place) -> None:
    await connection.execute(LEAD_MEMBERS_BACK, *source)
