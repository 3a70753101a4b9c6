"""Browsers in which a member has signed in before; of what they keep only a digest is here, and it opens nothing."""

from datetime import datetime

from coalition.database.pool import Connection

INSERT_BROWSER = "INSERT INTO known_browser (token_digest, member, expires_at) VALUES ($1, $2, $3)"


async def add_known_browser(connection: Connection, token_digest: bytes, *, member: int, expires_at: datetime) -> None:
    await connection.execute(INSERT_BROWSER, token_digest, member, expires_at)


SELECT_BROWSER = """
SELECT EXISTS (SELECT FROM known_browser WHERE token_digest = $1 AND member = $2 AND expires_at > $3)
"""


async def is_known_browser(connection: Connection, token_digest: bytes, *, member: int | None, now: datetime) -> bool:
    """Say whether this member signed in there; `member` None: nobody did."""
    return bool(await connection.fetchval(SELECT_BROWSER, token_digest, member, now))


DELETE_BROWSER = "DELETE FROM known_browser WHERE token_digest = $1 OR expires_at <= $2"


async def drop_known_browser(connection: Connection, token_digest: bytes, *, now: datetime) -> None:
    """Forget a browser, and those that are over."""
    await connection.execute(DELETE_BROWSER, token_digest, now)
