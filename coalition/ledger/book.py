"""One batch of one lane: decides operation by operation, in arrival order, and collects what is to be written.

The book is made from what the store loaded under the lane's lock; nothing outside it decides, and it reads no
clock and no database. Everything that it collects is written in the transaction that holds the lock.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from coalition.journal.record import record_hash
from coalition.ledger.account import Account
from coalition.ledger.decision import (
    TOTAL_KINDS,
    Booking,
    Original,
    Refusal,
    Sale,
    decide_burn,
    decide_earn,
    decide_reverse,
)
from coalition.ledger.expiry import expires_on
from coalition.ledger.lot import Lot, LotUse
from coalition.ledger.operation import Burn, Earn, Reverse
from coalition.ledger.participant import Participant

OperationKey = tuple[int, str]
TotalKey = tuple[int, str, int, str]


class Command(NamedTuple):
    """One operation to decide. `message` is the digest of the body that it came in, at `message_index`; `content` tells
    whether the same id came with something else before; `original_is_elsewhere` that what a reversal names was booked
    in another lane."""

    partner: Participant
    operation: Earn | Burn | Reverse
    account: int
    message: bytes
    message_index: int
    content: bytes
    original_is_elsewhere: bool = False


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
    """The programme's days: its time zone, and how long points live (None: for ever)."""

    zone: ZoneInfo
    expiry_months: int | None

    def sale(self, occurred_at: datetime) -> Sale:
        return sale_of(occurred_at.astimezone(self.zone).date(), self.expiry_months)


@lru_cache(maxsize=1024)
def sale_of(day: date, expiry_months: int | None) -> Sale:
    """Return the month of a day's sales and when their points expire; a batch asks it of few days, many times."""
    return Sale(day.replace(day=1), expires_on(day, expiry_months))


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
    """What a batch writes, beside the accounts and lots that it changed in place."""

    window_no: int
    records: list[JournalRecord] = field(default_factory=list)
    operations: list[tuple[int, int, str, bytes, int]] = field(default_factory=list)
    hashed_leaves: list[bytes] = field(default_factory=list)
    new_lots: list[tuple[int, Lot]] = field(default_factory=list)
    uses: dict[tuple[int, int, int], LotUse] = field(default_factory=dict)
    reversals: list[tuple[int, int, int, int]] = field(default_factory=list)
    totals: dict[TotalKey, Total] = field(default_factory=dict)
    outstanding: int = 0


Decided = tuple[Command, Booking | Refusal, int, str]


class Book:
    """Decides one batch. `accounts` holds every account that a command names, with its lots where any command
    takes or gives back points; `known` and `originals` what the store found of the ids named."""

    def __init__(
        self,
        *,
        lane: int,
        window_no: int,
        size: int,
        booked_at: datetime,
        calendar: Calendar,
        accounts: dict[int, Account],
        known: dict[OperationKey, KnownOperation],
        originals: dict[OperationKey, Original],
    ) -> None:
        self.changes = Changes(window_no)
        self._lane = lane
        self._window_no = window_no
        self._next_leaf = size
        self._booked_at = booked_at
        self._place = f'"window":{window_no},"booked_at":"{timestamp(booked_at)}"}}'
        self._calendar = calendar
        self._accounts = accounts
        self._known = known
        self._originals = originals
        self._decided: dict[OperationKey, Decided] = {}

    def book(self, command: Command) -> str:
        """Decide one operation; return its result, the one given before if it is known."""
        operation = command.operation
        key = (command.partner.partner, operation.id)
        known = self._find_known(key)
        if known is not None:
            return known.result if known.content == command.content else reused_result(operation.id, known)
        account = self._accounts[command.account]
        leaf = self._next_leaf
        decided = self._decide(command, account, leaf)
        if isinstance(decided, Booking):
            result = self._booked(operation.id, decided, account, leaf)
            self._collect(command, decided, leaf)
            code = None
        else:
            if decided.is_retryable:
                return f'{{"id":"{operation.id}","verdict":"refused","code":"{decided.code}","retryable":true}}'
            result = self._refused(operation.id, decided, account, leaf)
            code = decided.code
        self._journal(command, decided, code, leaf, result)
        self._decided[key] = (command, decided, leaf, result)
        return result

    def _decide(self, command: Command, account: Account, leaf: int) -> Booking | Refusal:
        operation, partner = command.operation, command.partner
        if operation.type == "earn":
            sale = self._calendar.sale(operation.occurred_at)
            return decide_earn(account, operation, partner=partner, sale=sale, leaf=leaf)
        if operation.type == "burn":
            return decide_burn(account, operation, partner=partner, leaf=leaf)
        if operation.type == "reverse":
            original = self._find_original((partner.partner, operation.operation_id))
            return decide_reverse(
                account, operation, original, leaf=leaf, original_is_elsewhere=command.original_is_elsewhere
            )
        assert_never(operation)

    def _find_known(self, key: OperationKey) -> KnownOperation | None:
        if key in self._decided:
            command, _, leaf, result = self._decided[key]
            return KnownOperation(command.content, self._lane, leaf, result)
        return self._known.get(key)

    def _find_original(self, key: OperationKey) -> Original | None:
        original = self._originals.get(key)
        if original is None and key in self._decided:
            command, decided, leaf, _ = self._decided[key]
            original = self._originals[key] = _original(decided, leaf, command.account)
        return original

    def _collect(self, command: Command, booking: Booking, leaf: int) -> None:
        changes, partner = self.changes, command.partner.partner
        for lot in booking.new_lots:
            changes.new_lots.append((command.account, lot))
        for use in booking.uses:
            changes.uses[use.leaf, use.lot_leaf, use.lot_part] = use
        if booking.original_leaf is not None:
            changes.reversals.append((self._lane, booking.original_leaf, leaf, booking.points))
        kind = TOTAL_KINDS[booking.kind]
        occurred_at = command.operation.occurred_at
        operations = 1
        for rate, points in booking.shares:
            key = (partner, kind, booking.terms_version, rate)
            total = changes.totals.get(key)
            if total is None:
                total = changes.totals[key] = Total(occurred_at, occurred_at)
            total.add(points, operations, occurred_at)
            operations = 0
        changes.outstanding += booking.points if booking.kind in ("earn", "reverse_burn") else -booking.points

    def _journal(self, command: Command, decided: Booking | Refusal, code: str | None, leaf: int, result: str) -> None:
        operation, changes = command.operation, self.changes
        changes.records.append(
            JournalRecord(
                self._lane,
                leaf,
                self._window_no,
                decided.kind,
                code,
                command.partner.partner,
                operation.id,
                command.account,
                decided.points,
                decided.terms_version if isinstance(decided, Booking) else None,
                decided.original_leaf,
                operation.shop,
                operation.till,
                operation.reference,
                operation.occurred_at,
                self._booked_at,
                command.message,
                command.message_index,
                result,
            )
        )
        changes.operations.append((self._lane, command.partner.partner, operation.id, command.content, leaf))
        changes.hashed_leaves.append(record_hash(message=command.message, index=command.message_index, result=result))
        self._next_leaf += 1

    def _booked(self, operation_id: str, booking: Booking, account: Account, leaf: int) -> str:
        return (
            f'{{"id":"{operation_id}","verdict":"booked","points":{booking.points},"balance":{account.balance},'
            f'"available":{account.available},"lane":{self._lane},"leaf":{leaf},{self._place}'
        )

    def _refused(self, operation_id: str, refusal: Refusal, account: Account, leaf: int) -> str:
        detail = "".join(f'"{name}":{value},' for name, value in refusal.detail)
        return (
            f'{{"id":"{operation_id}","verdict":"refused","code":"{refusal.code}","available":{account.available},'
            f'{detail}"lane":{self._lane},"leaf":{leaf},{self._place}'
        )


def _original(decided: Booking | Refusal, leaf: int, account: int) -> Original:
    """Return what a later reversal finds of a decision, refusals and reversals as well: where batches are cut
    must not change an answer."""
    if isinstance(decided, Refusal):
        return Original(leaf, decided.kind, decided.code, account, decided.points, 0, 0, (), [])
    uses = list(decided.uses) if decided.kind == "burn" else []
    return Original(leaf, decided.kind, None, account, decided.points, 0, decided.terms_version, decided.shares, uses)


def reused_result(operation_id: str, first: KnownOperation) -> str:
    """Return the refusal of an id that came with other content before; it names the first one's place.

    It is not journalled: the id's place in the journal is taken by the first, which stays."""
    return (
        f'{{"id":"{operation_id}","verdict":"refused","code":"operation_id_reused",'
        f'"lane":{first.lane},"leaf":{first.leaf}}}'
    )


def unknown_card_result(operation_id: str) -> str:
    """Return the refusal of a card that leads to no account; without an account there is no lane to journal it in."""
    return f'{{"id":"{operation_id}","verdict":"refused","code":"unknown_card","retryable":true}}'


def close_record(*, lane: int, window_no: int, leaf: int, booked_at: datetime) -> JournalRecord:
    """Return the hub's own record that ends a window in a lane."""
    result = (
        f'{{"verdict":"closed","lane":{lane},"leaf":{leaf},"window":{window_no},"booked_at":"{timestamp(booked_at)}"}}'
    )
    return JournalRecord(
        lane=lane,
        leaf=leaf,
        window_no=window_no,
        kind="close",
        code=None,
        partner=None,
        operation_id=None,
        account=None,
        points=0,
        terms_version=None,
        original_leaf=None,
        shop=None,
        till=None,
        reference=None,
        occurred_at=None,
        booked_at=booked_at,
        message=None,
        message_index=None,
        result=result,
    )


def timestamp(moment: datetime) -> str:
    """Return a UTC moment as RFC 3339 with microseconds and Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
