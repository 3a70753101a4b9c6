"""What goes into a batch and what comes out of it, as values: commands, what is known, the calendar, all changes."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coalition.ledger.decision import Sale
from coalition.ledger.expiry import ExpiryRule
from coalition.ledger.hold import Hold
from coalition.ledger.lot import Lot, LotRestoration, LotUse
from coalition.ledger.operation import AnyOperation
from coalition.ledger.participant import Participant

OperationKey = tuple[int, str]
TotalKey = tuple[int, str, int, str]
# Payer, kind, counterparty, terms version, month of sale, VAT rate.
LotTotalKey = tuple[int, str, int, int, date, str]


class Command(NamedTuple):
    """One operation to decide. `message` is the digest of the body that it came in, at `message_index`; `content` tells
    whether the same id came with something else before; `original_is_elsewhere` that what a reversal names was booked
    in another lane; `card_refusal` why the card may not be used for this; `linked` the accounts of this lane that a
    merge once joined with the card's: what was booked on them may be undone with it. All that is said of the card holds
    as long as the lane counts `card_changes`; None: for ever."""

    partner: Participant
    operation: AnyOperation
    account: int
    message: bytes
    message_index: int
    content: bytes
    original_is_elsewhere: bool = False
    card_refusal: str | None = None
    linked: tuple[int, ...] = ()
    card_changes: int | None = None

    @property
    def key(self) -> OperationKey:
        return (self.partner.partner, self.operation.id)


class JournalRecord(NamedTuple):
    """One row of the journal, in the order of its columns."""

    lane: int
    leaf: int
    window_no: int
    kind: str
    code: str | None
    partner: int | None
    operation_id: str | None
    account: int | None
    points: int
    terms_version: int | None
    original_leaf: int | None
    shop: str | None
    till: str | None
    reference: str | None
    occurred_at: datetime | None
    booked_at: datetime
    message: bytes | None
    message_index: int | None
    result: str


class KnownOperation(NamedTuple):
    """An operation that was decided before, in this batch or an earlier one."""

    content: bytes
    lane: int
    leaf: int
    result: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The programme's days: its time zone, when points expire, and for how many days those live that a reversal brings
    back after their expiry."""

    zone: ZoneInfo
    expiry: ExpiryRule
    grace_days: int = 30

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def sale(self, occurred_at: datetime) -> Sale:
        return sale_of(occurred_at.astimezone(self.zone).date(), self.expiry)


@lru_cache(maxsize=1024)
def sale_of(day: date, expiry: ExpiryRule) -> Sale:
    """Return the month of a day's sales and when their points expire; a batch asks it of few days, many times."""
    return Sale(day.replace(day=1), expiry.of_sale(day))


@dataclass(slots=True)
class Total:
    """What one statement line counts, and when its first and last operation occurred."""

    first_occurred_at: datetime
    last_occurred_at: datetime
    points: int = 0
    operations: int = 0

    def add(self, points: int, operations: int, occurred_at: datetime) -> None:
        self.points += points
        self.operations += operations
        if occurred_at < self.first_occurred_at:
            self.first_occurred_at = occurred_at
        elif occurred_at > self.last_occurred_at:
            self.last_occurred_at = occurred_at


@dataclass(slots=True)
class Changes:
    """What a batch writes, beside the accounts and lots that it changed in place. `contents` tell for each record what
    its operation asked for, None: a record of the hub's own. `day` is the one on which it is booked, in the programme's
    time zone; None: no points move."""

    window_no: int
    day: date | None = None
    records: list[JournalRecord] = field(default_factory=list)
    contents: list[bytes | None] = field(default_factory=list)
    hashed_leaves: list[bytes] = field(default_factory=list)
    new_lots: list[tuple[int, Lot]] = field(default_factory=list)
    uses: dict[tuple[int, int, int], LotUse] = field(default_factory=dict)
    reversals: list[tuple[int, int, int, int]] = field(default_factory=list)
    restorations: list[LotRestoration] = field(default_factory=list)
    holds: dict[int, Hold] = field(default_factory=dict)
    totals: dict[TotalKey, Total] = field(default_factory=dict)
    lot_totals: dict[LotTotalKey, int] = field(default_factory=dict)
    outstanding: int = 0
