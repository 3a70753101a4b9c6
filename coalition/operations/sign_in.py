"""Sign members and operators in and out.

A browser holds a random token; the database only its digest. A member proves himself with a code that is mailed to
him, an operator with a password. What is answered, and the work that is done for it, does not tell whether an address
or a name is known.
"""

import asyncio
import hashlib
import hmac
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from coalition.database.pool import Connection, Pool
from coalition.stores.operators import find_operator
from coalition.stores.sessions import (
    Area,
    StoredSession,
    add_session,
    drop_expired_sessions,
    end_session,
    find_session,
)
from coalition.stores.sign_in_codes import count_attempt, drop_code, drop_expired_codes, put_code
from coalition.stores.wallets import find_member_by_email

CODE_DIGITS = 6
CODE_LIFE_MINUTES = 10
CODE_ATTEMPTS_MAX = 5
CODE_PAUSE_S = 60
EMAIL_CHARS_MAX = 254
SESSION_LIFE_HOURS: dict[Area, int] = {"member": 12, "finance": 8}
# A hash takes 64 MiB and a core; sign-ins past this many wait for their turn.
HASHES_AT_ONCE_MAX = 2

password_hasher = PasswordHasher()
_hashers = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, thread_name_prefix="argon2")


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code to be sent to a member, in his language."""

    email: str
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session; its token goes into the browser's cookie and nowhere else. `language`: a member's own."""

    token: str
    expires_at: datetime
    language: str | None = None


def normalised_email(typed: str) -> str | None:
    """Return an address as members' addresses are kept; None: it can't be one."""
    email = unicodedata.normalize("NFC", typed.strip()).lower()
    name, at, domain = email.rpartition("@")
    is_plausible = bool(name and at and domain) and email.isprintable() and " " not in email
    return email if is_plausible and len(email) <= EMAIL_CHARS_MAX else None


async def issue_code(pool: Pool, email: str, *, now: datetime) -> IssuedCode | None:
    """Make a one-time code for an address; None: there is nobody to send it to, or he had one just now.

    A code is made for unknown addresses as well, and sent to nobody, so that these take the same time."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    async with pool.acquire() as connection, connection.transaction():
        await drop_expired_codes(connection, now=now)
        is_new = await put_code(
            connection,
            email,
            code_digest=_code_digest(email, code),
            now=now,
            expires_at=now + timedelta(minutes=CODE_LIFE_MINUTES),
            sent_before=now - timedelta(seconds=CODE_PAUSE_S),
        )
        member = await find_member_by_email(connection, email)
    return IssuedCode(email, member.language, code) if is_new and member is not None else None


async def sign_in_member(pool: Pool, email: str, code: str, *, now: datetime) -> OpenedSession | None:
    """Take a code, which is then used up; None: it is wrong, over, or has been tried too often."""
    async with pool.acquire() as connection, connection.transaction():
        digest = await count_attempt(connection, email, attempts_max=CODE_ATTEMPTS_MAX, now=now)
        if digest is None or not hmac.compare_digest(digest, _code_digest(email, code)):
            return None
        member = await find_member_by_email(connection, email)
        if member is None:
            return None
        await drop_code(connection, email)
        opened = await _open_session(connection, "member", str(member.member), now=now)
    return replace(opened, language=member.language)


async def sign_in_operator(pool: Pool, name: str, password: str, *, now: datetime) -> OpenedSession | None:
    """Check an operator's password; None: it, or the name, is wrong."""
    async with pool.acquire() as connection:
        operator = await find_operator(connection, name)
    password_hash = None if operator is None else operator.password_hash
    is_right = await asyncio.get_running_loop().run_in_executor(_hashers, _is_password, password_hash, password)
    if operator is None or not is_right:
        return None
    async with pool.acquire() as connection, connection.transaction():
        return await _open_session(connection, "finance", operator.name, now=now)


async def find_signed_in(pool: Pool, token: str, area: Area, *, now: datetime) -> StoredSession | None:
    """Return who holds a token; None: nobody, or no longer."""
    async with pool.acquire() as connection:
        return await find_session(connection, token_digest=_token_digest(token), area=area, now=now)


async def sign_out(pool: Pool, token: str) -> None:
    """End a session; the token is worth nothing from now on."""
    async with pool.acquire() as connection, connection.transaction():
        await end_session(connection, _token_digest(token))


async def _open_session(connection: Connection, area: Area, subject: str, *, now: datetime) -> OpenedSession:
    await drop_expired_sessions(connection, now=now)
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(hours=SESSION_LIFE_HOURS[area])
    await add_session(
        connection,
        token_digest=_token_digest(token),
        area=area,
        subject=subject,
        csrf_token=secrets.token_urlsafe(32),
        now=now,
        expires_at=expires_at,
    )
    return OpenedSession(token, expires_at)


@cache
def _nobodys_hash() -> str:
    return password_hasher.hash(secrets.token_hex(16))


def _is_password(password_hash: str | None, password: str) -> bool:
    # An unknown name is compared as well, so that it takes as long as a known one.
    stand_in = _nobodys_hash()
    try:
        return password_hasher.verify(stand_in if password_hash is None else password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def _token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _code_digest(email: str, code: str) -> bytes:
    return hashlib.sha256(f"{email}\n{code}".encode()).digest()
