"""Compares the partner's books with the hub's journal: by control totals and digest for each day, then by line."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from partner_sdk.books import BookLine, Books
from partner_sdk.errors import AnswerNotUnderstoodError, InvalidPeriodError
from partner_sdk.reconciliation import (
    ComparedDay,
    DayTotals,
    Difference,
    Reconciliation,
    day_totals,
    own_differences,
    parse_days,
    parse_differences,
)

PATH = "/v1/reconciliations"

# Sends a body to POST /v1/reconciliations and returns the content of the verified answer.
Ask = Callable[[bytes], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class ReconcileProgress:
    """How far it is: `days` compared so far, of those `lines` line by line, and the differences found."""

    days: int = 0
    lines: int = 0
    differences: int = 0


Progress = Callable[[ReconcileProgress], None]


@dataclass(frozen=True, slots=True)
class Guide:
    """What the hub says a reconciliation goes by."""

    time_zone: str
    window: int
    days_max: int
    lines_max: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared: the days from `first` to `last`, both included, or a `window`."""

    first: date | None = None
    last: date | None = None
    window: int | None = None


def parse_guide(content: Any) -> Guide:
    """Return the answer of GET /v1/reconciliations. Raises AnswerNotUnderstoodError."""
    try:
        limits = int(content["days_max"]), int(content["lines_max"])
        guide = Guide(str(content["time_zone"]), int(content["window"]), *limits)
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected time_zone, window, days_max and lines_max", content=content) from fault
    if min(limits) < 1:
        raise AnswerNotUnderstoodError("expected limits of 1 or more", content=content)
    return guide


def zone_named(name: str) -> ZoneInfo:
    """Return the programme's time zone. Raises AnswerNotUnderstoodError where this machine doesn't know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise AnswerNotUnderstoodError(
            "expected a time zone known here (is tzdata installed?)", content=name
        ) from fault


def scope_of(books: Books, *, first: date | None, last: date | None, window: int | None, today: date) -> Scope:
    """Return what to compare: the window, or the days given, and what is not given from the books' first day to today.

    Raises InvalidPeriodError."""
    if window is not None:
        if first is not None or last is not None:
            raise InvalidPeriodError("name a window, or days, not both")
        return Scope(window=window)
    for day in (first, last):
        # A datetime is a date as well, to Python, but not to be compared with one.
        if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
            raise InvalidPeriodError(f"expected a date, got {type(day).__name__}")
    days = [line.day for line in books.lines.values()]
    last = last or max([today, *days])
    first = first or min(min(days, default=last), last)
    if last < first:
        raise InvalidPeriodError(f"the first day, {first}, is after the last, {last}")
    return Scope(first, last)


def lines_by_window(books: Books, scope: Scope) -> dict[int, list[BookLine]]:
    """Return all lines of the books by the window that they name, for each window of which any line is compared."""
    by_window: defaultdict[int, list[BookLine]] = defaultdict(list)
    for line in books.lines.values():
        if line.window is not None:
            by_window[line.window].append(line)
    return {
        window: by_window[window]
        for window in sorted(by_window)
        if (scope.window in (None, window)) and any(_is_within(line.day, scope) for line in by_window[window])
    }


async def reconcile_books(
    ask: Ask, books: Books, scope: Scope, guide: Guide, *, progress: Progress = lambda so_far: None
) -> Reconciliation:
    """Return every difference between the books and the hub, each operation once."""
    lines = {day: sorted(of_day, key=lambda line: line.id) for day, of_day in _by_day(books, scope).items()}
    # In a window all lines are of that one, so that none needs to name it.
    names_windows = books.names_windows and scope.window is None
    so_far, days, found = ReconcileProgress(), list[ComparedDay](), list[Difference]()
    for period in _periods(scope, guide.days_max):
        of_period = {day: lines[day] for day in sorted(lines) if _is_within(day, period)}
        compared = await _compare_days(ask, period, of_period, names_windows=names_windows)
        days += compared
        so_far = replace(so_far, days=so_far.days + len(compared))
        progress(so_far)
        for day in compared:
            # Without windows in the lines, what was booked late is not told by the digest.
            if day.agrees and not (day.late and not books.names_windows and scope.window is None):
                continue
            async for page in _compare_lines(ask, scope, day.day, lines.get(day.day, []), books, guide, names_windows):
                found += page
            so_far = replace(so_far, lines=so_far.lines + 1, differences=len(found))
            progress(so_far)
    differences = own_differences(found, books.lines, window=scope.window)
    noted = tuple(replace(one, note=books.state_of(one.id)) if one.partner is None else one for one in differences)
    return Reconciliation(guide.time_zone, tuple(days), noted, waiting=books.waiting)


async def _compare_days(
    ask: Ask, period: Scope, lines: Mapping[date, Sequence[BookLine]], *, names_windows: bool
) -> list[ComparedDay]:
    own = {day: day_totals(of_day, names_windows=names_windows) for day, of_day in lines.items()}
    asked: dict[str, Any] = {"names_windows": names_windows, "days": [_control(day, one) for day, one in own.items()]}
    if period.first is not None and period.last is not None:
        asked |= {"from": period.first.isoformat(), "until": period.last.isoformat()}
    else:
        asked["window"] = period.window
    return parse_days(await ask(json.dumps(asked).encode()), own)


async def _compare_lines(
    ask: Ask, scope: Scope, day: date, lines: Sequence[BookLine], books: Books, guide: Guide, names_windows: bool
) -> AsyncIterator[list[Difference]]:
    """Yield the differences of one day, page by page."""
    asked: dict[str, Any] = {"day": day.isoformat(), "names_windows": names_windows}
    if scope.window is not None:
        asked["window"] = scope.window
    after: str | None = ""
    while after is not None:
        left = [line for line in lines if line.id > after]
        page = left[: guide.lines_max]
        asked |= {"lines": [_wire(line, names_windows) for line in page], "more": len(page) < len(left)}
        if after:
            asked["after"] = after
        differences, following = parse_differences(await ask(json.dumps(asked).encode()), books.lines)
        if following is not None and following <= after:
            raise AnswerNotUnderstoodError("expected a page that goes on", content=following)
        after = following
        yield differences


def _by_day(books: Books, scope: Scope) -> dict[date, list[BookLine]]:
    by_day: defaultdict[date, list[BookLine]] = defaultdict(list)
    for line in books.lines.values():
        is_of_window = scope.window is None or not books.names_windows or line.window == scope.window
        if is_of_window and _is_within(line.day, scope):
            by_day[line.day].append(line)
    return by_day


def _is_within(day: date, scope: Scope) -> bool:
    return (scope.first is None or scope.first <= day) and (scope.last is None or day <= scope.last)


def _periods(scope: Scope, days_max: int) -> Iterator[Scope]:
    """Yield the scope in pieces that fit into one call."""
    if scope.first is None or scope.last is None:
        yield scope
        return
    first = scope.first
    while first <= scope.last:
        last = min(scope.last, first + timedelta(days=days_max - 1))
        yield Scope(first, last)
        first = last + timedelta(days=1)


def _control(day: date, totals: DayTotals) -> dict[str, Any]:
    return {"day": day.isoformat(), "count": totals.count, "points": dict(totals.points), "digest": totals.digest}


def _wire(line: BookLine, names_windows: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": line.id, "type": line.type, "points": line.points}
    return fields | {"window": line.window} if names_windows else fields
