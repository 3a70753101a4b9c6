"""The partner's side of a reconciliation against the hub's rule: each change of the books is found and classed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coalition.journal import reconciliation as hub
from partner_sdk.books import BookLine, Books
from partner_sdk.reconcile import Guide, Scope, reconcile_books
from partner_sdk.reconciliation import Reconciliation

FIRST = date(2026, 3, 1)
DAYS = 6
WINDOWS = 3
# Small, so that a handful of lines are many pages, and a week is more than one call.
GUIDE = Guide("UTC", WINDOWS, days_max=4, lines_max=2)
WHOLE = Scope(FIRST, FIRST + timedelta(days=DAYS - 1))
MOMENT = datetime(2026, 4, 1, tzinfo=UTC)


class Journal:
    """The hub's side in memory, of the rule's own parts."""

    def __init__(self, lines: Sequence[hub.JournalLine]) -> None:
        self.lines = {line.id: line for line in lines}

    async def ask(self, body: bytes) -> Any:
        asked = json.loads(body)
        return self._days(asked) if "days" in asked else self._page(asked)

    def _booked(self, window: int | None) -> list[hub.JournalLine]:
        return [line for line in self.lines.values() if line.code is None and window in (None, line.window)]

    def _days(self, asked: Any) -> Any:
        own = {one["day"]: (one["count"], one["digest"]) for one in asked["days"]}
        by_day: dict[str, list[hub.JournalLine]] = {}
        for line in self._booked(asked.get("window")):
            day = line.day.isoformat()
            if asked.get("from", "") <= day <= asked.get("until", "9"):
                by_day.setdefault(day, []).append(line)
        days = []
        for day in sorted({*own, *by_day}):
            told = [
                hub.OwnLine(one.id, one.type, one.points, one.window if asked["names_windows"] else None)  # type: ignore[arg-type]
                for one in by_day.get(day, ())
            ]
            totals = hub.day_totals(told)
            shown = {"count": totals.count, "points": totals.points, "digest": totals.digest}
            agrees = own.get(day, (0, hub.NOTHING.digest)) == (totals.count, totals.digest)
            late = sum(one.is_late for one in by_day.get(day, ()))
            days.append({"day": day, "agrees": agrees, "late": late, "hub": shown})
        return {"days": days}

    def _page(self, asked: Any) -> Any:
        day, after, window = date.fromisoformat(asked["day"]), asked.get("after", ""), asked.get("window")
        own = [hub.OwnLine(one["id"], one["type"], one["points"], one.get("window")) for one in asked["lines"]]
        end = own[-1].id if asked["more"] else "~"
        booked = sorted(line for line in self._booked(window) if line.day == day and after < line.id <= end)
        read = booked[: GUIDE.lines_max + 1]
        through = hub.comparable_through(own, has_more=asked["more"], booked=read, booked_max=GUIDE.lines_max)
        own = [line for line in own if through is None or line.id <= through]
        read = [line for line in read if through is None or line.id <= through]
        differences = hub.compare_lines(own, read, self.lines, day=day, window=window)
        return {"differences": [self._told(one) for one in differences], "next": through}

    def _told(self, one: hub.Difference) -> Any:
        line = one.hub and one.hub._asdict()
        if line:
            line |= {name: line[name].isoformat() for name in ("day", "occurred_at", "booked_at")}
        return {"difference": one.kind, "id": one.id, "partner": one.partner and one.partner._asdict(), "hub": line}


def journal_line(number: int, kind: str, points: int, day: int, window: int, period: int) -> hub.JournalLine:
    moment = MOMENT
    place = (FIRST + timedelta(days=day), moment, moment, 0, number)
    return hub.JournalLine(f"op-{number:02}", kind, points, window, min(period, window), *place)


journals = st.lists(
    st.tuples(
        st.sampled_from(hub.LINE_TYPES),
        st.integers(1, 3),
        st.integers(0, DAYS - 1),
        st.integers(1, WINDOWS),
        st.integers(1, WINDOWS),
    ),
    max_size=14,
).map(lambda rows: [journal_line(number, *row) for number, row in enumerate(rows)])
edits = st.dictionaries(
    st.integers(0, 13), st.sampled_from(["forget", "amount", "type", "window", "period", "day"]), max_size=8
)
inventions = st.lists(st.tuples(st.integers(0, DAYS - 1), st.integers(1, WINDOWS)), max_size=4)


def own_line(line: hub.JournalLine) -> BookLine:
    return BookLine(line.id, line.type, line.points, line.day, line.window)  # type: ignore[arg-type]


def edited(line: hub.JournalLine, edit: str | None) -> tuple[BookLine | None, str | None]:
    """Return what the books make of a line, and how the difference is to be classed."""
    own = own_line(line)
    other_window = line.window % WINDOWS + 1
    match edit:
        case "forget":
            return None, "missing_at_partner"
        case "amount":
            return replace(own, points=own.points + 1), "other_amount"
        case "type":
            return replace(own, type="burn" if own.type == "earn" else "earn"), "other_amount"
        case "window":
            is_late = line.is_late and other_window == line.period
            return replace(own, window=other_window), "late" if is_late else "other_window"
        case "period" if line.is_late:
            return replace(own, window=line.period), "late"
        case "day":
            later = FIRST + timedelta(days=((own.day - FIRST).days + 1) % DAYS)
            return replace(own, day=later), "other_day"
    return own, None


def reconciled(journal: Journal, books: Mapping[str, BookLine], scope: Scope, *, names: bool = True) -> Reconciliation:
    return asyncio.run(reconcile_books(journal.ask, Books(books, names_windows=names), scope, GUIDE))


def classes(compared: Reconciliation) -> dict[str, str]:
    assert len({one.id for one in compared.differences}) == len(compared.differences)
    return {one.id: one.kind for one in compared.differences}


@given(journals, edits, inventions)
def test_every_change_of_the_books_is_found_once_and_classed(
    lines: list[hub.JournalLine], changes: dict[int, str], invented: list[tuple[int, int]]
) -> None:
    books, expected = {}, {}
    for number, line in enumerate(lines):
        own, kind = edited(line, changes.get(number))
        if own is not None:
            books[own.id] = own
        if kind is not None:
            expected[line.id] = kind
    for number, (day, window) in enumerate(invented):
        own = BookLine(f"nn-{number}", "earn", 1, FIRST + timedelta(days=day), window)
        books[own.id], expected[own.id] = own, "missing_at_hub"

    compared = reconciled(Journal(lines), books, WHOLE)

    assert classes(compared) == expected
    assert compared.agrees == (not expected)


@given(journals, edits, st.integers(1, WINDOWS))
def test_a_windows_books_show_all_that_touches_it(
    lines: list[hub.JournalLine], changes: dict[int, str], window: int
) -> None:
    """Compared are both what the hub and what the books have in it; an operation that moved is found from either."""
    books, expected = {}, {}
    for number, line in enumerate(lines):
        own, kind = edited(line, changes.get(number))
        if own is not None:
            books[own.id] = own
        if kind is not None and (line.window == window or (own is not None and own.window == window)):
            expected[line.id] = kind

    assert classes(reconciled(Journal(lines), books, Scope(window=window))) == expected


@given(journals, edits)
def test_books_without_windows_are_told_what_is_late(lines: list[hub.JournalLine], changes: dict[int, str]) -> None:
    books, expected = {}, {}
    for number, line in enumerate(lines):
        edit = changes.get(number)
        own, kind = edited(line, None if edit in ("window", "period") else edit)
        if own is not None:
            books[own.id] = replace(own, window=None)
        if line.is_late and kind in (None, "other_day"):
            kind = "late"
        if kind is not None:
            expected[line.id] = kind

    assert classes(reconciled(Journal(lines), books, WHOLE, names=False)) == expected
