"""What a naive auditor knows of a card's pace and of the codes for large burns; he keeps every moment of a history."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

# What a refused result says: its code, and of its limit what can be foretold.
Refused = dict[str, Any]

PACE_MAX, PACE_WINDOW = 3, timedelta(minutes=8)
STEP_UP_ABOVE = 6
TRIES_MAX, CODE_LIFE = 5, timedelta(minutes=10)
CODE_PAUSE, CODES_AN_HOUR_MAX, HOUR = timedelta(minutes=1), 10, timedelta(hours=1)


@dataclass
class Pace:
    """When the earns, burns and reserves of each card were booked, wherever its account has been merged since."""

    moments: dict[str, list[datetime]] = field(default_factory=dict)

    def refusal(self, card: str, now: datetime) -> Refused | None:
        recent = [moment for moment in self.moments.get(card, []) if now - moment < PACE_WINDOW]
        if len(recent) < PACE_MAX:
            return None
        return {"code": "too_fast", "limit": PACE_MAX, "until": recent[-PACE_MAX] + PACE_WINDOW}

    def count(self, card: str, now: datetime) -> None:
        self.moments.setdefault(card, []).append(now)


@dataclass
class Consent:
    """The code that a member was sent, for one burn of at most `points` at `shop`."""

    text: str
    shop: int
    points: int
    sent_at: datetime
    tries_left: int = TRIES_MAX
    is_used: bool = False

    def may_open(self, shop: int, points: int, now: datetime) -> bool:
        is_alive = not self.is_used and self.tries_left > 0 and now < self.sent_at + CODE_LIFE
        return is_alive and shop == self.shop and points <= self.points


@dataclass
class Consents:
    """All codes of each account; the last one alone is worth anything."""

    codes: dict[str, list[Consent]] = field(default_factory=dict)

    def last(self, account: str) -> Consent | None:
        return self.codes[account][-1] if account in self.codes else None

    def told(self, account: str, random: Random) -> str | None:
        """Return what the member tells the till: nothing, his last code, or a slip of the tongue."""
        last, choice = self.last(account), random.choice(["none", "right", "right", "wrong"])
        if choice == "none":
            return None
        right = "000000" if last is None else last.text
        return right if choice == "right" else f"{(int(right) + 1) % 1_000_000:06d}"

    def refusal(self, account: str, shop: int, points: int, told: str | None, now: datetime) -> Refused | None:
        """Count a wrong try, so ask once for each operation."""
        if points <= STEP_UP_ABOVE:
            return None
        if told is None:
            return {"code": "step_up_needed", "limit": STEP_UP_ABOVE}
        last = self.last(account)
        if last is None or not last.may_open(shop, points, now):
            return {"code": "step_up_wrong", "attempts_left": 0}
        if told == last.text:
            return None
        last.tries_left -= 1
        return {"code": "step_up_wrong", "attempts_left": last.tries_left}

    def use(self, account: str) -> None:
        self.codes[account][-1].is_used = True

    def is_used_up(self, account: str) -> bool:
        last = self.last(account)
        return last is not None and last.is_used

    def ask_refusal(self, account: str, points: int, now: datetime) -> str | None:
        """A code that was used up does not count towards those of a minute and an hour."""
        if points <= STEP_UP_ABOVE:
            return "step_up_not_needed"
        sent = [code.sent_at for code in self.codes.get(account, []) if not code.is_used and now - code.sent_at < HOUR]
        is_soon = bool(sent) and now - sent[-1] < CODE_PAUSE
        return "too_many_codes" if is_soon or len(sent) >= CODES_AN_HOUR_MAX else None

    def sent(self, account: str, code: Consent) -> None:
        self.codes.setdefault(account, []).append(code)
