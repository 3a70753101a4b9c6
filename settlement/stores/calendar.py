"""The calendar of windows, one row for the whole programme, and the closes that it brought about."""

from dataclasses import dataclass
from datetime import datetime, time

from coalition.database.pool import Connection
from settlement.engine.calendar import Calendar, DueClose


@dataclass(frozen=True, slots=True)
class StoredCalendar:
    """`is_calculated`: a window that the calendar closed is calculated too. It counts from `set_at` on."""

    calendar: Calendar
    is_calculated: bool
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class CalendarClose:
    """A window that the calendar closed; `boundaries` > 1: no hub ran at the others. `fault`: why it could not be
    calculated; `closed_at` None: the close is under way."""

    window_no: int
    boundary: datetime
    boundaries: int
    decided_at: datetime
    closed_at: datetime | None
    fault: str | None


SELECT_CALENDAR = """
SELECT frequency, at_minute, weekday, day_of_month, is_calculated, set_at, set_by FROM window_calendar
"""

LOCK_CALENDAR = """
SELECT frequency, at_minute, weekday, day_of_month, is_calculated, set_at, set_by FROM window_calendar FOR UPDATE
"""


async def load_calendar(connection: Connection, *, is_locked: bool = False) -> StoredCalendar:
    """Return the calendar as it is now; with `is_locked` for a change of it."""
    row = await connection.fetchrow(LOCK_CALENDAR if is_locked else SELECT_CALENDAR)
    assert row is not None, "the row is made with the schema"
    return StoredCalendar(
        calendar=Calendar(
            frequency=row["frequency"],
            at=time(*divmod(row["at_minute"], 60)),
            weekday=row["weekday"],
            day_of_month=row["day_of_month"],
        ),
        is_calculated=row["is_calculated"],
        set_at=row["set_at"],
        set_by=row["set_by"],
    )


UPDATE_CALENDAR = """
UPDATE window_calendar
SET frequency = $1, at_minute = $2, weekday = $3, day_of_month = $4, is_calculated = $5, set_at = $6, set_by = $7
"""


async def store_calendar(connection: Connection, stored: StoredCalendar) -> None:
    """Replace the calendar."""
    calendar = stored.calendar
    await connection.execute(
        UPDATE_CALENDAR,
        calendar.frequency,
        calendar.at.hour * 60 + calendar.at.minute,
        calendar.weekday,
        calendar.day_of_month,
        stored.is_calculated,
        stored.set_at,
        stored.set_by,
    )


INSERT_CLOSE = """
INSERT INTO calendar_close (window_no, boundary, boundaries, decided_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (window_no) DO NOTHING
"""


async def insert_close(connection: Connection, window_no: int, due: DueClose, *, now: datetime) -> None:
    """Keep why a window is closed; the first to decide so is kept."""
    await connection.execute(INSERT_CLOSE, window_no, due.boundary, due.boundaries, now)


SELECT_TO_CALCULATE = """
SELECT calendar_close.window_no
FROM calendar_close
JOIN clearing_window ON clearing_window.window_no = calendar_close.window_no
WHERE clearing_window.state = 'CLOSED' AND calendar_close.fault IS NULL
ORDER BY calendar_close.window_no
"""


async def find_to_calculate(connection: Connection) -> list[int]:
    """Return the windows that the calendar closed, that are not calculated, and could be for all that is known."""
    return [row["window_no"] for row in await connection.fetch(SELECT_TO_CALCULATE)]


SET_FAULT = "UPDATE calendar_close SET fault = $2 WHERE window_no = $1"


async def set_fault(connection: Connection, window_no: int, fault: str) -> None:
    """Keep why a window could not be calculated; it is then left to people."""
    await connection.execute(SET_FAULT, window_no, fault)


SELECT_CLOSES = """
SELECT calendar_close.window_no, calendar_close.boundary, calendar_close.boundaries, calendar_close.decided_at,
    clearing_window.closed_at, calendar_close.fault
FROM calendar_close
JOIN clearing_window ON clearing_window.window_no = calendar_close.window_no
WHERE $1::integer IS NULL OR calendar_close.window_no = $1
ORDER BY calendar_close.window_no DESC
LIMIT $2
"""


async def load_closes(connection: Connection, *, count_max: int) -> list[CalendarClose]:
    """Return the newest closes that the calendar brought about, newest first."""
    return [CalendarClose(*row.values()) for row in await connection.fetch(SELECT_CLOSES, None, count_max)]


async def find_close(connection: Connection, window_no: int) -> CalendarClose | None:
    """Return why the calendar closed a window; None: it did not."""
    row = await connection.fetchrow(SELECT_CLOSES, window_no, 1)
    return None if row is None else CalendarClose(*row.values())
