"""The programme's limits on what members do, decided before anything else about an operation.

    burn, reserve    burn_below_minimum -> burn_day_limit -> too_fast -> step_up_needed | step_up_wrong
    earn             earn_day_limit -> too_fast

What was begun may be finished and undone whatever the limits: captures, releases and reversals are never refused here,
nor are burns within a certificate: the goods are gone, and the limits were kept to when it was given out.
Days are those of the programme's time zone, by the moment of booking.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coalition.journal.record import timestamp
from coalition.ledger.account import Account
from coalition.ledger.decision import Booking, Original, Refusal
from coalition.ledger.expiry import ONE_DAY, start_of
from coalition.ledger.operation import AnyOperation, Burn, Earn, Reserve

STEP_UP_ATTEMPTS_MAX = 5

# What a limit may be set to at most; a card keeps the moments of so many operations.
POINTS_OF_A_DAY_MAX = 1_000_000_000_000
EARNS_OF_A_DAY_MAX = 1_000_000
OPERATIONS_OF_A_CARD_MAX = 100
VELOCITY_WINDOW_S_MAX = 86_400


@dataclass(frozen=True, slots=True)
class LimitRules:
    """None: off. Points per day count over all partners, members and cards of an account, earns and operations for each
    card; a burn of more than `step_up_above` points needs a code."""

    burn_points_min: int | None = None
    burn_points_per_day_max: int | None = None
    earns_per_card_per_day_max: int | None = None
    step_up_above: int | None = None
    operations_per_card_max: int | None = None
    velocity_window_s: int = 60

    @property
    def are_on(self) -> bool:
        """Whether there is any limit at all."""
        limits = (
            self.burn_points_min,
            self.burn_points_per_day_max,
            self.earns_per_card_per_day_max,
            self.step_up_above,
            self.operations_per_card_max,
        )
        return any(limit is not None for limit in limits)


NO_LIMITS = LimitRules()


@dataclass(slots=True)
class AccountUsage:
    """Points burned on `day`, less those that came back on it; open holds are not among them."""

    day: date
    burned: int = 0
    is_changed: bool = False


@dataclass(slots=True)
class CardUsage:
    """Earns of `day`, and when the last operations were booked, the oldest first."""

    day: date
    earns: int = 0
    moments: list[datetime] = field(default_factory=list)
    is_changed: bool = False


@dataclass(slots=True)
class StepUpCode:
    """A member's consent to one burn of at most `points`, at `partner` (None: at any); of the code only the digest is
    kept. `used_leaf` is the record that used it up."""

    points: int
    partner: int | None
    salt: bytes
    digest: bytes
    expires_at: datetime
    attempts: int = 0
    used_leaf: int | None = None
    is_changed: bool = False

    def may_open(self, points: int, *, partner: int, now: datetime) -> bool:
        """Say whether the code, if it is right, opens so many points."""
        return (
            self.used_leaf is None
            and self.attempts < STEP_UP_ATTEMPTS_MAX
            and now < self.expires_at
            and points <= self.points
            and self.partner in (None, partner)
        )

    def is_code(self, code: str) -> bool:
        return hmac.compare_digest(self.digest, step_up_digest(code, salt=self.salt))

    def miss(self) -> int:
        """Count a wrong try; return how many are left."""
        self.attempts, self.is_changed = self.attempts + 1, True
        return STEP_UP_ATTEMPTS_MAX - self.attempts

    def use(self, *, leaf: int) -> None:
        """Use the code up by the record at `leaf`."""
        self.used_leaf, self.is_changed = leaf, True


def step_up_digest(code: str, *, salt: bytes) -> bytes:
    """Return what is kept of a code. Who reads the database can try out a million codes, within their ten minutes."""
    return hashlib.sha256(salt + code.encode()).digest()


class Usage(NamedTuple):
    """What a batch loaded: by account, by card, and by account again."""

    accounts: dict[int, AccountUsage]
    cards: dict[str, CardUsage]
    codes: dict[int, StepUpCode]


class Limits:
    """The limits as they apply to one batch. `usage` is completed and counted up in place; what it holds of another day
    counts as nothing."""

    def __init__(self, rules: LimitRules, usage: Usage, *, now: datetime, zone: ZoneInfo) -> None:
        self.usage = usage
        self._rules = rules
        self._now = now
        self._zone = zone
        self._today = now.astimezone(zone).date()

    def refusal_of(self, account: Account, operation: AnyOperation, *, partner: int) -> Refusal | None:
        """Return why an operation is refused by a limit, once for each operation: a wrong code counts as a try. The
        account's holds that are over have been freed."""
        if operation.type == "earn":
            return self._earn_refusal(operation) or self._pace_refusal(operation)
        if (operation.type == "burn" and operation.certificate is None) or operation.type == "reserve":
            return (
                self._points_refusal(account, operation)
                or self._pace_refusal(operation)
                or self._step_up_refusal(account, operation, partner=partner)
            )
        return None

    def count(
        self, account: int, operation: AnyOperation, booking: Booking, *, leaf: int, original: Original | None
    ) -> None:
        """Count what was booked at `leaf`; `original` is what a reversal named."""
        if operation.type == "earn":
            card = self._card(operation.card)
            card.earns += 1
            self._count_pace(card)
        elif operation.type == "burn" or operation.type == "reserve":
            self._count_pace(self._card(operation.card))
            above, is_certified = self._rules.step_up_above, operation.type == "burn" and operation.certificate
            if above is not None and operation.points > above and not is_certified:
                self.usage.codes[account].use(leaf=leaf)
        if booking.kind == "burn" or booking.kind == "capture":
            self._count_burned(account, booking.points)
        elif booking.kind == "reverse_burn" and original is not None and self._is_of_today(original):
            self._count_burned(account, -booking.points)

    def _earn_refusal(self, earn: Earn) -> Refusal | None:
        limit = self._rules.earns_per_card_per_day_max
        used = self._card(earn.card).earns
        if limit is None or used < limit:
            return None
        return _refused("earn_day_limit", earn, *self._day_detail(limit, used))

    def _points_refusal(self, account: Account, operation: Burn | Reserve) -> Refusal | None:
        least = self._rules.burn_points_min
        if least is not None and operation.points < least:
            return _refused("burn_below_minimum", operation, ("limit", least))
        limit = self._rules.burn_points_per_day_max
        if limit is None:
            return None
        # Whenever it was set aside, what is on hold may still be spent today.
        used = self._account(account.account).burned + account.held
        if used + operation.points <= limit:
            return None
        return _refused("burn_day_limit", operation, *self._day_detail(limit, used))

    def _pace_refusal(self, operation: Earn | Burn | Reserve) -> Refusal | None:
        limit = self._rules.operations_per_card_max
        if limit is None:
            return None
        recent = self._recent(self._card(operation.card))
        if len(recent) < limit:
            return None
        until = timestamp(recent[-limit] + self._window)
        return _refused("too_fast", operation, ("limit", limit), ("until", until))

    def _step_up_refusal(self, account: Account, operation: Burn | Reserve, *, partner: int) -> Refusal | None:
        above = self._rules.step_up_above
        # Nobody has to look for a code to learn that the points are not there.
        if above is None or operation.points <= above or operation.points > account.available:
            return None
        if operation.step_up_code is None:
            return _refused("step_up_needed", operation, ("limit", above))
        code = self.usage.codes.get(account.account)
        if code is None or not code.may_open(operation.points, partner=partner, now=self._now):
            return _refused("step_up_wrong", operation, ("attempts_left", 0))
        if code.is_code(operation.step_up_code):
            return None
        return _refused("step_up_wrong", operation, ("attempts_left", code.miss()))

    def _day_detail(self, limit: int, used: int) -> tuple[tuple[str, int | str], ...]:
        ends_at = start_of(self._today + ONE_DAY, self._zone)
        return ("limit", limit), ("used", used), ("until", timestamp(ends_at))

    def _account(self, number: int) -> AccountUsage:
        usage = self.usage.accounts.get(number)
        if usage is None or usage.day != self._today:
            usage = self.usage.accounts[number] = AccountUsage(self._today)
        return usage

    def _card(self, number: str) -> CardUsage:
        usage = self.usage.cards.get(number)
        if usage is None:
            usage = self.usage.cards[number] = CardUsage(self._today)
        elif usage.day != self._today:
            usage.day, usage.earns = self._today, 0
        return usage

    def _count_burned(self, account: int, points: int) -> None:
        usage = self._account(account)
        # What was burned before the limit was on was not counted, and can't come back.
        usage.burned, usage.is_changed = max(usage.burned + points, 0), True

    def _count_pace(self, card: CardUsage) -> None:
        kept = self._rules.operations_per_card_max or 0
        card.moments = [*self._recent(card), self._now][-kept:] if kept else []
        card.is_changed = True

    def _recent(self, card: CardUsage) -> list[datetime]:
        return [moment for moment in card.moments if moment + self._window > self._now]

    @property
    def _window(self) -> timedelta:
        return timedelta(seconds=self._rules.velocity_window_s)

    def _is_of_today(self, original: Original) -> bool:
        return original.booked_at is None or original.booked_at.astimezone(self._zone).date() == self._today


def _refused(code: str, operation: Earn | Burn | Reserve, *detail: tuple[str, int | str]) -> Refusal:
    return Refusal(code, operation.type, operation.points or 0, detail=detail)
