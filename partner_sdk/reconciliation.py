"""A partner's books against the hub's journal: what is compared, and how each difference is classed.

    line     id SP type SP points [SP window] LF     in ASCII; type: earn, burn, capture or reverse
    digest   SHA-256 over the day's lines in the order of their bytes, as 64 hexadecimal digits in lower case

The hub compares; the same rule is here for what it can't know (an operation that the books have elsewhere), and for the
fake hub.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal

from partner_sdk.books import BookLine
from partner_sdk.errors import AnswerNotUnderstoodError
from partner_sdk.statement_check import StatementCheck

DifferenceClass = Literal["missing_at_hub", "missing_at_partner", "other_amount", "late", "other_window", "other_day"]
DIFFERENCE_CLASSES: tuple[DifferenceClass, ...] = (
    "missing_at_hub",
    "missing_at_partner",
    "other_amount",
    "late",
    "other_window",
    "other_day",
)


@dataclass(frozen=True, slots=True)
class HubLine:
    """An operation as the hub decided it. `code`: why it was refused; `period`: the window open when it occurred."""

    type: str
    points: int
    day: date
    window: int
    period: int
    occurred_at: datetime
    booked_at: datetime
    lane: int
    leaf: int
    code: str | None = None

    @property
    def is_late(self) -> bool:
        """Whether it occurred before the window in which it was booked was opened."""
        return self.window > self.period


@dataclass(frozen=True, slots=True)
class Difference:
    """One operation that the two have otherwise, or that one of them lacks. `note`: what else the outbox knows."""

    kind: DifferenceClass
    id: str
    partner: BookLine | None
    hub: HubLine | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What a day comes to; `points` by type, those without any left out."""

    count: int
    points: Mapping[str, int]
    digest: str


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """A day on which either side has anything; `late` of the hub's operations are of an earlier window's time."""

    day: date
    agrees: bool
    late: int
    partner: DayTotals
    hub: DayTotals


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came out; `waiting` operations of the outbox have no answer yet, and were not compared."""

    time_zone: str
    days: tuple[ComparedDay, ...]
    differences: tuple[Difference, ...]
    statements: tuple[StatementCheck, ...] = field(default=())
    waiting: int = 0

    @property
    def agrees(self) -> bool:
        """Whether there is no difference, neither in the books nor in a statement."""
        return not self.differences and all(statement.agrees for statement in self.statements)


def line_text(line: BookLine, *, names_window: bool) -> str:
    """Return a line as it goes into the digest."""
    window = f" {line.window}" if names_window else ""
    return f"{line.id} {line.type} {line.points}{window}\n"


def day_totals(lines: Iterable[BookLine], *, names_windows: bool) -> DayTotals:
    """Return what one day's lines come to."""
    texts: list[str] = []
    points: dict[str, int] = {}
    for line in lines:
        texts.append(line_text(line, names_window=names_windows))
        points[line.type] = points.get(line.type, 0) + line.points
    texts.sort()
    return DayTotals(len(texts), points, sha256("".join(texts).encode("ascii")).hexdigest())


def class_of(own: BookLine, hub: HubLine | None, *, day: date, window: int | None) -> DifferenceClass | None:
    """Return how a line, compared on this day and in this window, differs by what weighs most; None: not at all."""
    if hub is None or hub.code is not None:
        return "missing_at_hub"
    if (own.type, own.points) != (hub.type, hub.points):
        return "other_amount"
    if window is None and hub.is_late:
        return "late"
    if window is not None and window != hub.window:
        return "late" if hub.is_late and window == hub.period else "other_window"
    return None if day == hub.day else "other_day"


def own_differences(
    found: Iterable[Difference], books: Mapping[str, BookLine], *, window: int | None
) -> list[Difference]:
    """Return the hub's differences, each operation once, in the order of the ids: one that the books have on another
    day, or in another window, is not missing from them. `window` is the one compared, if one was."""
    differences: dict[str, Difference] = {}
    for one in found:
        own = books.get(one.id)
        if one.kind != "missing_at_partner" or own is None:
            differences[one.id] = one
        else:
            named = window if own.window is None else own.window
            kind = class_of(own, one.hub, day=own.day, window=named)
            if kind is not None:
                differences[one.id] = Difference(kind, one.id, own, one.hub)
    return [differences[operation_id] for operation_id in sorted(differences)]


def parse_days(content: Any, own: Mapping[date, DayTotals]) -> list[ComparedDay]:
    """Return the days of the hub's answer beside the partner's. Raises AnswerNotUnderstoodError."""
    try:
        return [
            ComparedDay(
                day := date.fromisoformat(one["day"]),
                one["agrees"] is True,
                int(one["late"]),
                own.get(day, NOTHING),
                DayTotals(int(one["hub"]["count"]), dict(one["hub"]["points"]), str(one["hub"]["digest"])),
            )
            for one in content["days"]
        ]
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected compared days", content=content) from fault


def parse_differences(content: Any, books: Mapping[str, BookLine]) -> tuple[list[Difference], str | None]:
    """Return the differences of the hub's answer, and the id to go on after. Raises AnswerNotUnderstoodError."""
    try:
        differences = [
            Difference(
                _class(one["difference"]),
                str(one["id"]),
                None if one["partner"] is None else books[one["id"]],
                None if one["hub"] is None else _hub_line(one["hub"]),
            )
            for one in content["differences"]
        ]
        following = content["next"]
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected differences", content=content) from fault
    return differences, None if following is None else str(following)


def _class(told: Any) -> DifferenceClass:
    for known in DIFFERENCE_CLASSES:
        if told == known:
            return known
    raise ValueError(f"an unknown difference: {told!r}")


def _hub_line(raw: Any) -> HubLine:
    return HubLine(
        type=str(raw["type"]),
        points=int(raw["points"]),
        day=date.fromisoformat(raw["day"]),
        window=int(raw["window"]),
        period=int(raw["period"]),
        occurred_at=datetime.fromisoformat(raw["occurred_at"]),
        booked_at=datetime.fromisoformat(raw["booked_at"]),
        lane=int(raw["lane"]),
        leaf=int(raw["leaf"]),
        code=raw["code"],
    )


NOTHING = day_totals((), names_windows=False)
