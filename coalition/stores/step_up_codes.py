"""Codes for large burns, one for each account; what a batch reads of them and counts is in stores/usage.py."""

from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.stores.cards import Place


class CardHolder(NamedTuple):
    """The member whose card it is, and where its account lies; `language` None: unknown."""

    place: Place
    email: str
    language: str | None


SELECT_HOLDER = """
SELECT card.lane, card.account, member.email, member.language
FROM card
JOIN member ON member.member = card.member
WHERE card.card = $1
"""


async def find_card_holder(connection: Connection, card: str) -> CardHolder | None:
    row = await connection.fetchrow(SELECT_HOLDER, card)
    return None if row is None else CardHolder(Place(row[0], row[1]), row[2], row[3])


# A batch reads a code and writes its attempts under this lock; a new code must not come in between.
LOCK_LANE = "SELECT lane FROM lane WHERE lane = $1 FOR UPDATE"
SELECT_SENT = "SELECT sent, used_leaf FROM step_up_code WHERE lane = $1 AND account = $2"


async def load_codes_sent(connection: Connection, place: Place) -> list[datetime]:
    """Lock the account's lane; return when its codes were sent, the oldest first, but for a used one that was last."""
    await connection.execute(LOCK_LANE, place.lane)
    row = await connection.fetchrow(SELECT_SENT, place.lane, place.account)
    if row is None:
        return []
    return list(row["sent"] if row["used_leaf"] is None else row["sent"][:-1])


PUT_CODE = """
INSERT INTO step_up_code (lane, account, partner, points, salt, digest, expires_at, attempts, used_leaf, sent)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL, $8)
ON CONFLICT (lane, account) DO UPDATE
SET partner = excluded.partner, points = excluded.points, salt = excluded.salt, digest = excluded.digest,
    expires_at = excluded.expires_at, attempts = 0, used_leaf = NULL, sent = excluded.sent
"""


async def put_code(
    connection: Connection,
    place: Place,
    *,
    partner: int | None,
    points: int,
    salt: bytes,
    digest: bytes,
    expires_at: datetime,
    sent: list[datetime],
) -> None:
    """Keep an account's code in place of the one before, under its lane's lock."""
    await connection.execute(PUT_CODE, place.lane, place.account, partner, points, salt, digest, expires_at, sent)
