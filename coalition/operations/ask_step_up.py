"""Make a one-time code with which a member agrees to a large burn."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from coalition.database.pool import Pool
from coalition.errors import RequestRefusedError
from coalition.ledger.limits import step_up_digest
from coalition.operations.sign_in import CODE_DIGITS, CODE_LIFE_MINUTES, CODE_PAUSE, CODES_PER_HOUR_MAX
from coalition.stores.step_up_codes import find_card_holder, load_codes_sent, put_code

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IssuedStepUp:
    """A code to be sent to the card's member, in his language (None: unknown)."""

    email: str
    language: str | None
    points: int
    expires_at: datetime
    code: str = field(repr=False)


async def ask_step_up(
    pool: Pool, card: str, *, partner: int | None, points: int, above: int | None, now: datetime
) -> IssuedStepUp:
    """Make the code for one burn of at most `points` at a partner (None: at any); the account's code before it is void.

    Raises RequestRefusedError: 404 for a card that leads nowhere, 422 where so many points need no code (`above` is the
    programme's sum), 429 where the account had its codes of this minute or hour."""
    if above is None or points <= above:
        needed = "none is ever needed" if above is None else f"one is needed for more than {above} points"
        raise RequestRefusedError(status=422, code="step_up_not_needed", detail=f"No code: {needed}, {points} came.")
    async with pool.acquire() as connection, connection.transaction():
        holder = await find_card_holder(connection, card)
        if holder is None:
            raise RequestRefusedError(status=404, code="unknown_card", detail=f"No account has card {card}.")
        sent = [moment for moment in await load_codes_sent(connection, holder.place) if moment > now - HOUR]
        _refuse_too_many(sent, now)
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        salt = secrets.token_bytes(16)
        expires_at = now + timedelta(minutes=CODE_LIFE_MINUTES)
        await put_code(
            connection,
            holder.place,
            partner=partner,
            points=points,
            salt=salt,
            digest=step_up_digest(code, salt=salt),
            expires_at=expires_at,
            sent=[*sent, now],
        )
    return IssuedStepUp(holder.email, holder.language, points, expires_at, code)


def masked(email: str) -> str:
    """Return as much of an address as tells its owner which it is."""
    name, _, domain = email.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{name[:1]}***@{host[:1]}***{dot}{ending}"


def _refuse_too_many(sent: Sequence[datetime], now: datetime) -> None:
    ends = [sent[-1] + CODE_PAUSE] if sent else []
    if len(sent) >= CODES_PER_HOUR_MAX:
        ends.append(sent[-CODES_PER_HOUR_MAX] + HOUR)
    wait_s = math.ceil((max(ends, default=now) - now).total_seconds())
    if wait_s > 0:
        detail = f"An account gets one code a minute and {CODES_PER_HOUR_MAX} an hour; ask again in {wait_s} s."
        raise RequestRefusedError(status=429, code="too_many_codes", detail=detail, retry_after_s=wait_s)
