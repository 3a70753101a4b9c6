"""A partner's own books against the journal: control totals and a digest for each day, then line by line.

    line     id SP type SP points [SP window] LF     in ASCII; type: earn, burn, capture or reverse
    digest   SHA-256 over the day's lines in the order of their bytes, as 64 hexadecimal digits in lower case

Compared is what moved points: booked earns, burns, captures and reversals of at least one point, on the day of their
`occurred_at` in the programme's time zone. The window stands in the lines only where the partner's books name it.

Late is an operation that occurred before the sales of the window in which it was booked began: its sale is of one
period and its bill of another, and the statement has it among what is of earlier periods. A window begins, for sales,
where those of the windows before it ended, and at the latest when it was opened; so a year that is booked in a day is
measured by its sales. Before the first window there is none.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Literal, NamedTuple

LineType = Literal["earn", "burn", "capture", "reverse"]
LINE_TYPES: tuple[LineType, ...] = ("earn", "burn", "capture", "reverse")

DifferenceClass = Literal["missing_at_hub", "missing_at_partner", "other_amount", "late", "other_window", "other_day"]


class OwnLine(NamedTuple):
    """An operation as the partner's books have it; `window` None: they don't say."""

    id: str
    type: LineType
    points: int
    window: int | None = None


class JournalLine(NamedTuple):
    """An operation as the journal has it. `type` may be any that can be sent; `period` is the window that was open when
    it occurred; `code` why it was refused, None: booked."""

    id: str
    type: str
    points: int
    window: int
    period: int
    day: date
    occurred_at: datetime
    booked_at: datetime
    lane: int
    leaf: int
    code: str | None = None

    @property
    def is_late(self) -> bool:
        return self.window > self.period


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What a day comes to; `points` by type, those without any may be left out."""

    count: int
    points: Mapping[LineType, int]
    digest: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One operation that the two books have otherwise, or that one of them lacks; `hub` may be a refusal."""

    kind: DifferenceClass
    id: str
    partner: OwnLine | None
    hub: JournalLine | None


def line_text(operation_id: str, line_type: str, points: int, window: int | None) -> str:
    """Return a line as it goes into the digest."""
    named = "" if window is None else f" {window}"
    return f"{operation_id} {line_type} {points}{named}\n"


def day_totals(lines: Iterable[OwnLine]) -> DayTotals:
    """Return what one day's lines come to."""
    texts: list[str] = []
    points: dict[LineType, int] = {}
    for line in lines:
        texts.append(line_text(*line))
        points[line.type] = points.get(line.type, 0) + line.points
    texts.sort()
    return DayTotals(len(texts), points, sha256("".join(texts).encode("ascii")).hexdigest())


NOTHING = day_totals(())


# No sale is before it.
NO_BEGIN = datetime.min.replace(tzinfo=UTC)


def sales_begins(
    openings: Iterable[tuple[datetime, int]], last_sales: Mapping[int, datetime]
) -> list[tuple[datetime, int]]:
    """Return when each window began for sales, in order; `openings` are when each was opened, `last_sales` the last of
    those that have any."""
    begins = []
    sold_until: datetime | None = None
    for opened_at, window in openings:
        begins.append((NO_BEGIN if sold_until is None else min(opened_at, sold_until), window))
        last = last_sales.get(window)
        if last is not None:
            sold_until = last if sold_until is None else max(sold_until, last)
    return begins


def period_of(occurred_at: datetime, begins: Sequence[tuple[datetime, int]]) -> int:
    """Return the window in whose time a sale was; `begins` are those of all windows, in order."""
    return begins[max(bisect_right(begins, occurred_at, key=lambda begin: begin[0]) - 1, 0)][1]


def comparable_through(
    own: Sequence[OwnLine], *, has_more: bool, booked: Sequence[JournalLine], booked_max: int
) -> str | None:
    """Return the last id up to which both sides are known whole; None: to the end.

    Both are sorted by id. `has_more`: the partner has further lines behind these; `booked` were read with a limit of
    `booked_max + 1`, and up to the last own id where there are more."""
    if len(booked) > booked_max:
        return booked[booked_max - 1].id
    return own[-1].id if has_more else None


def compare_lines(
    own: Iterable[OwnLine],
    booked: Iterable[JournalLine],
    elsewhere: Mapping[str, JournalLine],
    *,
    day: date,
    window: int | None = None,
) -> list[Difference]:
    """Return every difference, in the order of the ids.

    `own` is what the partner has on this day (and in this window, if one is given), `booked` what the journal has
    there; `elsewhere` what it has, wherever that is, of the ids that are only in `own`."""
    there = {line.id: line for line in booked}
    differences = []
    for line in own:
        hub = there.pop(line.id, None) or elsewhere.get(line.id)
        kind = _class_of(line, hub, day=day, window=line.window if window is None else window)
        if kind is not None:
            differences.append(Difference(kind, line.id, line, hub))
    differences += [Difference("missing_at_partner", line.id, None, line) for line in there.values()]
    return sorted(differences, key=lambda difference: difference.id)


def _class_of(own: OwnLine, hub: JournalLine | None, *, day: date, window: int | None) -> DifferenceClass | None:
    """Return how a line differs, by what weighs most; None: not at all."""
    if hub is None or hub.code is not None:
        return "missing_at_hub"
    if (own.type, own.points) != (hub.type, hub.points):
        return "other_amount"
    if window is None and hub.is_late:
        return "late"
    if window is not None and window != hub.window:
        return "late" if hub.is_late and window == hub.period else "other_window"
    return None if day == hub.day else "other_day"
