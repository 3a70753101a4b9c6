"""Browsers that are signed in: members, and operators."""

from datetime import datetime
from typing import Literal, NamedTuple

from coalition.database.pool import Connection

Area = Literal["member", "finance"]


class StoredSession(NamedTuple):
    """Who is signed in: a member's number or an operator's name, and the token that this browser's forms carry."""

    subject: str
    csrf_token: str


INSERT_SESSION = """
INSERT INTO session (token_digest, area, subject, csrf_token, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def add_session(
    connection: Connection,
    *,
    token_digest: bytes,
    area: Area,
    subject: str,
    csrf_token: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    await connection.execute(INSERT_SESSION, token_digest, area, subject, csrf_token, now, expires_at)


SELECT_SESSION = """
SELECT subject, csrf_token FROM session WHERE token_digest = $1 AND area = $2 AND expires_at > $3
"""


async def find_session(
    connection: Connection, *, token_digest: bytes, area: Area, now: datetime
) -> StoredSession | None:
    """Return the session of a token; None: never made, ended or over."""
    row = await connection.fetchrow(SELECT_SESSION, token_digest, area, now)
    return None if row is None else StoredSession(*row.values())


DELETE_SESSION = "DELETE FROM session WHERE token_digest = $1"


async def end_session(connection: Connection, token_digest: bytes) -> None:
    await connection.execute(DELETE_SESSION, token_digest)


DELETE_SESSIONS_OF = "DELETE FROM session WHERE area = $1 AND subject = $2"


async def end_sessions_of(connection: Connection, area: Area, subject: str) -> None:
    """End all sessions of one member or operator, in every browser."""
    await connection.execute(DELETE_SESSIONS_OF, area, subject)


DELETE_EXPIRED = "DELETE FROM session WHERE expires_at <= $1"


async def drop_expired_sessions(connection: Connection, *, now: datetime) -> None:
    await connection.execute(DELETE_EXPIRED, now)
