"""A member gives points to another's card: asks for it, gets a code by mail, and agrees with the code.

A code is used up, and that committed, before any point moves: whatever is killed in between, no gift is made twice.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from coalition.database.pool import Connection, Pool
from coalition.errors import GiftRefusedError
from coalition.lanes.book_batch import Clock
from coalition.ledger.batch import Calendar
from coalition.ledger.limits import step_up_digest
from coalition.operations.merge_accounts import Moved, find_two_cards
from coalition.operations.sign_in import (
    CODE_ATTEMPTS_MAX,
    CODE_DIGITS,
    CODE_LIFE_MINUTES,
    CODE_PAUSE,
    CODES_PER_HOUR_MAX,
)
from coalition.operations.transfer_points import refuse_gift, refuse_more_than, transfer_points
from coalition.programme.card_number import normalised
from coalition.stores.balances import load_standing
from coalition.stores.gift_codes import (
    count_gift_attempt,
    end_gift_code,
    load_gift_codes_sent,
    put_gift_code,
)
from coalition.stores.merges import lock_card_changes
from coalition.stores.wallets import find_newest_card

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IssuedGiftCode:
    """A code to be mailed to the member who gives."""

    to_card: str
    points: int
    code: str = field(repr=False)


async def ask_gift(
    pool: Pool, member: int, *, to: str, points: int, calendar: Calendar, now: datetime
) -> IssuedGiftCode | None:
    """Check a gift and make its code, in place of the one before; None: he had his codes of this minute or hour.

    Raises NotFoundError for an unknown card, GiftRefusedError for what can not be given now."""
    async with pool.acquire() as connection, connection.transaction():
        # Cards stay as they are until the end, and nobody else adds a code.
        await lock_card_changes(connection)
        sent = [moment for moment in await load_gift_codes_sent(connection, member) if moment > now - HOUR]
        await _refuse_now(connection, member, to=to, points=points, calendar=calendar, now=now)
        if len(sent) >= CODES_PER_HOUR_MAX or (sent and sent[-1] > now - CODE_PAUSE):
            return None
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        salt = secrets.token_bytes(16)
        await put_gift_code(
            connection,
            member,
            to_card=normalised(to),
            points=points,
            salt=salt,
            digest=step_up_digest(code, salt=salt),
            expires_at=now + timedelta(minutes=CODE_LIFE_MINUTES),
            sent=[*sent, now],
        )
    return IssuedGiftCode(normalised(to), points, code)


async def _refuse_now(
    connection: Connection, member: int, *, to: str, points: int, calendar: Calendar, now: datetime
) -> None:
    card = await _card_of(connection, member)
    giver, taker = await find_two_cards(connection, card, to)
    await refuse_gift(connection, giver, taker, points, calendar=calendar, now=now)
    standing = await load_standing(connection, giver.place, now=now, today=calendar.day_of(now), rule=calendar.expiry)
    refuse_more_than(standing.available, points)


async def give_points(pool: Pool, member: int, code: str, *, calendar: Calendar, clock: Clock) -> Moved | None:
    """Make the gift that a member asked for; None: the code is wrong, over, or has been tried too often.

    Raises as `transfer_points`, where things have changed since it was asked for; the code is used up then as well."""
    now = clock()
    async with pool.acquire() as connection, connection.transaction():
        asked = await count_gift_attempt(connection, member, now=now, attempts_max=CODE_ATTEMPTS_MAX)
        if asked is None or not hmac.compare_digest(asked.digest, step_up_digest(code, salt=asked.salt)):
            return None
        await end_gift_code(connection, member)
        card = await _card_of(connection, member)
    return await transfer_points(
        pool, card, to=asked.to_card, points=asked.points, calendar=calendar, clock=clock, actor=f"member {member}"
    )


async def _card_of(connection: Connection, member: int) -> str:
    card = await find_newest_card(connection, member)
    if card is None:
        raise GiftRefusedError("card_state", f"member {member} has no active card")
    return card
