"""Sign members and operators in and out.

A browser holds a random token; the database only its digest. A member proves himself with a code that is mailed to
him, an operator with a password. A code belongs to the browser that asked for it, which holds a ticket that nobody else
can tell: nobody uses a code, or uses up its tries, from another one. A browser in which a member has signed in stays
known: who knows no more than his address can't use up its codes. What is answered, and the work that is done for
it, does not tell whether an address or a name is known.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from email_validator import EmailNotValidError

from coalition.database.pool import Connection, Pool
from coalition.operations.add_members import kept_email
from coalition.stores.known_browsers import add_known_browser, drop_known_browser, is_known_browser
from coalition.stores.members import set_language
from coalition.stores.operators import find_operator, hold_operator
from coalition.stores.sessions import (
    Area,
    StoredSession,
    add_session,
    drop_expired_sessions,
    end_session,
    find_session,
)
from coalition.stores.sign_in_codes import (
    add_code,
    count_attempt,
    drop_code,
    drop_old_codes,
    is_ticket_for,
    load_sent,
    lock_address,
)
from coalition.stores.wallets import Member, find_member_by_email

CODE_DIGITS = 6
CODE_LIFE_MINUTES = 10
CODE_ATTEMPTS_MAX = 5
# By address, over all browsers that are not known, and by known browser: with the tries of each code, 50 guesses an
# hour at one code of a million.
CODE_PAUSE = timedelta(minutes=1)
CODES_PER_HOUR_MAX = 10
OLD_CODES_DROPPED_MAX = 100
KNOWN_BROWSER_DAYS = 180
SESSION_LIFE_HOURS: dict[Area, int] = {"member": 12, "finance": 8}
# A hash takes 64 MiB and a core; sign-ins past this many wait for their turn.
HASHES_AT_ONCE_MAX = 2

password_hasher = PasswordHasher()
_hashers = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, thread_name_prefix="argon2")


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code to be sent to a member, in his language (None: unknown)."""

    email: str
    language: str | None
    code: str


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """What a browser gets that asked for a code; `issued` None: there is nothing to be sent. `is_new`: a code was made,
    though perhaps for nobody.

    `ticket` goes into the browser's cookie and nowhere else."""

    ticket: str
    issued: IssuedCode | None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session; its token goes into the browser's cookie and nowhere else. `language`: a member's own; by
    `known_token` his browser is known from now on."""

    token: str
    expires_at: datetime
    language: str | None = None
    known_token: str = ""


def normalised_email(typed: str) -> str | None:
    """Return an address as members' addresses are kept; None: it can't be one."""
    try:
        return kept_email(typed.strip())
    except EmailNotValidError:
        return None


async def ask_code(
    pool: Pool,
    email: str,
    *,
    browser: str,
    known_token: str,
    held_ticket: str,
    now: datetime,
    is_allowed: bool = True,
) -> CodeAsked:
    """Make a one-time code for an address, for the browser that asks; nothing is sent to unknown addresses.

    `browser` is a secret of that browser, `known_token` what it was given when a member signed in there. An address
    that had its codes of this minute or hour gets none, nor does a browser that is not allowed one: it keeps the ticket
    that it holds for this address, or has just been given by an answer that it did not wait for; else the new one opens
    nothing. A browser that is known for this member has codes of its own, and needs no leave. A code is made for
    unknown addresses as well, so that these take the same time."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_address(connection, email)
        member = await find_member_by_email(connection, email)
        known = await _known_browser(connection, known_token, member, now=now)
        sent = await load_sent(connection, email, known_browser=known, since=now - timedelta(hours=1))
        if not (_may_send(sent, now) and (is_allowed or known is not None)):
            given = [_ticket(browser, email, moment) for moment in sent[-1:]]
            for ticket in (held_ticket, *given):
                if await is_ticket_for(connection, _digest(ticket), email, now=now):
                    return CodeAsked(ticket, None)
            return CodeAsked(secrets.token_urlsafe(32), None)
        ticket = _ticket(browser, email, now)
        code = await _add_code(connection, email, ticket=ticket, known_browser=known, now=now)
    return CodeAsked(ticket, None if member is None else IssuedCode(email, member.language, code), is_new=True)


async def sign_in_member(
    pool: Pool,
    ticket: str,
    code: str,
    *,
    known_token: str = "",
    chosen: str | None = None,
    language: str,
    now: datetime,
) -> OpenedSession | None:
    """Take a ticket's code, which is then used up; None: it is wrong, over, or has been tried too often.

    The member's own language is from now on the one that was chosen before signing in; None: none was, and it stays.
    `language` is the browser's: the member's own where none was known. `known_token` is what the browser was given the
    last time; it gets another one."""
    async with pool.acquire() as connection, connection.transaction():
        tried = await count_attempt(connection, _digest(ticket), attempts_max=CODE_ATTEMPTS_MAX, now=now)
        if tried is None or not hmac.compare_digest(tried.code_digest, _code_digest(ticket, code)):
            return None
        member = await find_member_by_email(connection, tried.email)
        if member is None:
            return None
        await drop_code(connection, _digest(ticket))
        own = chosen or member.language or language
        if own != member.language:
            await set_language(connection, member.member, own)
        opened = await _open_session(connection, "member", str(member.member), now=now)
        await drop_known_browser(connection, _digest(known_token), now=now)
        token, expires_at = secrets.token_urlsafe(32), now + timedelta(days=KNOWN_BROWSER_DAYS)
        await add_known_browser(connection, _digest(token), member=member.member, expires_at=expires_at)
    return replace(opened, language=own, known_token=token)


async def sign_in_operator(pool: Pool, name: str, password: str, *, now: datetime) -> OpenedSession | None:
    """Check an operator's password; None: it, or the name, is wrong."""
    async with pool.acquire() as connection:
        operator = await find_operator(connection, name)
    password_hash = None if operator is None else operator.password_hash
    is_right = await asyncio.get_running_loop().run_in_executor(_hashers, _is_password, password_hash, password)
    if operator is None or not is_right:
        return None
    async with pool.acquire() as connection, connection.transaction():
        # Removed, or given another password, while this one was checked: those sessions have been ended already.
        if not await hold_operator(connection, operator.name, password_hash=operator.password_hash):
            return None
        return await _open_session(connection, "finance", operator.name, now=now)


async def find_signed_in(pool: Pool, token: str, area: Area, *, now: datetime) -> StoredSession | None:
    """Return who holds a token; None: nobody, or no longer."""
    async with pool.acquire() as connection:
        return await find_session(connection, token_digest=_digest(token), area=area, now=now)


async def choose_language(pool: Pool, member: int, language: str) -> None:
    """Let a member have his mails, and his pages in other browsers, in this language."""
    async with pool.acquire() as connection, connection.transaction():
        await set_language(connection, member, language)


async def sign_out(pool: Pool, token: str) -> None:
    """End a session; the token is worth nothing from now on."""
    async with pool.acquire() as connection, connection.transaction():
        await end_session(connection, _digest(token))


def _may_send(sent: Sequence[datetime], now: datetime) -> bool:
    """Say whether an address may have another code after those of the last hour."""
    return len(sent) < CODES_PER_HOUR_MAX and all(moment <= now - CODE_PAUSE for moment in sent)


async def _known_browser(
    connection: Connection, known_token: str, member: Member | None, *, now: datetime
) -> bytes | None:
    """Return the digest of a browser in which this member has signed in; None: it is not known."""
    digest = _digest(known_token)
    is_known = await is_known_browser(connection, digest, member=None if member is None else member.member, now=now)
    return digest if is_known else None


def _ticket(browser: str, email: str, asked_at: datetime) -> str:
    """Return the ticket of a code: who does not know the browser's secret can't tell it, and the browser need not."""
    digest = hashlib.sha256(f"{browser}\n{email}\n{asked_at.timestamp()}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def _add_code(
    connection: Connection, email: str, *, ticket: str, known_browser: bytes | None, now: datetime
) -> str:
    """Keep a new code and return it. Each makes room for itself, so that old ones don't pile up."""
    sent_until = now - timedelta(hours=1)
    await drop_old_codes(connection, sent_until=sent_until, codes_max=OLD_CODES_DROPPED_MAX)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    await add_code(
        connection,
        ticket_digest=_digest(ticket),
        email=email,
        code_digest=_code_digest(ticket, code),
        known_browser=known_browser,
        now=now,
        expires_at=now + timedelta(minutes=CODE_LIFE_MINUTES),
    )
    return code


async def _open_session(connection: Connection, area: Area, subject: str, *, now: datetime) -> OpenedSession:
    await drop_expired_sessions(connection, now=now)
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(hours=SESSION_LIFE_HOURS[area])
    await add_session(
        connection,
        token_digest=_digest(token),
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


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _code_digest(ticket: str, code: str) -> bytes:
    # With the ticket, which the database does not know: else a million guesses would turn the digest into the code.
    return hashlib.sha256(f"{ticket}\n{code}".encode()).digest()
