"""Tell members so many days before their points expire, each of them once for each day of expiry.

Each member is a transaction of his own that holds a lock on him: several hubs may do this at once, and none writes
twice. What was sent is kept right after it was taken by the mail server; killed in between, the mail goes out again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from coalition.database.pool import Connection, Pool
from coalition.mail import Outcome
from coalition.stores.balances import load_standing
from coalition.stores.expiry_notices import Addressee, add_told, find_addressees, hold_member, load_told
from coalition.stores.lanes import load_lanes
from coalition.stores.programme import Programme

MEMBERS_AT_ONCE = 500
# A mail server that fails so often in a row is down: the next run goes on.
FAILURES_MAX = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """`points` can be spent until the day before the date beside them, the soonest first; `language` None: unknown."""

    email: str
    language: str | None
    points: list[tuple[date, int]]


Send = Callable[[Notice], Awaitable[Outcome]]


@dataclass(slots=True)
class Sent:
    """`failed` may be tried again, `refused` never will be."""

    sent: int = 0
    refused: int = 0
    failed: int = 0


async def send_expiry_notices(pool: Pool, programme: Programme, send: Send, *, now: datetime) -> Sent:
    """Send what is due by the programme's days; nothing where it has none. May be repeated."""
    done = Sent()
    if programme.expiry_notice_days is None:
        return done
    async with pool.acquire() as connection:
        lanes = await load_lanes(connection)
    failures = 0
    for lane in lanes:
        after: Addressee | None = None
        while addressees := await _next(pool, lane, programme, after=after, now=now):
            for addressee in addressees:
                outcome = await _tell(pool, addressee, programme, send, now=now)
                if outcome is not None:
                    setattr(done, outcome, getattr(done, outcome) + 1)
                    failures = failures + 1 if outcome == "failed" else 0
                if failures == FAILURES_MAX:
                    return done
            after = addressees[-1]
    return done


async def _next(
    pool: Pool, lane: int, programme: Programme, *, after: Addressee | None, now: datetime
) -> list[Addressee]:
    _, until = _days(programme, now)
    async with pool.acquire() as connection:
        return await find_addressees(connection, lane, until=until, after=after, limit=MEMBERS_AT_ONCE)


async def _tell(pool: Pool, addressee: Addressee, programme: Programme, send: Send, *, now: datetime) -> Outcome | None:
    """Return what became of a member's notice; None: there is none, or somebody else is at it."""
    async with pool.acquire() as connection, connection.transaction():
        if not await hold_member(connection, addressee.member):
            return None
        points = await _untold(connection, addressee, programme, now=now)
        if not points:
            return None
        outcome = await send(Notice(addressee.email, addressee.language, points))
        if outcome != "failed":
            await add_told(connection, addressee, points, now=now, is_refused=outcome == "refused")
        return outcome


async def _untold(
    connection: Connection, addressee: Addressee, programme: Programme, *, now: datetime
) -> list[tuple[date, int]]:
    today, until = _days(programme, now)
    standing = await load_standing(connection, addressee.place, now=now, today=today, rule=programme.expiry)
    told = await load_told(connection, addressee, today=today)
    return [(day, points) for day, points in standing.expiries if today < day <= until and day not in told]


def _days(programme: Programme, now: datetime) -> tuple[date, date]:
    """Return today, and the last day ahead of which members are told now."""
    assert programme.expiry_notice_days is not None
    today = now.astimezone(programme.zone).date()
    return today, today + timedelta(days=programme.expiry_notice_days)
