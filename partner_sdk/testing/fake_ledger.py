"""The fake hub's accounts and decisions: the real hub's results and refusals, without lots, terms and settlement.

balance = everything booked (below 0: a debt that earns repay)      available = balance - points of open holds
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from partner_sdk.operation import POINTS_MAX, Burn, Capture, Earn, Operation, Release, Reserve, Reverse
from partner_sdk.testing.fake_journal import LANE, FakeJournal, Origin
from partner_sdk.testing.fake_promotion import FakePromotion

FIRST_WINDOW = 1
OPEN_CERTIFICATES_MAX = 5


class _RefusedError(Exception):
    def __init__(self, code: str, **detail: int | str) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(slots=True)
class Hold:
    """Points set aside; `state` is reserved, captured, released or timed_out."""

    reserve_id: str
    points: int
    expires_at: datetime
    state: str = "reserved"


@dataclass(slots=True)
class IssuedCertificate:
    """What one till may burn of an account without a network."""

    account: "Account"
    card: str
    till: str
    points: int
    not_before: datetime
    not_after: datetime
    spent: int = 0
    counters: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Account:
    balance: int = 0
    holds: list[Hold] = field(default_factory=list)

    @property
    def open_holds(self) -> list[Hold]:
        """Those that count, the soonest to time out first."""
        reserved = (hold for hold in self.holds if hold.state == "reserved")
        return sorted(reserved, key=lambda hold: hold.expires_at)

    @property
    def held(self) -> int:
        return sum(hold.points for hold in self.open_holds)

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(slots=True)
class _Booking:
    points: int
    hold: Hold | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """A decided operation: `kind` as the journal calls it, no `booking` if refused, `reversed_points` undone since."""

    operation: Operation
    account: Account
    kind: str
    booking: _Booking | None
    result: dict[str, Any]
    reversed_points: int = 0


class FakeLedger:
    """Decides one partner's operations, one by one; `events` are its journal in order, `journal` their hashes."""

    def __init__(self, *, may_earn: bool, may_burn: bool, earn_rate: Decimal | None) -> None:
        self.accounts: dict[str, Account] = {}
        self.records: dict[str, Record] = {}
        self.events: list[dict[str, Any]] = []
        self.journal = FakeJournal()
        self.certificates: dict[str, IssuedCertificate] = {}
        self.promotions: dict[str, FakePromotion] = {}
        # When each window that was opened began for sales, by its number.
        self.begins: dict[int, datetime] = {FIRST_WINDOW: datetime.min.replace(tzinfo=UTC)}
        self._may_earn, self._may_burn, self._earn_rate = may_earn, may_burn, earn_rate

    @property
    def window(self) -> int:
        """The one that is open."""
        return max(self.begins)

    def close(self, window: int, *, now: datetime) -> None:
        """Close the windows up to this one, as far as they are open: what is booked from now on is of the next."""
        last_sale = max((record.operation.occurred_at for record in self.records.values()), default=now)
        for following in range(self.window + 1, window + 2):
            self.begins[following] = min(now, last_sale)

    def settle_due(self, *, now: datetime) -> None:
        """Book what time alone has done: holds that timed out."""
        for account in self.accounts.values():
            for hold in account.open_holds:
                if hold.expires_at <= now:
                    hold.state = "timed_out"
                    result = {"verdict": "timed_out", "points": hold.points} | _figures(account)
                    self._journal(
                        "time_out", hold.reserve_id, result, occurred_at=hold.expires_at, now=now, origin=None
                    )

    def book(self, operation: Operation, *, now: datetime, origin: Origin) -> dict[str, Any]:
        """Decide one operation; return its result, the one given before if it is known."""
        self.settle_due(now=now)
        refused: dict[str, Any] = {"id": operation.id, "verdict": "refused"}
        if (first := self.records.get(operation.id)) is not None:
            place = {name: first.result[name] for name in ("lane", "leaf")}
            is_same = operation.to_json() == first.operation.to_json()
            return first.result if is_same else refused | {"code": "operation_id_reused"} | place
        if (account := self.accounts.get(operation.card)) is None:
            return refused | {"code": "unknown_card", "retryable": True}
        kind = self._kind(operation)
        booking = None
        try:
            booking = self._decide(operation, account, now)
            told = {"points": booking.points} | _figures(account) | dict(booking.detail)
            result = {"id": operation.id, "verdict": "booked"} | told
        except _RefusedError as refusal:
            if refusal.code == "unknown_original":
                return refused | {"code": refusal.code, "retryable": True}
            result = refused | {"code": refusal.code, "available": account.available} | refusal.detail
        result = self._journal(kind, operation.id, result, occurred_at=operation.occurred_at, now=now, origin=origin)
        self.records[operation.id] = Record(operation, account, kind, booking, result)
        return result

    def _journal(
        self,
        kind: str,
        operation_id: str | None,
        told: dict[str, Any],
        *,
        occurred_at: datetime,
        now: datetime,
        origin: Origin | None,
    ) -> dict[str, Any]:
        place = {"lane": LANE, "leaf": len(self.events)}
        booked = {"window": self.window, "booked_at": moment_text(now)}
        result = told | place | booked
        event = {"kind": kind, "operation_id": operation_id, "occurred_at": moment_text(occurred_at), "result": result}
        self.events.append(place | event | booked)
        # By the text that it is answered with.
        self.journal.append(json.dumps(result), origin)
        return result

    def _kind(self, operation: Operation) -> str:
        if not isinstance(operation, Reverse):
            return operation.type
        original = self.records.get(operation.operation_id)
        is_of_burn = original is not None and original.kind in ("burn", "capture", "reverse_burn")
        return "reverse_burn" if is_of_burn else "reverse_earn"

    def _decide(self, operation: Operation, account: Account, now: datetime) -> _Booking:
        match operation:
            case Earn():
                booking = _Booking(self._earned(operation) if operation.promotion is None else self._shared(operation))
                account.balance += booking.points
            case Burn(certificate=str()):
                booking = _Booking(self._burned_offline(operation, account))
                account.balance -= booking.points
            case Burn():
                booking = _Booking(self._spendable(operation.points, account))
                account.balance -= booking.points
            case Reserve():
                expires_at = now + timedelta(seconds=operation.timeout_s)
                hold = Hold(operation.id, self._spendable(operation.points, account), expires_at)
                account.holds.append(hold)
                booking = _Booking(hold.points, hold, {"expires_at": moment_text(expires_at)})
            case Capture():
                hold = self._open_hold(operation.reserve_id, account)
                booking = _Booking(operation.points or hold.points)
                if booking.points > hold.points:
                    raise _RefusedError("more_than_left", left=hold.points)
                hold.state = "captured"
                account.balance -= booking.points
            case Release():
                hold = self._open_hold(operation.reserve_id, account)
                hold.state = "released"
                booking = _Booking(hold.points)
            case Reverse():
                booking = _Booking(self._reverse(operation, account))
        return booking

    def _earned(self, earn: Earn) -> int:
        if not self._may_earn:
            raise _RefusedError("earn_not_allowed")
        if earn.points is not None:
            return earn.points
        if earn.purchase is None or self._earn_rate is None:
            raise _RefusedError("points_missing")
        points = int(earn.purchase.amount * self._earn_rate)
        if not 0 < points <= POINTS_MAX:
            raise _RefusedError("points_over_limit" if points else "no_points_earned")
        return points

    def _shared(self, earn: Earn) -> int:
        """Return the points of an earn that a promotion's payers share."""
        promotion = self.promotions.get(earn.promotion or "")
        if promotion is None:
            raise _RefusedError("unknown_promotion")
        if not promotion.is_running_at(earn.occurred_at):
            raise _RefusedError("promotion_not_running")
        points = self._earned(earn)
        if points > promotion.left:
            raise _RefusedError("promotion_budget_spent", left=promotion.left)
        promotion.used += points
        return points

    def _spendable(self, points: int, account: Account) -> int:
        if not self._may_burn:
            raise _RefusedError("burn_not_allowed")
        if points > account.available:
            raise _RefusedError("insufficient_points")
        return points

    def _burned_offline(self, burn: Burn, account: Account) -> int:
        """By the rule that the partner bears what is gone, which holds unless terms say otherwise."""
        certificate = self.certificates.get(burn.certificate or "")
        if self._may_burn and (certificate is None or certificate.account is not account):
            raise _RefusedError("certificate_unknown")
        if certificate is not None and self._may_burn:
            if (certificate.card, certificate.till) != (burn.card, burn.till):
                raise _RefusedError("certificate_other")
            if not certificate.not_before <= burn.occurred_at <= certificate.not_after:
                raise _RefusedError("certificate_expired")
            if burn.counter in certificate.counters:
                raise _RefusedError("certificate_counter_used")
            if burn.points > (left := certificate.points - certificate.spent):
                raise _RefusedError("certificate_spent", left=left)
        points = self._spendable(burn.points, account)
        if certificate is not None and burn.counter is not None:
            certificate.spent += points
            certificate.counters.add(burn.counter)
        return points

    def issue_certificate(
        self, certificate: IssuedCertificate, *, certificate_id: str, now: datetime
    ) -> tuple[str, str] | None:
        """Keep a certificate, or return why there is none: the code, and the same in words."""
        if not self._may_burn:
            return "burn_not_allowed", "Your contract with the coalition lets you accept no points."
        available = certificate.account.available
        if certificate.points > available:
            return "insufficient_points", f"Only {max(available, 0)} points are available now."
        of_account = [one for one in self.certificates.values() if one.account is certificate.account]
        if sum(one.not_after > now and one.spent < one.points for one in of_account) >= OPEN_CERTIFICATES_MAX:
            detail = f"The account has {OPEN_CERTIFICATES_MAX} open certificates; wait until one is used up or ends."
            return "too_many_certificates", detail
        self.certificates[certificate_id] = certificate
        return None

    def _open_hold(self, reserve_id: str, account: Account) -> Hold:
        original, booking = self._original(reserve_id)
        if booking.hold is None:
            raise _RefusedError("not_a_reserve")
        if original.account is not account:
            raise _RefusedError("other_account")
        if booking.hold.state != "reserved":
            raise _RefusedError("hold_resolved", state=booking.hold.state)
        return booking.hold

    def _reverse(self, reverse: Reverse, account: Account) -> int:
        original, booking = self._original(reverse.operation_id)
        if original.kind not in ("earn", "burn", "capture"):
            raise _RefusedError("not_reversible")
        if original.account is not account:
            raise _RefusedError("other_account")
        left = booking.points - original.reversed_points
        points = left if reverse.points is None else reverse.points
        if points > left or left == 0:
            raise _RefusedError("more_than_left", left=left)
        original.reversed_points += points
        if isinstance(original.operation, Earn) and original.operation.promotion is not None:
            self.promotions[original.operation.promotion].used -= points
        account.balance += -points if original.kind == "earn" else points
        return points

    def _original(self, operation_id: str) -> tuple[Record, _Booking]:
        original = self.records.get(operation_id)
        if original is None:
            raise _RefusedError("unknown_original")
        if original.booking is None:
            raise _RefusedError("original_refused")
        return original, original.booking


def _figures(account: Account) -> dict[str, int]:
    return {"balance": account.balance, "available": account.available}


def moment_text(moment: datetime) -> str:
    """Return a UTC moment as the hub writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
