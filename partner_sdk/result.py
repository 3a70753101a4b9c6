"""What the hub answers, typed: results of operations, balances, windows, events; unknown fields are in `raw`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from partner_sdk.errors import AnswerNotUnderstoodError

Verdict = Literal["booked", "refused", "rejected"]
# What may come with a refusal, beside its code.
TOLD = ("available", "left", "state", "limit", "used", "until", "attempts_left")


@dataclass(frozen=True, slots=True)
class Result:
    """The hub's signed answer to one operation.

    `refused` is the verdict on this operation. `rejected` means that the message was invalid because of it
    (a whole-message refusal, narrowed down to this operation by the SDK): it never reached the ledger.
    `expires_at` is when a booked reserve times out. Of a refusal, `left` is how many points could still be captured or
    reversed, and `state` what became of the hold before: captured, released or timed_out. Of a refusal by a limit,
    `limit` is its figure, `used` what counts up to it, `until` when it ends; `attempts_left` tries of a code remain.
    `covered`: the points that were still there for an offline burn; the member owes the rest. `uncovered` points of a
    returned sale were gone, and stay issued; `grace_points` of a reversed burn had expired, and live to `grace_until`.
    """

    id: str
    verdict: Verdict
    is_retryable: bool = False
    points: int | None = None
    balance: int | None = None
    available: int | None = None
    expires_at: datetime | None = None
    code: str | None = None
    left: int | None = None
    state: str | None = None
    limit: int | None = None
    used: int | None = None
    until: datetime | None = None
    attempts_left: int | None = None
    covered: int | None = None
    uncovered: int | None = None
    grace_points: int | None = None
    grace_until: date | None = None
    lane: int | None = None
    leaf: int | None = None
    window: int | None = None
    booked_at: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_booked(self) -> bool:
        return self.verdict == "booked"

    @property
    def told(self) -> dict[str, int | str | datetime]:
        """What came with a refusal beside its code, by name."""
        return {name: value for name in TOLD if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Expiry:
    """Points that expire unused on this day."""

    on: date
    points: int


@dataclass(frozen=True, slots=True)
class OpenHold:
    """Points set aside until `expires_at`; `reserve_id` is None for another partner's."""

    points: int
    expires_at: datetime
    reserve_id: str | None


@dataclass(frozen=True, slots=True)
class CardBalance:
    """What lies behind a card; `available` is the balance less what is held, `holds` and `expiries` soonest first."""

    card: str
    balance: int
    available: int
    held: int
    holds: tuple[OpenHold, ...]
    expiries: tuple[Expiry, ...]
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class StepUp:
    """A code is on its way to the member: where to, in part, and until when it opens one burn."""

    sent_to: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A clearing period, its state, and what you owe (> 0) or are owed by it; money is text.

    `sales_from` and `sales_until` are the days of your first and last operation in it by `occurred_at`, in the
    programme's time zone; so far, while it is open; None: there is none. `closed_at` is None while it is open, `net`
    and what follows it before it is calculated or without a share, `due_on` before it is invoiced.
    """

    number: int
    state: str
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    sales_from: date | None = None
    sales_until: date | None = None
    currency: str | None = None
    net: str | None = None
    share_state: str | None = None
    payable: str | None = None
    unpaid: str | None = None
    due_on: date | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to an operation of this partner, or by itself to what it left (a hold's `time_out`).

    The latter has no `result`, a `verdict` of its own, such as timed_out, and as `operation_id` that of the reserve or
    none. `cursor` is where to go on after this event; those of the same page may then come again, so know an event by
    its lane and leaf.
    """

    lane: int
    leaf: int
    kind: str
    verdict: str
    operation_id: str | None
    points: int | None
    occurred_at: datetime | None
    booked_at: datetime
    window: int
    result: Result | None
    cursor: str | None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in each lane's order; `has_more`: ask again at once."""

    events: tuple[Event, ...]
    cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did so far, and `waiting`: how many operations still wait, whatever for."""

    booked: int = 0
    refused: int = 0
    rejected: int = 0
    deferred: int = 0
    waiting: int = 0

    @property
    def answered(self) -> int:
        return self.booked + self.refused + self.rejected + self.deferred


def parse_result(raw: Any) -> Result:
    """Return one result of the hub's answer. Raises AnswerNotUnderstoodError."""
    try:
        verdict = raw["verdict"]
        if verdict not in ("booked", "refused"):
            raise AnswerNotUnderstoodError("expected booked or refused as verdict", content=raw)
        return Result(
            id=raw["id"],
            verdict=verdict,
            is_retryable=raw.get("retryable") is True,
            points=raw.get("points"),
            balance=raw.get("balance"),
            available=raw.get("available"),
            expires_at=_moment(raw.get("expires_at")),
            code=raw.get("code"),
            left=raw.get("left"),
            state=raw.get("state"),
            limit=raw.get("limit"),
            used=raw.get("used"),
            until=_moment(raw.get("until")),
            attempts_left=raw.get("attempts_left"),
            covered=raw.get("covered"),
            uncovered=raw.get("uncovered"),
            grace_points=raw.get("grace_points"),
            grace_until=_day(raw.get("grace_until")),
            lane=raw.get("lane"),
            leaf=raw.get("leaf"),
            window=raw.get("window"),
            booked_at=_moment(raw.get("booked_at")),
            raw=raw,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise AnswerNotUnderstoodError("expected the result of an operation", content=raw) from fault


def _day(raw: Any) -> date | None:
    return None if raw is None else date.fromisoformat(raw)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def parse_step_up(raw: Any) -> StepUp:
    """Return where a code was sent. Raises AnswerNotUnderstoodError."""
    try:
        return StepUp(raw["sent_to"], datetime.fromisoformat(raw["expires_at"]))
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerNotUnderstoodError("expected sent_to and expires_at", content=raw) from error


def parse_card_balance(raw: Any) -> CardBalance:
    """Return the balance of the hub's answer. Raises AnswerNotUnderstoodError."""
    try:
        expiries = tuple(
            Expiry(on=date.fromisoformat(one["on"]), points=int(one["points"])) for one in raw.get("expiries", [])
        )
        return CardBalance(
            card=str(raw["card"]),
            balance=int(raw["balance"]),
            available=int(raw["available"]),
            held=int(raw.get("held", 0)),
            holds=tuple(
                OpenHold(int(one["points"]), datetime.fromisoformat(one["expires_at"]), one.get("operation_id"))
                for one in raw.get("holds", [])
            ),
            expiries=expiries,
            raw=raw,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise AnswerNotUnderstoodError("expected a card's balance", content=raw) from fault


def parse_windows(content: Any) -> tuple[list[Window], str | None]:
    """Return one page of windows and the cursor of the next page. Raises AnswerNotUnderstoodError."""
    try:
        windows = [_window(raw) for raw in content["windows"]]
        cursor = content.get("next")
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise AnswerNotUnderstoodError("expected a list of windows", content=content) from fault
    return windows, None if cursor is None else str(cursor)


def _window(raw: Any) -> Window:
    return Window(
        number=int(raw["window"]),
        state=str(raw["state"]),
        opened_at=_moment(raw.get("opened_at")),
        closed_at=_moment(raw.get("closed_at")),
        sales_from=_day(raw.get("sales_from")),
        sales_until=_day(raw.get("sales_until")),
        currency=raw.get("currency"),
        net=raw.get("net"),
        share_state=raw.get("share_state"),
        payable=raw.get("payable"),
        unpaid=raw.get("unpaid"),
        due_on=_day(raw.get("due_on")),
        raw=raw,
    )


def parse_events(content: Any, *, after: str | None) -> EventPage:
    """Return the page of events that follows the cursor `after`. Raises AnswerNotUnderstoodError."""
    try:
        cursor, every = str(content["cursor"]), content["events"]
        # Until a page is through, only its beginning is a place to come back to without losing any.
        places = [after] * (len(every) - 1) + [cursor]
        events = tuple(parse_event(raw, cursor=place) for raw, place in zip(every, places, strict=False))
        return EventPage(events, cursor, has_more=content["more"] is True)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise AnswerNotUnderstoodError("expected a page of events", content=content) from fault


def parse_event(raw: Any, *, cursor: str | None) -> Event:
    """Return one event. Raises KeyError, TypeError, ValueError, AttributeError, AnswerNotUnderstoodError."""
    told, operation_id = raw["result"], raw["operation_id"]
    return Event(
        lane=int(raw["lane"]),
        leaf=int(raw["leaf"]),
        kind=str(raw["kind"]),
        verdict=str(told["verdict"]),
        operation_id=operation_id,
        points=told.get("points"),
        occurred_at=_moment(raw["occurred_at"]),
        booked_at=datetime.fromisoformat(raw["booked_at"]),
        window=int(raw["window"]),
        result=parse_result(told) if told["verdict"] in ("booked", "refused") else None,
        cursor=cursor,
        raw=raw,
    )
