"""A second book of one lane, kept by somebody who never saw the hub's code.

Every point is an object of its own and lies in exactly one place; operations are looked at one after the other. It
is as slow and as plain as can be, so that whoever reads it can tell that it is right.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from coalition.ledger.book import Command
from coalition.ledger.operation import Burn, Earn, Reverse
from tests.properties.lane_tables import LaneTables

ZONE = ZoneInfo("Europe/Berlin")
EXPIRY_MONTHS = 36


@dataclass
class Point:
    """`place`: "free", "gone", or ("burn", leaf) while it is spent. `moves` are the leaves that took it."""

    account: int
    earn_leaf: int
    part: int
    expires_on: date
    place: object = "free"

    def age(self) -> tuple[date, int, int]:
        return (self.expires_on, self.earn_leaf, self.part)

    @property
    def lot(self) -> tuple[int, int]:
        return (self.earn_leaf, self.part)


@dataclass
class Decided:
    """What became of an operation. `rates` names the VAT rate of each of its points, in order."""

    leaf: int
    kind: str
    code: str | None
    account: int
    points: int
    terms_version: int | None
    content: bytes
    result: dict[str, Any]
    rates: list[str] = field(default_factory=list)
    reversed_points: int = 0


class Auditor:
    """Tell it the operations one by one with `expect`; it says what the hub must answer."""

    def __init__(self, *, lane: int, window_no: int = 1) -> None:
        self.lane = lane
        self.window_no = window_no
        self.points: list[Point] = []
        self.debts: Counter[int] = Counter()
        self.decided: dict[tuple[int, str], Decided] = {}
        self.journal: list[tuple[Any, ...]] = []
        self.totals: Counter[tuple[int, int, str, int, str]] = Counter()
        self.operations: Counter[tuple[int, int, str, int, str]] = Counter()
        self.moments: dict[tuple[int, int, str, int, str], list[datetime]] = {}
        self.taken: Counter[tuple[int, int, int]] = Counter()
        self.restored: Counter[tuple[int, int, int]] = Counter()
        self.lot_sizes: Counter[tuple[int, int, int]] = Counter()

    def expect(self, command: Command) -> dict[str, Any]:
        """Return the result that the hub must give, without the moment of booking."""
        operation, partner = command.operation, command.partner
        first = self.decided.get((partner.partner, operation.id))
        if first is not None and first.content == command.content:
            return first.result
        if first is not None:
            reused = {"id": operation.id, "verdict": "refused", "code": "operation_id_reused"}
            return {**reused, "lane": self.lane, "leaf": first.leaf}
        if isinstance(operation, Earn):
            return self.earn(command, operation)
        if isinstance(operation, Burn):
            return self.burn(command, operation)
        return self.reverse(command, operation)

    def close(self) -> None:
        self.journal.append((len(self.journal), self.window_no, "close", None, None, None, None, 0, None, None))
        self.window_no += 1

    def earn(self, command: Command, earn: Earn) -> dict[str, Any]:
        terms = self.terms(command)
        points = earn.points
        if terms is None:
            return self.refuse(command, "earn", "no_terms", points or 0)
        if not command.partner.may_earn:
            return self.refuse(command, "earn", "earn_not_allowed", points or 0)
        if points is None:
            if earn.purchase is None or terms.earn_rate is None:
                return self.refuse(command, "earn", "points_missing", 0)
            points = 0
            while points + 1 <= Decimal(earn.purchase.amount) * terms.earn_rate:
                points += 1
            if points == 0:
                return self.refuse(command, "earn", "no_points_earned", 0)
        stated = [("", points)] if earn.vat is None else [(share.rate, share.points) for share in earn.vat]
        leaf, rates = len(self.journal), []
        for part, (rate, share) in enumerate(stated):
            self.lot_sizes[command.account, leaf, part] += share
            for _ in range(share):
                self.points.append(Point(command.account, leaf, part, self.expiry(earn.occurred_at)))
                rates.append(rate.removesuffix(".00"))
        self.repay(command.account, leaf)
        return self.write(command, "earn", points, terms.version, rates, None)

    def burn(self, command: Command, burn: Burn) -> dict[str, Any]:
        terms = self.terms(command)
        if terms is None:
            return self.refuse(command, "burn", "no_terms", burn.points)
        if not command.partner.may_burn:
            return self.refuse(command, "burn", "burn_not_allowed", burn.points)
        if self.balance(command.account) < burn.points:
            return self.refuse(command, "burn", "insufficient_points", burn.points)
        leaf = len(self.journal)
        for _ in range(burn.points):
            self.oldest(command.account).place = ("burn", leaf)
        for point in self.points:
            if point.place == ("burn", leaf):
                self.taken[leaf, *point.lot] += 1
        return self.write(command, "burn", burn.points, terms.version, [""] * burn.points, None)

    def reverse(self, command: Command, reverse: Reverse) -> dict[str, Any]:
        original = self.decided.get((command.partner.partner, reverse.operation_id))
        asked = reverse.points or 0
        if original is None:
            return {"id": reverse.id, "verdict": "refused", "code": "unknown_original", "retryable": True}
        kind = "reverse_burn" if original.kind in ("burn", "reverse_burn") else "reverse_earn"
        if original.code is not None:
            return self.refuse(command, kind, "original_refused", asked, original)
        if original.kind not in ("earn", "burn"):
            return self.refuse(command, kind, "not_reversible", asked, original)
        if original.account != command.account:
            return self.refuse(command, kind, "other_account", asked, original)
        left = original.points - original.reversed_points
        points = left if reverse.points is None else reverse.points
        if left == 0 or points > left:
            return self.refuse(command, kind, "more_than_left", asked, original, left=left)
        if kind == "reverse_earn":
            self.undo_earn(original, points)
        else:
            self.undo_burn(original, points)
        rates = original.rates[original.reversed_points : original.reversed_points + points]
        original.reversed_points += points
        assert original.terms_version is not None
        return self.write(command, kind, points, original.terms_version, rates, original.leaf)

    def undo_earn(self, original: Decided, points: int) -> None:
        """Own points first, then the oldest others; what nobody has is owed."""
        leaf = len(self.journal)
        for _ in range(points):
            own = [point for point in self.free(original.account) if point.earn_leaf == original.leaf]
            others = self.free(original.account)
            if own or others:
                self.lose(min(own or others, key=Point.age), leaf)
            else:
                self.debts[original.account] += 1

    def undo_burn(self, original: Decided, points: int) -> None:
        """The last taken comes back first; then what is owed is paid from the oldest."""
        for _ in range(points):
            spent = [point for point in self.points if point.place == ("burn", original.leaf)]
            back = max(spent, key=Point.age)
            back.place = "free"
            self.restored[original.leaf, *back.lot] += 1
        self.repay(original.account, len(self.journal))

    def repay(self, account: int, leaf: int) -> None:
        while self.debts[account] and self.free(account):
            self.lose(self.oldest(account), leaf)
            self.debts[account] -= 1

    def lose(self, point: Point, leaf: int) -> None:
        point.place = "gone"
        self.taken[leaf, *point.lot] += 1

    def free(self, account: int) -> list[Point]:
        return [point for point in self.points if point.account == account and point.place == "free"]

    def oldest(self, account: int) -> Point:
        return min(self.free(account), key=Point.age)

    def balance(self, account: int) -> int:
        return len(self.free(account)) - self.debts[account]

    def terms(self, command: Command) -> Any:
        valid = [terms for terms in command.partner.terms if terms.valid_from <= command.operation.occurred_at]
        return max(valid, key=lambda terms: terms.valid_from, default=None)

    def expiry(self, occurred_at: datetime) -> date:
        sold_on = occurred_at.astimezone(ZONE).date()
        month = sold_on.replace(day=1)
        for _ in range(EXPIRY_MONTHS + 1):
            month = (
                month.replace(year=month.year + 1, month=1)
                if month.month == 12
                else month.replace(month=month.month + 1)
            )
        return month

    def refuse(
        self, command: Command, kind: str, code: str, points: int, original: Decided | None = None, **figures: int
    ) -> dict[str, Any]:
        result = {"verdict": "refused", "code": code, "available": self.balance(command.account), **figures}
        return self.decide(command, kind, code, points, None, [], original.leaf if original else None, result)

    def write(
        self, command: Command, kind: str, points: int, version: int, rates: list[str], original_leaf: int | None
    ) -> dict[str, Any]:
        line = {
            "earn": "issued",
            "burn": "redeemed",
            "reverse_earn": "issue_reversed",
            "reverse_burn": "redeem_reversed",
        }
        keys = [(self.window_no, command.partner.partner, line[kind], version, rate) for rate in rates]
        self.totals.update(keys)
        for key in keys:
            self.moments.setdefault(key, []).append(command.operation.occurred_at)
        self.operations[keys[0]] += 1
        balance = self.balance(command.account)
        result = {"verdict": "booked", "points": points, "balance": balance, "available": balance}
        return self.decide(command, kind, None, points, version, rates, original_leaf, result)

    def decide(
        self,
        command: Command,
        kind: str,
        code: str | None,
        points: int,
        version: int | None,
        rates: list[str],
        original_leaf: int | None,
        result: dict[str, Any],
    ) -> dict[str, Any]:
        leaf, operation_id, partner = len(self.journal), command.operation.id, command.partner.partner
        result = {"id": operation_id, **result, "lane": self.lane, "leaf": leaf, "window": self.window_no}
        self.journal.append(
            (leaf, self.window_no, kind, code, partner, operation_id, command.account, points, version, original_leaf)
        )
        self.decided[partner, operation_id] = Decided(
            leaf, kind, code, command.account, points, version, command.content, result, rates
        )
        return result

    def tables(self, accounts: list[int]) -> LaneTables:
        """Return what the hub's tables must hold."""
        left = Counter((point.account, *point.lot) for point in self.points if point.place == "free")
        balances = {account: (self.balance(account), self.debts[account]) for account in accounts}
        return LaneTables(
            window_no=self.window_no,
            outstanding=sum(balance for balance, _ in balances.values()),
            accounts=balances,
            lots={lot: (size, left[lot]) for lot, size in self.lot_sizes.items()},
            uses={use: (points, self.restored[use]) for use, points in self.taken.items()},
            totals={
                key: (points, self.operations[key], min(self.moments[key]), max(self.moments[key]))
                for key, points in self.totals.items()
            },
            journal=self.journal,
        )
