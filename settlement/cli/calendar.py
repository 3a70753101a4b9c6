"""`coalition calendar`: when windows close by themselves."""

from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import Session, now, open_session, show
from settlement.cli.window import run_work
from settlement.engine.calendar import Calendar, Frequency, next_boundary
from settlement.operations.follow_calendar import follow_calendar
from settlement.operations.follow_calendar import set_calendar as store
from settlement.stores.calendar import CalendarClose, StoredCalendar, load_calendar, load_closes
from settlement.stores.hub import load_programme

calendar_app = typer.Typer(help="When windows close by themselves: set, show, run.", no_args_is_help=True)

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CLOSES_SHOWN = 10


@calendar_app.command("set")
def set_calendar(
    frequency: Annotated[Frequency, typer.Argument(help="daily, weekly, monthly, or none: by hand.")],
    at: Annotated[str, typer.Option(help="HH:MM in the programme's zone.")] = "00:00",
    weekday: Annotated[str, typer.Option(help="Of weekly closes.")] = WEEKDAYS[0],
    day: Annotated[int, typer.Option(help="Of monthly closes, 1 to 31; the last one of a shorter month.")] = 1,
    calculate: Annotated[bool, typer.Option(help="Calculate what was closed; never approved by itself.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set when running hubs close the open window; boundaries count from now on."""
    if weekday.lower() not in WEEKDAYS:
        raise typer.BadParameter(f"expected one of {', '.join(WEEKDAYS)}, {weekday!r} came", param_hint="--weekday")
    minute = _minute(at)

    async def work() -> None:
        calendar = Calendar(
            frequency=frequency, at=minute, weekday=WEEKDAYS.index(weekday.lower()) + 1, day_of_month=day
        )
        async with open_session(data_dir, database_url) as session:
            await store(session.pool, calendar, is_calculated=calculate, now=now(), actor=session.actor)
            await _show(session, as_json=as_json)

    run_work(work())


@calendar_app.command("show")
def show_calendar(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show the calendar, when it closes next, and what it closed, with how late that was."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await _show(session, as_json=as_json)

    run_work(work())


@calendar_app.command("run")
def run_calendar(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Do what is due now, as running hubs do each minute by themselves."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            done = await follow_calendar(session.pool, clock=now)
            document = {"closed": done.closed, "calculated": list(done.calculated), "overdue": done.overdue}
            closed = "No window is due." if done.closed is None else f"Window {done.closed} is closed."
            show(document, as_json=as_json, text=f"{closed} {done.overdue} shares are newly overdue.")

    run_work(work())


async def _show(session: Session, *, as_json: bool) -> None:
    async with session.pool.acquire() as connection:
        stored = await load_calendar(connection)
        zone = (await load_programme(connection)).zone
        closes = await load_closes(connection, count_max=CLOSES_SHOWN)
    coming = next_boundary(stored.calendar, after=now(), zone=zone)
    show(_document(stored, coming, closes), as_json=as_json, text=_told(stored, coming, closes, zone))


def _document(stored: StoredCalendar, coming: datetime | None, closes: list[CalendarClose]) -> dict[str, Any]:
    calendar = stored.calendar
    return {
        "frequency": calendar.frequency,
        "at": f"{calendar.at:%H:%M}",
        "weekday": WEEKDAYS[calendar.weekday - 1],
        "day": calendar.day_of_month,
        "calculate": stored.is_calculated,
        "set_at": stored.set_at.isoformat(),
        "set_by": stored.set_by,
        "next": None if coming is None else coming.isoformat(),
        "closes": [
            {
                "window": close.window_no,
                "boundary": close.boundary.isoformat(),
                "boundaries": close.boundaries,
                "closed_at": close.closed_at.isoformat() if close.closed_at else None,
                "late_s": int(_late(close).total_seconds()),
                "fault": close.fault,
            }
            for close in closes
        ],
    }


def _told(stored: StoredCalendar, coming: datetime | None, closes: list[CalendarClose], zone: ZoneInfo) -> str:
    calendar = stored.calendar
    if coming is None:
        head = "Windows are closed by hand."
    else:
        after = "and calculated" if stored.is_calculated else "and left to be calculated by hand"
        head = f"Windows are closed {calendar.frequency}, next at {coming.astimezone(zone):%Y-%m-%d %H:%M %Z}, {after}."
    lines = [head]
    for close in closes:
        missed = "" if close.boundaries == 1 else f", for {close.boundaries} boundaries at once"
        fault = "" if close.fault is None else f"; not calculated: {close.fault}"
        boundary = f"{close.boundary.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        lines.append(f"Window {close.window_no}: due {boundary}, {_late(close)} late{missed}{fault}")
    return "\n".join(lines)


def _late(close: CalendarClose) -> timedelta:
    late = (close.closed_at or now()) - close.boundary
    return timedelta(seconds=int(late.total_seconds()))


def _minute(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone of its own
    except ValueError as error:
        raise typer.BadParameter(f"expected a time like 00:00, {text!r} came", param_hint="--at") from error
