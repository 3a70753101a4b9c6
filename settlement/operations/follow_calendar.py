"""Do what the calendar says: close a window that is due, calculate it where that is allowed, mark who pays too late,
who has left, and whose prepaid points run low.

All of it may be killed at any point and run again, by any number of hubs at once: what is done is not done twice.
Approval is never among it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from coalition.database.pool import Pool
from coalition.lanes.close_window import close_window
from coalition.stores.windows import find_open, lock_windows
from settlement.engine.calendar import Calendar, due_close
from settlement.errors import SettlementError
from settlement.operations.calculate_window import calculate_window
from settlement.operations.default_share import mark_overdue
from settlement.operations.leave_programme import end_exits
from settlement.operations.warn_of_low_blocks import notice_low_blocks
from settlement.stores.calendar import (
    StoredCalendar,
    find_to_calculate,
    insert_close,
    load_calendar,
    set_fault,
    store_calendar,
)
from settlement.stores.hub import load_programme
from settlement.stores.windows import find_window

ACTOR = "calendar"

Clock = Callable[[], datetime]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CalendarRun:
    """What was done: the partners marked as having left, the window closed, those calculated, how many shares are newly
    overdue, and the partners whose prepaid points have gone below their warning level."""

    left: tuple[int, ...]
    closed: int | None
    calculated: tuple[int, ...]
    overdue: int
    low: tuple[int, ...] = ()


NOTHING_DONE = CalendarRun((), None, (), 0)


async def set_calendar(
    pool: Pool, calendar: Calendar, *, is_calculated: bool, now: datetime, actor: str
) -> StoredCalendar:
    """Set when windows close; boundaries count from now on. The same again changes nothing."""
    async with pool.acquire() as connection, connection.transaction():
        stored = await load_calendar(connection, is_locked=True)
        wanted = replace(stored, calendar=calendar, is_calculated=is_calculated)
        if wanted != stored:
            wanted = replace(wanted, set_at=now, set_by=actor)
            await store_calendar(connection, wanted)
        return wanted


async def follow_calendar(pool: Pool, *, clock: Clock) -> CalendarRun:
    """Do what is due now; a window with missed boundaries is closed once."""
    # Before the close, so that a tail that ended with the window has its last statement of that window.
    left = await end_exits(pool, now=clock())
    closed = await _close(pool, clock=clock)
    calculated = await _calculate(pool, clock=clock)
    overdue = await mark_overdue(pool, now=clock(), actor=ACTOR)
    low = await notice_low_blocks(pool, now=clock())
    late = sum(len(partners) for partners in overdue.values())
    return CalendarRun(tuple(left), closed, tuple(calculated), late, tuple(low))


async def _close(pool: Pool, *, clock: Clock) -> int | None:
    now = clock()
    async with pool.acquire() as connection, connection.transaction():
        stored = await load_calendar(connection)
        if stored.calendar.frequency == "none":
            return None
        await lock_windows(connection)
        window = await find_window(connection, await find_open(connection))
        zone = (await load_programme(connection)).zone
        due = due_close(stored.calendar, since=max(window.opened_at, stored.set_at), now=now, zone=zone)
        if due is None:
            return None
        await insert_close(connection, window.window_no, due, now=now)
    # By its number: whoever is second finds it closed, and does not close the next.
    return await close_window(pool, clock=clock, actor=ACTOR, expected=window.window_no)


async def _calculate(pool: Pool, *, clock: Clock) -> list[int]:
    async with pool.acquire() as connection:
        if not (await load_calendar(connection)).is_calculated:
            return []
        waiting = await find_to_calculate(connection)
    calculated = []
    for window_no in waiting:
        try:
            await calculate_window(pool, window_no, now=clock(), actor=ACTOR)
        except SettlementError as error:
            log.warning("calendar.not_calculated", window=window_no, reason=error.code)
            async with pool.acquire() as connection:
                await set_fault(connection, window_no, str(error))
        else:
            calculated.append(window_no)
    return calculated
