"""POST /v1/reconciliations: a partner's own books against the journal, by day and then line by line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

from aiohttp import web
from pydantic import Field

from coalition.errors import FieldFault, NotFoundError, RequestRefusedError
from coalition.http.answers import ReconciliationAnswer, ReconciliationGuide
from coalition.http.bodies import read_json, refuse_other_content, refused_request
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from coalition.journal.reconciliation import DayTotals, Difference, JournalLine, LineType, OwnLine
from coalition.journal.record import timestamp
from coalition.ledger.operation import OperationId, Points, WireModel
from coalition.operations.reconcile import ComparedDay, Days, OwnLines, compare_days, compare_page
from coalition.stores.windows import find_open

DAYS_MAX = 31
# A window may hold what occurred up to 400 days before it was opened.
DAYS_OF_WINDOW_MAX = 500
LINES_MAX = 5_000
# Each may read a whole window of the journal: so many in one process, each of another partner, and the next has to come
# back.
AT_ONCE_MAX = 2
RETRY_AFTER_S = 2

# The partners that compare just now.
COMPARING: web.AppKey[set[int]] = web.AppKey("reconciliations_under_way", set)

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
Count = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
WindowNo = Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]


class DayControl(WireModel):
    """Control totals of one day: how many operations, their points by type, SHA-256 over their sorted lines."""

    day: Day
    count: Count
    points: Annotated[dict[LineType, Count], Field(default_factory=dict)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ControlLine(WireModel):
    """One operation of your books; `window` only where `names_windows` is true."""

    id: OperationId
    type: LineType
    points: Points
    window: WindowNo | None = None


class ReconciliationRequest(WireModel):
    """Either `days` with `from` and `until`, both included, or with `window`; or a `day` with its `lines`, all of them
    or those of one `window`. Lines are sorted by the bytes of their ids; more than fit are sent in further calls, each
    but the last with `more`, and `after` the answer's `next`. `names_windows`: digests and lines name each its window.
    """

    from_: Annotated[Day | None, Field(alias="from")] = None
    until: Day | None = None
    window: WindowNo | None = None
    names_windows: bool = False
    days: Annotated[list[DayControl] | None, Field(max_length=DAYS_OF_WINDOW_MAX)] = None
    day: Day | None = None
    lines: Annotated[list[ControlLine] | None, Field(max_length=LINES_MAX)] = None
    after: OperationId | None = None
    more: bool = False


async def get_guide(request: web.Request, call: PartnerCall) -> Answer:
    """Answer by what days a reconciliation goes, and how much fits into one."""
    async with request.app[POOL].acquire() as connection:
        window = await find_open(connection)
    document = {
        "time_zone": request.app[CLEARING].registry.programme.time_zone,
        "window": window,
        "days_max": DAYS_MAX,
        "lines_max": LINES_MAX,
    }
    return Answer(200, json.dumps(document).encode())


async def post_reconciliation(request: web.Request, call: PartnerCall) -> Answer:
    """Answer which days differ, or every difference of a day's lines."""
    refuse_other_content(request)
    asked = read_json(ReconciliationRequest, call.body)
    faults = tuple(_faults(asked))
    if faults:
        raise refused_request(faults)
    with _claim(request.app[COMPARING], call.partner):
        try:
            compared = await (_days if asked.lines is None else _lines)(request, call, asked)
        except NotFoundError as error:
            fault = FieldFault("window", "window_unknown", "a window that was opened", str(asked.window))
            raise refused_request((fault,)) from error
    document = {"time_zone": request.app[CLEARING].registry.programme.time_zone, **compared}
    return Answer(200, json.dumps(document).encode())


@contextmanager
def _claim(comparing: set[int], partner: int) -> Iterator[None]:
    """Take a partner's place among those that compare; raises RequestRefusedError when it has one, or all are taken."""
    if partner in comparing or len(comparing) >= AT_ONCE_MAX:
        what = "A reconciliation of yours is" if partner in comparing else f"{AT_ONCE_MAX} reconciliations are"
        detail = f"{what} under way; try again in {RETRY_AFTER_S} s."
        raise RequestRefusedError(status=429, code="reconciliations_busy", detail=detail, retry_after_s=RETRY_AFTER_S)
    comparing.add(partner)
    try:
        yield
    finally:
        comparing.remove(partner)


async def _days(request: web.Request, call: PartnerCall, asked: ReconciliationRequest) -> dict[str, object]:
    own = {one.day: DayTotals(one.count, one.points, one.digest) for one in asked.days or ()}
    compared = await compare_days(
        request.app[POOL],
        partner=call.partner,
        zone=request.app[CLEARING].registry.programme.zone,
        own=own,
        days=Days(asked.from_, asked.until) if asked.from_ and asked.until else None,
        window=asked.window,
        names_windows=asked.names_windows,
    )
    return {"days": [_day_document(one) for one in compared]}


async def _lines(request: web.Request, call: PartnerCall, asked: ReconciliationRequest) -> dict[str, object]:
    assert asked.day is not None, "faults are found before"
    lines = [OwnLine(line.id, line.type, line.points, line.window) for line in asked.lines or ()]
    page = await compare_page(
        request.app[POOL],
        partner=call.partner,
        zone=request.app[CLEARING].registry.programme.zone,
        own=OwnLines(asked.day, lines, asked.after or "", asked.more),
        window=asked.window,
        booked_max=LINES_MAX,
    )
    return {"differences": [_difference_document(one) for one in page.differences], "next": page.next}


def _faults(asked: ReconciliationRequest) -> Iterator[FieldFault]:
    """Yield what a model can't tell: which fields go together, and in which order."""
    if (asked.days is None) == (asked.lines is None):
        yield FieldFault("days", "days_or_lines", "days or lines, one of both", "both" if asked.days else "neither")
    elif asked.days is not None:
        yield from _faults_of_days(asked, asked.days)
    elif asked.lines is not None:
        yield from _faults_of_lines(asked, asked.lines)
    if asked.names_windows and asked.window is not None:
        yield FieldFault("names_windows", "window_twice", "false beside window: all lines are of that one", "true")


def _faults_of_days(asked: ReconciliationRequest, days: list[DayControl]) -> Iterator[FieldFault]:
    first, last = asked.from_, asked.until
    if (asked.window is None) == (first is None) or (first is None) != (last is None):
        yield FieldFault(
            "from", "period_missing", "from and until, or window", _told(asked, "from_", "until", "window")
        )
    elif first is not None and last is not None and not 0 <= (last - first).days < DAYS_MAX:
        yield FieldFault("until", "period_too_long", f"from {first} on, at most {DAYS_MAX} days", str(last))
    seen: set[date] = set()
    for number, one in enumerate(days):
        if one.day in seen:
            yield FieldFault(f"days.{number}.day", "day_twice", "each day once", str(one.day))
        if first is not None and last is not None and not first <= one.day <= last:
            yield FieldFault(f"days.{number}.day", "day_outside", f"a day from {first} to {last}", str(one.day))
        seen.add(one.day)


def _faults_of_lines(asked: ReconciliationRequest, lines: list[ControlLine]) -> Iterator[FieldFault]:
    if asked.day is None:
        yield FieldFault("day", "day_missing", "the day of the lines", "nothing")
    if asked.from_ is not None or asked.until is not None:
        yield FieldFault("from", "period_unexpected", "no period beside lines", _told(asked, "from_", "until"))
    if asked.more and not lines:
        yield FieldFault("more", "lines_missing", "lines, where more are to come", "none")
    before = asked.after or ""
    for number, line in enumerate(lines):
        if line.id <= before:
            yield FieldFault(f"lines.{number}.id", "not_in_order", f"an id after {before}", line.id)
        before = line.id
        if (line.window is not None) != asked.names_windows:
            expected = "a window" if asked.names_windows else "no window without names_windows"
            yield FieldFault(f"lines.{number}.window", "window_unexpected", expected, str(line.window))


def _told(asked: ReconciliationRequest, *names: str) -> str:
    given = [name.rstrip("_") for name in names if getattr(asked, name) is not None]
    return " and ".join(given) or "neither"


def _day_document(one: ComparedDay) -> dict[str, object]:
    hub = {"count": one.hub.count, "points": one.hub.points, "digest": one.hub.digest}
    return {"day": one.day.isoformat(), "agrees": one.agrees, "late": one.late, "hub": hub}


def _difference_document(one: Difference) -> dict[str, object]:
    return {
        "difference": one.kind,
        "id": one.id,
        "partner": None if one.partner is None else _own_document(one.partner),
        "hub": None if one.hub is None else _hub_document(one.hub),
    }


def _own_document(line: OwnLine) -> dict[str, object]:
    return {"type": line.type, "points": line.points, "window": line.window}


def _hub_document(line: JournalLine) -> dict[str, object]:
    return {
        "verdict": "booked" if line.code is None else "refused",
        "code": line.code,
        "type": line.type,
        "points": line.points,
        "window": line.window,
        "period": line.period,
        "late": line.is_late,
        "day": line.day.isoformat(),
        "occurred_at": timestamp(line.occurred_at),
        "booked_at": timestamp(line.booked_at),
        "lane": line.lane,
        "leaf": line.leaf,
    }


ROUTES = [
    Route(
        "GET",
        "/v1/reconciliations",
        "partner",
        get_guide,
        "What a reconciliation goes by: the programme's time zone, the open window, how much fits into one call.",
        answers=ReconciliationGuide,
        takes_from_left=True,
    ),
    Route(
        "POST",
        "/v1/reconciliations",
        "partner",
        post_reconciliation,
        "Compare your books with the journal: which days differ, or each difference of a day's lines.",
        takes=ReconciliationRequest,
        answers=ReconciliationAnswer,
        takes_from_left=True,
    ),
]
