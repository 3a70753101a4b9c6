"""One batch of one lane: decides operation by operation, in arrival order, and collects what is to be written.

The book is made from what the store loaded under the lane's lock; nothing outside it decides, and it reads no
clock and no database. Everything that it collects is written in the transaction that holds the lock.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from operator import itemgetter
from typing import Literal, assert_never

from coalition.ledger.account import Account
from coalition.ledger.batch import Calendar, Command, KnownOperation, OperationKey
from coalition.ledger.cap import NO_CAPS, Caps
from coalition.ledger.certificate import Certificate, decide_offline_burn
from coalition.ledger.decision import (
    TOTAL_KINDS,
    Booking,
    NamedHold,
    Original,
    Refusal,
    decide_burn,
    decide_capture,
    decide_earn,
    decide_release,
    decide_reserve,
    decide_reverse,
)
from coalition.ledger.entries import Entries
from coalition.ledger.expiry import Grace, start_of
from coalition.ledger.hold import Hold
from coalition.ledger.limits import Limits
from coalition.ledger.lot import Lot
from coalition.ledger.operation import AnyOperation, named_id
from coalition.ledger.participant import Participant, ReturnLoss
from coalition.ledger.promotion import NO_PROMOTIONS, Promotions
from coalition.ledger.result import retryable_result, reused_result

Decided = tuple[Command, Booking | Refusal, int, str]


class Book:
    """Decides one batch. `accounts` holds every account that a command names, with its open holds, and with its lots
    where any command takes or gives back points, or time alone does; `known`, `originals` and `holds` (by the leaf of
    the reserve) and `certificates` what the store found of the ids named; `limits` None: the programme has none;
    `promotions` None: no command names one, and no original; `caps` None: nobody who pays has one; `elsewhere` the
    (lane, leaf) at which other lanes have decided what commands are or name."""

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
        holds: dict[int, Hold] | None = None,
        limits: Limits | None = None,
        certificates: dict[str, Certificate] | None = None,
        promotions: Promotions | None = None,
        caps: Caps | None = None,
        elsewhere: Mapping[OperationKey, tuple[int, int]] | None = None,
    ) -> None:
        self._lane = lane
        self._booked_at = booked_at
        self._calendar = calendar
        self._today = calendar.day_of(booked_at)
        self._accounts = accounts
        self._holds = holds or {}
        self.limits = limits
        self.certificates = certificates or {}
        self.promotions = promotions or Promotions(NO_PROMOTIONS, {})
        self.caps = caps or Caps(NO_CAPS, {})
        self._elsewhere = elsewhere or {}
        self._known = known
        self._originals = originals
        self._decided: dict[OperationKey, Decided] = {}
        self._entries = Entries(
            lane=lane, window_no=window_no, size=size, booked_at=booked_at, today=self._today, caps=self.caps
        )
        self.changes = self._entries.changes

    def book(self, command: Command) -> str:
        """Decide one operation; return its result, the one given before if it is known."""
        operation, key = command.operation, command.key
        known = self._find_known(key)
        if known is not None:
            return known.result if known.content == command.content else reused_result(operation.id, known)
        if self._elsewhere:
            if key in self._elsewhere:
                return reused_result(operation.id, KnownOperation(b"", *self._elsewhere[key], ""))
            if (command.partner.partner, named_id(operation)) in self._elsewhere:
                command = command._replace(original_is_elsewhere=True)
        if command.linked:
            command = self._at_home(command)
        account = self._accounts[command.account]
        if account.holds or (account.next_expires_on is not None and account.next_expires_on <= self._today):
            self.settle_due(account)
        leaf = self._entries.next_leaf
        decided = self._decide(command, account, leaf)
        if isinstance(decided, Booking):
            result = self._entries.result.booked(operation.id, decided, account, leaf)
            self._collect(command, decided, leaf)
            if self.limits is not None:
                original = self._originals.get((command.partner.partner, named_id(operation) or ""))
                self.limits.count(account.account, operation, decided, leaf=leaf, original=original)
            code = None
        else:
            if decided.is_retryable:
                return retryable_result(operation.id, decided)
            result = self._entries.result.refused(operation.id, decided, account, leaf)
            code = decided.code
        self._entries.append(command, decided, code, result)
        self._decided[key] = (command, decided, leaf, result)
        return result

    def _at_home(self, command: Command) -> Command:
        """Return a reversal on the account of its original, where a merge joined that with the card's."""
        if command.operation.type == "reverse":
            original = self._find_original((command.partner.partner, command.operation.operation_id))
            if original is not None and original.account in command.linked:
                return command._replace(account=original.account)
        return command

    def settle_due(self, account: Account) -> None:
        """Book what time alone has done to an account: holds that timed out, then points that expired."""
        due = [hold for hold in account.holds if hold.expires_at <= self._booked_at]
        for hold in sorted(due, key=lambda hold: (hold.expires_at, hold.leaf)):
            account.free_hold(hold)
            hold.resolve("timed_out", leaf=self._entries.next_leaf)
            self._entries.take(account.repay())
            self.changes.holds[hold.leaf] = hold
            self._entries.append_own(
                "time_out", hold.partner, account, hold.points, occurred_at=hold.expires_at, original_leaf=hold.leaf
            )
        if account.next_expires_on is not None and account.next_expires_on <= self._today:
            self._expire_due(account)

    def _expire_due(self, account: Account) -> None:
        """Book the points that expired by today, a record for each day and payer."""
        is_inactive = self._calendar.expiry.name == "inactivity"
        due: dict[tuple[date, int], list[Lot]] = {}
        for lot in account.lots:
            expired_on = account.next_expires_on if is_inactive else lot.expires_on
            if lot.remaining and expired_on is not None and expired_on <= self._today:
                due.setdefault((expired_on, lot.payer), []).append(lot)
        for (expired_on, payer), lots in sorted(due.items(), key=itemgetter(0)):
            self._expire(account, lots, payer=payer, occurred_at=start_of(expired_on, self._calendar.zone))
        if is_inactive and not any(lot.remaining for lot in account.lots):
            account.next_expires_on = None
        elif not is_inactive:
            days = [lot.expires_on for lot in account.lots if lot.remaining]
            ahead = [day for day in (*days, account.others_expire_on) if day is not None]
            account.next_expires_on = min(ahead, default=None)

    def expire_all(self, account: Account) -> int:
        """Book that all points of an account are gone now, a record for each payer; return how many were left."""
        left: dict[int, list[Lot]] = {}
        for lot in account.lots:
            if lot.remaining:
                left.setdefault(lot.payer, []).append(lot)
        points = [
            self._expire(account, lots, payer=payer, occurred_at=self._booked_at)
            for payer, lots in sorted(left.items(), key=itemgetter(0))
        ]
        account.next_expires_on = None
        return sum(points)

    def _expire(self, account: Account, lots: list[Lot], *, payer: int, occurred_at: datetime) -> int:
        """Book that a payer's lots are gone, but for points on hold: those go when it ends. Return how many."""
        taken = account.expire(lots)
        if not taken:
            return 0
        self._entries.take(taken)
        points = self._entries.add_lot_pieces(payer, "expired", taken, occurred_at)
        self.changes.outstanding -= points
        self._entries.append_own("expire", payer, account, points, occurred_at=occurred_at)
        return points

    def move_out(self, account: Account, lots: list[Lot], points: int) -> list[tuple[Lot, int]]:
        """Book that points of some lots go to another account, a record for each payer; points on hold stay. Return
        what went, lot by lot."""
        went: dict[int, list[tuple[Lot, int]]] = {}
        for lot, share in account.give(lots, points):
            went.setdefault(lot.payer, []).append((lot, share))
        for payer, pieces in sorted(went.items(), key=itemgetter(0)):
            self._entries.take(pieces)
            self._move("move_out", "moved_out", payer, account, pieces)
        return [piece for _, pieces in sorted(went.items(), key=itemgetter(0)) for piece in pieces]

    def move_in(self, account: Account, pieces: list[tuple[Lot, int]]) -> list[int]:
        """Book what came from another account, a record for each payer: lots of the same origin and age. What is owed
        is repaid from them. Return the records' leaves."""
        came: dict[int, list[tuple[Lot, int]]] = {}
        for lot, share in pieces:
            came.setdefault(lot.payer, []).append((lot, share))
        leaves = []
        for payer, parts in sorted(came.items(), key=itemgetter(0)):
            leaf = self._entries.next_leaf
            lots = [
                replace(lot, leaf=leaf, part=part, points=share, remaining=share, is_changed=False)
                for part, (lot, share) in enumerate(parts)
            ]
            for lot in lots:
                self.changes.new_lots.append((account.account, lot))
                account.expire_from(lot.expires_on)
            self._entries.take(account.add(lots))
            self._move("move_in", "moved_in", payer, account, [(lot, lot.points) for lot in lots])
            leaves.append(leaf)
        if leaves and (inactive_from := self._calendar.expiry.of_activity(self._today)) is not None:
            account.next_expires_on = inactive_from
        return leaves

    def _move(
        self,
        kind: Literal["move_out", "move_in"],
        line: Literal["moved_out", "moved_in"],
        payer: int,
        account: Account,
        pieces: list[tuple[Lot, int]],
    ) -> None:
        points = self._entries.add_lot_pieces(payer, line, pieces, self._booked_at)
        self.changes.outstanding += points if kind == "move_in" else -points
        self._entries.append_own(kind, payer, account, points, occurred_at=self._booked_at)

    def _decide(self, command: Command, account: Account, leaf: int) -> Booking | Refusal:
        operation, partner = command.operation, command.partner
        if command.card_refusal is not None:
            return _card_refused(operation, command.card_refusal)
        if self.limits is not None:
            refusal = self.limits.refusal_of(account, operation, partner=partner.partner)
            if refusal is not None:
                return refusal
        if operation.type == "earn":
            sale = self._calendar.sale(operation.occurred_at)
            if operation.promotion is not None:
                return self.promotions.decide_earn(
                    account, operation, partner=partner, sale=sale, leaf=leaf, caps=self.caps
                )
            if self.caps.are_on and (capped := self.caps.refusal_of(operation, partner)) is not None:
                return capped
            return decide_earn(account, operation, partner=partner, sale=sale, leaf=leaf)
        if operation.type == "burn" and operation.certificate is not None:
            sale = self._calendar.sale(self._booked_at)
            certificate = self.certificates.get(operation.certificate)
            return decide_offline_burn(account, operation, certificate, partner=partner, sale=sale, leaf=leaf)
        if operation.type == "burn":
            return decide_burn(account, operation, partner=partner, leaf=leaf)
        if operation.type == "reverse":
            original = self._find_original((partner.partner, operation.operation_id))
            return decide_reverse(
                account,
                operation,
                original,
                leaf=leaf,
                grace=Grace(self._today, self._calendar.grace_days),
                # Where its points were moved away by a merge, what is owed here is paid from where they went.
                return_loss="member" if command.linked else _return_loss(partner, original),
                original_is_elsewhere=command.original_is_elsewhere,
            )
        if operation.type == "reserve":
            return decide_reserve(account, operation, partner=partner, leaf=leaf, now=self._booked_at)
        if operation.type == "capture":
            named = self._find_hold(command, operation.reserve_id)
            return decide_capture(account, operation, named, partner=partner, leaf=leaf)
        if operation.type == "release":
            return decide_release(account, operation, self._find_hold(command, operation.reserve_id), leaf=leaf)
        assert_never(operation)

    def _find_hold(self, command: Command, reserve_id: str) -> NamedHold:
        """Return the hold that a capture or release names, or why there is none."""
        known = self._find_known((command.partner.partner, reserve_id))
        if known is None:
            return NamedHold(code="other_account" if command.original_is_elsewhere else None)
        hold = self._holds.get(known.leaf)
        if hold is not None:
            return NamedHold(hold)
        is_refused = '"verdict":"refused"' in known.result
        return NamedHold(leaf=known.leaf, code="original_refused" if is_refused else "not_a_reserve")

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
        changes, partner, account = self.changes, command.partner.partner, self._accounts[command.account]
        for lot in booking.new_lots:
            changes.new_lots.append((command.account, lot))
        self._entries.use(booking.uses)
        self._entries.count_lots(booking.kind, account, counterparty=partner, terms_version=booking.terms_version or 0)
        if booking.hold is not None:
            changes.holds[booking.hold.leaf] = self._holds[booking.hold.leaf] = booking.hold
        if not booking.shares:
            return
        if booking.original_leaf is not None and booking.hold is None:
            changes.reversals.append((self._lane, booking.original_leaf, leaf, booking.points))
        if (inactive_from := self._calendar.expiry.of_activity(self._today)) is not None:
            account.next_expires_on = inactive_from
        assert booking.terms_version is not None, "points move by somebody's terms"
        if booking.promotion is not None:
            self.promotions.count(booking, lane=self._lane, leaf=leaf)
            self._entries.add_payer_totals(
                TOTAL_KINDS[booking.kind], booking.payer_shares, command.operation.occurred_at
            )
        else:
            key = (partner, TOTAL_KINDS[booking.kind], booking.terms_version)
            self._entries.add_totals(key, booking.shares, command.operation.occurred_at)
        changes.outstanding += booking.points if booking.kind in ("earn", "reverse_burn") else -booking.points


def _return_loss(partner: Participant, original: Original | None) -> ReturnLoss:
    terms = None if original is None else partner.terms_of(original.terms_version)
    return "member" if terms is None else terms.return_loss


def _card_refused(operation: AnyOperation, code: str) -> Refusal:
    if operation.type == "earn":
        return Refusal(code, "earn", operation.points or 0)
    if operation.type == "burn" or operation.type == "reserve":
        return Refusal(code, operation.type, operation.points)
    raise AssertionError(f"a card's state refuses no {operation.type}")


def _original(decided: Booking | Refusal, leaf: int, account: int) -> Original:
    """Return what a later reversal finds of a decision, refusals and reversals as well: where batches are cut
    must not change an answer."""
    if isinstance(decided, Refusal):
        return Original(leaf, decided.kind, decided.code, account, decided.points, 0, 0, (), [])
    uses = list(decided.uses) if decided.kind in ("burn", "capture") else []
    version = decided.terms_version or 0
    return Original(
        leaf,
        decided.kind,
        None,
        account,
        decided.points,
        0,
        version,
        decided.shares,
        uses,
        payer_shares=decided.payer_shares,
        promotion=decided.promotion,
    )
