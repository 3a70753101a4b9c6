"""A second book of one lane, kept by somebody who never saw the hub's code.

Every point is an object of its own and lies in exactly one place; operations are looked at one after the other. It
is as slow and as plain as can be, so that whoever reads it can tell that it is right.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from coalition.ledger.batch import Calendar, Command
from coalition.ledger.certificate import Certificate
from coalition.ledger.expiry import ExpiryRule
from coalition.ledger.operation import Burn, Capture, Earn, Release, Reserve, Reverse
from coalition.ledger.promotion import Promotion
from tests.properties.lane_tables import LaneTables

ZONE = ZoneInfo("Europe/Berlin")
# Few months and days, so that in a short history much expires and comes back.
EXPIRY_MONTHS = 0
GRACE_DAYS = 10
CALENDAR = Calendar(ZONE, ExpiryRule("end_of_month", EXPIRY_MONTHS), GRACE_DAYS)


@dataclass
class Point:
    """`place`: "free", "gone", or ("burn", leaf) while it is spent, by a burn or a capture."""

    account: int
    payer: int
    earn_leaf: int
    part: int
    rate: str
    expires_on: date
    place: object = "free"

    def age(self) -> tuple[date, int, int]:
        return (self.expires_on, self.earn_leaf, self.part)

    @property
    def lot(self) -> tuple[int, int]:
        return (self.earn_leaf, self.part)


@dataclass
class AuditedHold:
    """`state`: as the hub's table has it."""

    leaf: int
    account: int
    partner: int
    points: int
    expires_at: datetime
    state: str = "reserved"
    captured: int = 0
    resolved_leaf: int | None = None


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
    joint: "JointEarn | None" = None


@dataclass
class JointEarn:
    """An earn that several pay for: of each of its lots who does, by which terms, the VAT rate, the points."""

    promotion: Promotion
    lots: list[tuple[int, int, str, int]]

    def walk(self) -> list[int]:
        """Return the lot of each point, in the order in which points are undone: spread evenly, point by point."""
        walked: list[int] = []
        for _ in range(sum(lot[3] for lot in self.lots)):
            waiting = [part for part, lot in enumerate(self.lots) if walked.count(part) < lot[3]]
            walked.append(
                min(waiting, key=lambda part: (Fraction(2 * walked.count(part) + 1, 2 * self.lots[part][3]), part))
            )
        return walked

    def lines(self, parts: list[int]) -> list[tuple[int, int, str]]:
        """Return who is billed for each of these points, lot by lot."""
        return [self.lots[part][:3] for part in sorted(parts)]


class Auditor:
    """Tell it the operations one by one with `expect`; it says what the hub must answer."""

    def __init__(
        self,
        *,
        lane: int,
        window_no: int = 1,
        promotions: Sequence[Promotion] = (),
        budget: int = 0,
        certificates: Sequence[Certificate] = (),
    ) -> None:
        self.certificates = {certificate.certificate_id: certificate for certificate in certificates}
        self.burned_offline: dict[str, dict[int | None, int]] = {name: {} for name in self.certificates}
        self.promotions = promotions
        self.budget = budget
        self.promoted: Counter[int] = Counter()
        self.lane = lane
        self.window_no = window_no
        self.points: list[Point] = []
        self.debts: Counter[int] = Counter()
        self.decided: dict[tuple[int, str], Decided] = {}
        self.journal: list[tuple[Any, ...]] = []
        self.totals: Counter[tuple[int, int, str, int, str]] = Counter()
        self.operations: Counter[tuple[int, int, str, int, str]] = Counter()
        self.moments: dict[tuple[int, int, str, int, str], list[datetime]] = {}
        self.lot_totals: Counter[tuple[int, int, str, str]] = Counter()
        self.taken: Counter[tuple[int, int, int]] = Counter()
        self.restored: Counter[tuple[int, int, int]] = Counter()
        self.brought_back: Counter[tuple[int, int, int]] = Counter()
        self.lot_sizes: Counter[tuple[int, int, int]] = Counter()
        self.holds: dict[int, AuditedHold] = {}
        self.now = datetime.max.replace(tzinfo=ZONE)

    def expect(self, command: Command, now: datetime) -> dict[str, Any]:
        """Return the result that the hub must give when it books at `now`, without that moment."""
        self.now = now
        operation, partner = command.operation, command.partner
        first = self.decided.get((partner.partner, operation.id))
        if first is not None and first.content == command.content:
            return first.result
        if first is not None:
            reused = {"id": operation.id, "verdict": "refused", "code": "operation_id_reused"}
            return {**reused, "lane": self.lane, "leaf": first.leaf}
        self.let_time_pass(command.account)
        if command.card_refusal is not None:
            assert isinstance(operation, Earn | Burn | Reserve), "what was begun may be finished, and undone"
            return self.refuse(command, operation.type, command.card_refusal, operation.points or 0)
        if isinstance(operation, Earn):
            return self.earn(command, operation)
        if isinstance(operation, Burn):
            return self.burn(command, operation)
        if isinstance(operation, Reserve):
            return self.reserve(command, operation)
        if isinstance(operation, Reverse):
            return self.reverse(command, operation)
        return self.resolve(command, operation)

    def let_time_pass(self, account: int) -> None:
        """Holds time out, then points expire: day by day, payer by payer, the oldest first, but none that is held."""
        late = [hold for hold in self.open_holds(account) if hold.expires_at <= self.now]
        for hold in sorted(late, key=lambda hold: (hold.expires_at, hold.leaf)):
            hold.state, hold.resolved_leaf = "timed_out", len(self.journal)
            self.repay(account, len(self.journal))
            self.write_own("time_out", hold.partner, account, hold.points, hold.leaf)
        today = self.now.astimezone(ZONE).date()
        for day, payer in sorted({(p.expires_on, p.payer) for p in self.free(account) if p.expires_on <= today}):
            points = [p for p in self.free(account) if (p.expires_on, p.payer) == (day, payer)]
            expired = sorted(points, key=Point.age)[: max(len(self.free(account)) - self.held(account), 0)]
            if not expired:
                continue
            leaf = len(self.journal)
            for point in expired:
                self.lose(point, leaf, "expired")
            self.count(payer, "expired", 0, [point.rate for point in expired], midnight(day))
            self.write_own("expire", payer, account, len(expired), None)

    def write_own(self, kind: str, partner: int, account: int, points: int, original: int | None) -> None:
        leaf = len(self.journal)
        self.journal.append((leaf, self.window_no, kind, None, partner, None, account, points, None, original))

    def open_holds(self, account: int) -> list[AuditedHold]:
        return [hold for hold in self.holds.values() if hold.account == account and hold.state == "reserved"]

    def held(self, account: int) -> int:
        return sum(hold.points for hold in self.open_holds(account))

    def available(self, account: int) -> int:
        return self.balance(account) - self.held(account)

    def reserve(self, command: Command, reserve: Reserve) -> dict[str, Any]:
        if self.terms(command) is None:
            return self.refuse(command, "reserve", "no_terms", reserve.points)
        if not command.partner.may_burn:
            return self.refuse(command, "reserve", "burn_not_allowed", reserve.points)
        if self.available(command.account) < reserve.points:
            return self.refuse(command, "reserve", "insufficient_points", reserve.points)
        leaf, ends = len(self.journal), self.now + timedelta(seconds=reserve.timeout_s)
        self.holds[leaf] = AuditedHold(leaf, command.account, command.partner.partner, reserve.points, ends)
        result = self.booked(command, reserve.points) | {"expires_at": ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        return self.decide(command, "reserve", None, reserve.points, None, [], None, result)

    def resolve(self, command: Command, operation: Capture | Release) -> dict[str, Any]:
        asked = (operation.points or 0) if isinstance(operation, Capture) else 0
        kind = operation.type
        original = self.decided.get((command.partner.partner, operation.reserve_id))
        if original is None:
            return {"id": operation.id, "verdict": "refused", "code": "unknown_original", "retryable": True}
        if original.code is not None:
            return self.refuse(command, kind, "original_refused", asked, original)
        if original.kind != "reserve":
            return self.refuse(command, kind, "not_a_reserve", asked, original)
        if original.account != command.account:
            return self.refuse(command, kind, "other_account", asked, original)
        hold = self.holds[original.leaf]
        if hold.state != "reserved":
            return self.refuse(command, kind, "hold_resolved", asked, original, state=hold.state)
        leaf = len(self.journal)
        if isinstance(operation, Release):
            hold.state, hold.resolved_leaf = "released", leaf
            self.repay(command.account, leaf)
            result = self.booked(command, hold.points)
            return self.decide(command, kind, None, hold.points, None, [], original.leaf, result)
        points = hold.points if operation.points is None else operation.points
        if points > hold.points:
            return self.refuse(command, kind, "more_than_left", asked, original, left=hold.points)
        terms = self.terms(command)
        if terms is None:
            return self.refuse(command, kind, "no_terms", asked, original)
        hold.state, hold.resolved_leaf, hold.captured = "captured", leaf, points
        self.spend(command.account, points)
        return self.write(command, kind, points, terms.version, [""] * points, original.leaf)

    def close(self) -> None:
        self.journal.append((len(self.journal), self.window_no, "close", None, None, None, None, 0, None, None))
        self.window_no += 1

    def earn(self, command: Command, earn: Earn) -> dict[str, Any]:
        terms = self.terms(command)
        points = earn.points
        promotion = None
        if earn.promotion is not None:
            named = [one for one in self.promotions if earn.promotion in (one.name, str(one.promotion))]
            if not named or command.partner.partner not in named[0].issuers:
                return self.refuse(command, "earn", "unknown_promotion", points or 0)
            promotion = named[0]
            if earn.occurred_at < promotion.starts_at or earn.occurred_at >= promotion.ends_at:
                return self.refuse(command, "earn", "promotion_not_running", points or 0)
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
        if promotion is not None:
            return self.earn_jointly(command, promotion, points, terms.version, stated)
        leaf, rates = len(self.journal), []
        for part, (rate, share) in enumerate(stated):
            self.lot_sizes[command.account, leaf, part] += share
            for _ in range(share):
                rates.append(rate.removesuffix(".00"))
                ends = self.expiry(earn.occurred_at)
                self.come(Point(command.account, command.partner.partner, leaf, part, rates[-1], ends))
        self.repay(command.account, leaf)
        return self.write(command, "earn", points, terms.version, rates, None)

    def earn_jointly(
        self, command: Command, promotion: Promotion, points: int, version: int, stated: list[tuple[str, int]]
    ) -> dict[str, Any]:
        """Each VAT rate is dealt out point by point: first what each payer surely gets, then one each to who lost most
        so far."""
        moment = command.operation.occurred_at
        valid = [[terms for terms in payer.terms if terms.valid_from <= moment] for payer, _ in promotion.payers]
        if not all(valid):
            return self.refuse(command, "earn", "no_terms_of_payer", points)
        left = self.budget - self.promoted[promotion.promotion]
        if points > left:
            return self.refuse(command, "earn", "promotion_budget_spent", points, left=left)
        self.promoted[promotion.promotion] += points
        whole = sum(share for _, share in promotion.payers)
        lost = [Fraction(0) for _ in promotion.payers]
        joint = JointEarn(promotion, [])
        for rate, amount in stated:
            dues = [Fraction(amount * share, whole) for _, share in promotion.payers]
            parts = [int(due) for due in dues]
            lost = [before + due - part for before, due, part in zip(lost, dues, parts, strict=True)]
            dealt: set[int] = set()
            while sum(parts) < amount:
                next_one = max((n for n in range(len(parts)) if n not in dealt), key=lambda n: (lost[n], -n))
                dealt.add(next_one)
                parts[next_one] += 1
                lost[next_one] -= 1
            for (payer, _), terms, part in zip(promotion.payers, valid, parts, strict=True):
                if part:
                    joint.lots.append((payer.partner, terms[-1].version, rate.removesuffix(".00"), part))
        leaf, ends = len(self.journal), self.expiry(moment)
        for part, (payer, _, rate, size) in enumerate(joint.lots):
            self.lot_sizes[command.account, leaf, part] += size
            for _ in range(size):
                self.come(Point(command.account, payer, leaf, part, rate, ends))
        self.repay(command.account, leaf)
        result = self.booked(command, points)
        self.count_jointly("issued", joint.lines(joint.walk()), moment)
        self.decide(command, "earn", None, points, version, [], None, result)
        decided = self.decided[command.partner.partner, command.operation.id]
        decided.joint = joint
        return decided.result

    def count_jointly(self, line: str, billed: list[tuple[int, int, str]], occurred_at: datetime) -> None:
        for number, (payer, version, rate) in enumerate(billed):
            key = (self.window_no, payer, line, version, rate)
            self.totals[key] += 1
            self.operations[key] += 0 if number else 1
            self.moments.setdefault(key, []).append(occurred_at)

    def burn(self, command: Command, burn: Burn) -> dict[str, Any]:
        terms = self.terms(command)
        if terms is None:
            return self.refuse(command, "burn", "no_terms", burn.points)
        if not command.partner.may_burn:
            return self.refuse(command, "burn", "burn_not_allowed", burn.points)
        figures: dict[str, Any] = {}
        if burn.certificate is not None:
            outside = self.outside(command, burn)
            if outside:
                return self.refuse(command, "burn", outside.pop("code"), burn.points, **outside)
            figures = self.lend(command, burn) if terms.offline_loss == "member" else {}
        if self.available(command.account) + figures.pop("lent", 0) < burn.points:
            return self.refuse(command, "burn", "insufficient_points", burn.points)
        if burn.certificate is not None:
            self.burned_offline[burn.certificate][burn.counter] = burn.points
        self.spend(command.account, burn.points)
        return self.write(command, "burn", burn.points, terms.version, [""] * burn.points, None, **figures)

    def outside(self, command: Command, burn: Burn) -> dict[str, Any]:
        """Say why a burn lies outside its certificate."""
        certificate = self.certificates.get(burn.certificate or "")
        if certificate is None or certificate.account != command.account:
            return {"code": "certificate_unknown"}
        if certificate.partner != command.partner.partner or certificate.till != burn.till:
            return {"code": "certificate_other"}
        if burn.occurred_at < certificate.not_before or certificate.not_after < burn.occurred_at:
            return {"code": "certificate_expired"}
        burned = self.burned_offline[certificate.certificate_id]
        if burn.counter in burned:
            return {"code": "certificate_counter_used"}
        left = certificate.points - sum(burned.values())
        return {"code": "certificate_spent", "left": left} if left < burn.points else {}

    def lend(self, command: Command, burn: Burn) -> dict[str, Any]:
        """What is missing becomes points of this burn, and as many are owed."""
        covered = max(self.available(command.account), 0)
        missing, leaf = burn.points - covered, len(self.journal)
        if missing <= 0:
            return {}
        for _ in range(missing):
            self.lot_sizes[command.account, leaf, 0] += 1
            ends = self.expiry(self.now)
            self.come(Point(command.account, command.partner.partner, leaf, 0, "", ends))
            self.debts[command.account] += 1
        return {"covered": covered, "lent": burn.points - self.available(command.account)}

    def spend(self, account: int, points: int) -> None:
        """The oldest first."""
        leaf = len(self.journal)
        for _ in range(points):
            self.oldest(account).place = ("burn", leaf)
        for point in self.points:
            if point.place == ("burn", leaf):
                self.taken[leaf, *point.lot] += 1
                self.note("redeemed", point)

    def reverse(self, command: Command, reverse: Reverse) -> dict[str, Any]:
        original = self.decided.get((command.partner.partner, reverse.operation_id))
        asked = reverse.points or 0
        if original is None:
            return {"id": reverse.id, "verdict": "refused", "code": "unknown_original", "retryable": True}
        kind = "reverse_burn" if original.kind in ("burn", "capture", "reverse_burn") else "reverse_earn"
        if original.code is not None:
            return self.refuse(command, kind, "original_refused", asked, original)
        if original.kind not in ("earn", "burn", "capture"):
            return self.refuse(command, kind, "not_reversible", asked, original)
        if original.account != command.account:
            return self.refuse(command, kind, "other_account", asked, original)
        left = original.points - original.reversed_points
        points = left if reverse.points is None else reverse.points
        if left == 0 or points > left:
            return self.refuse(command, kind, "more_than_left", asked, original, left=left)
        grace: dict[str, Any] = {}
        if original.joint is not None:
            return self.reverse_jointly(command, original, original.joint, points)
        if kind == "reverse_earn":
            self.undo_earn(original, points)
        else:
            grace = self.undo_burn(original, points)
        rates = original.rates[original.reversed_points : original.reversed_points + points]
        original.reversed_points += points
        assert original.terms_version is not None
        return self.write(command, kind, points, original.terms_version, rates, original.leaf, **grace)

    def reverse_jointly(self, command: Command, original: Decided, joint: JointEarn, points: int) -> dict[str, Any]:
        undone = joint.walk()[original.reversed_points : original.reversed_points + points]
        original.reversed_points += points
        self.promoted[joint.promotion.promotion] -= points
        left, leaf = points, len(self.journal)
        for part in sorted(undone):
            free = self.free(original.account)
            of_part = [point for point in free if point.lot == (original.leaf, part)]
            if of_part and len(free) > self.held(original.account):
                self.lose(of_part[0], leaf, "issue_reversed")
                left -= 1
        self.undo_earn(original, left)
        self.count_jointly("issue_reversed", joint.lines(undone), command.operation.occurred_at)
        result = self.booked(command, points)
        version = original.terms_version
        return self.decide(command, "reverse_earn", None, points, version, [], original.leaf, result)

    def undo_earn(self, original: Decided, points: int) -> None:
        """Own points first, then the oldest others; what nobody has, or a hold has, is owed."""
        leaf = len(self.journal)
        for _ in range(points):
            own = [point for point in self.free(original.account) if point.earn_leaf == original.leaf]
            others = self.free(original.account)
            if len(others) > self.held(original.account):
                self.lose(min(own or others, key=Point.age), leaf, "issue_reversed")
            else:
                self.debts[original.account] += 1

    def undo_burn(self, original: Decided, points: int) -> dict[str, Any]:
        """The last taken comes back first; what has expired meanwhile lives on for the days of grace, with whatever is
        left of its lot. Then what is owed is paid from the oldest."""
        today = self.now.astimezone(ZONE).date()
        spent = [point for point in self.points if point.place == ("burn", original.leaf)]
        back = sorted(spent, key=Point.age, reverse=True)[:points]
        late = [point for point in back if point.expires_on <= today]
        for point in back:
            point.place = "free"
            self.note("redeem_reversed", point)
            self.restored[original.leaf, *point.lot] += 1
            self.brought_back[len(self.journal), *point.lot] += 1
        revived = {(point.account, point.lot) for point in late}
        for point in self.points:
            if (point.account, point.lot) in revived:
                point.expires_on = today + timedelta(days=GRACE_DAYS + 1)
        self.repay(original.account, len(self.journal))
        if not late:
            return {}
        return {"grace_points": len(late), "grace_until": (today + timedelta(days=GRACE_DAYS)).isoformat()}

    def repay(self, account: int, leaf: int) -> None:
        while self.debts[account] and len(self.free(account)) > self.held(account):
            self.lose(self.oldest(account), leaf, "repaid")
            self.debts[account] -= 1

    def come(self, point: Point) -> None:
        self.points.append(point)
        self.note("issued", point)

    def lose(self, point: Point, leaf: int, kind: str) -> None:
        point.place = "gone"
        self.taken[leaf, *point.lot] += 1
        self.note(kind, point)

    def note(self, kind: str, point: Point) -> None:
        self.lot_totals[self.window_no, point.payer, kind, point.rate] += 1

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
        self, command: Command, kind: str, code: str, points: int, original: Decided | None = None, **figures: Any
    ) -> dict[str, Any]:
        result = {"verdict": "refused", "code": code, "available": self.available(command.account), **figures}
        return self.decide(command, kind, code, points, None, [], original.leaf if original else None, result)

    def write(
        self,
        command: Command,
        kind: str,
        points: int,
        version: int,
        rates: list[str],
        original_leaf: int | None,
        **figures: Any,
    ) -> dict[str, Any]:
        line = {
            "earn": "issued",
            "burn": "redeemed",
            "capture": "redeemed",
            "reverse_earn": "issue_reversed",
            "reverse_burn": "redeem_reversed",
        }
        self.count(command.partner.partner, line[kind], version, rates, command.operation.occurred_at)
        result = self.booked(command, points) | figures
        return self.decide(command, kind, None, points, version, rates, original_leaf, result)

    def booked(self, command: Command, points: int) -> dict[str, Any]:
        figures = {"balance": self.balance(command.account), "available": self.available(command.account)}
        return {"verdict": "booked", "points": points, **figures}

    def count(self, partner: int, line: str, version: int, rates: list[str], occurred_at: datetime) -> None:
        keys = [(self.window_no, partner, line, version, rate) for rate in rates]
        self.totals.update(keys)
        for key in keys:
            self.moments.setdefault(key, []).append(occurred_at)
        self.operations[keys[0]] += 1

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
            holds={
                hold.leaf: (hold.account, hold.partner, hold.points, hold.state, hold.captured, hold.resolved_leaf)
                for hold in self.holds.values()
            },
            lots={lot: (size, left[lot]) for lot, size in self.lot_sizes.items()},
            uses={use: (points, self.restored[use]) for use, points in self.taken.items()},
            restorations=dict(self.brought_back),
            totals={
                key: (points, self.operations[key], min(self.moments[key]), max(self.moments[key]))
                for key, points in self.totals.items()
            },
            lot_totals=dict(self.lot_totals),
            journal=self.journal,
        )


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)
