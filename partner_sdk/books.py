"""The partner's own books: what its outboxes hold, or a file of its own, as lines that can be compared."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Literal

from partner_sdk.errors import OperationIdReusedError
from partner_sdk.outbox import Outbox
from partner_sdk.result import Result

LineType = Literal["earn", "burn", "capture", "reverse"]
LINE_TYPES: tuple[LineType, ...] = ("earn", "burn", "capture", "reverse")


@dataclass(frozen=True, slots=True)
class BookLine:
    """An operation in the partner's books that moved points, on the day of its `occurred_at` in the programme's zone.

    `window` None: the books don't say. `reverses` is the type of a reversal's original where the books have it, and
    `is_shared` tells that a joint promotion paid: both only matter to a statement's totals.
    """

    id: str
    type: LineType
    points: int
    day: date
    window: int | None = None
    reverses: LineType | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """Lines by operation id. `names_windows`: each line has its window. `state_of` tells what else the books know of an
    id that has no line: that it waits, or was refused; None: nothing. `waiting` operations have no answer yet."""

    lines: Mapping[str, BookLine]
    names_windows: bool
    state_of: Callable[[str], str | None] = field(default=lambda operation_id: None)
    waiting: int = 0


def line_type(text: str) -> LineType | None:
    """Return the type of a line, or None for one that moves no points, or that nobody knows."""
    for known in LINE_TYPES:
        if text == known:
            return known
    return None


def outbox_books(outboxes: Iterable[Outbox], *, zone: tzinfo) -> Books:
    """Return what the receipts of one partner's outboxes say was booked. Raises OperationIdReusedError, OutboxError.

    Receipts are taken as they are kept: `verify_receipts` proves them.
    """
    outboxes = list(outboxes)
    lines: dict[str, BookLine] = {}
    originals: dict[str, str] = {}
    for outbox in outboxes:
        for line, original in _lines(outbox, zone):
            if lines.setdefault(line.id, line) != line:
                raise OperationIdReusedError([line.id])
            if original is not None:
                originals[line.id] = original
    for operation_id, original in originals.items():
        if original in lines:
            lines[operation_id] = _reversal_of(lines[operation_id], lines[original])
    return Books(
        lines,
        names_windows=True,
        state_of=lambda operation_id: _state(outboxes, operation_id),
        waiting=sum(outbox.waiting()[0] for outbox in outboxes),
    )


def _lines(outbox: Outbox, zone: tzinfo) -> Iterator[tuple[BookLine, str | None]]:
    for body, result in outbox.booked():
        operation = json.loads(body)
        kind = line_type(operation["type"])
        if kind is not None and result.points:
            yield _line(kind, operation, result, zone), operation["operation_id"] if kind == "reverse" else None


def _line(kind: LineType, operation: Any, result: Result, zone: tzinfo) -> BookLine:
    day = datetime.fromisoformat(operation["occurred_at"]).astimezone(zone).date()
    is_shared = operation.get("promotion") is not None
    return BookLine(result.id, kind, result.points or 0, day, result.window, is_shared=is_shared)


def _reversal_of(line: BookLine, original: BookLine) -> BookLine:
    return BookLine(
        line.id,
        line.type,
        line.points,
        line.day,
        line.window,
        reverses=original.type,
        is_shared=original.is_shared,
    )


def _state(outboxes: Iterable[Outbox], operation_id: str) -> str | None:
    for outbox in outboxes:
        state = outbox.state_of(operation_id)
        if state is not None:
            return state
    return None
