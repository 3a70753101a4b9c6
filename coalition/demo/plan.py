"""Turns baskets into the operations of the demo: earns, burns and reversals, in the order of time.

The rule, the same for the same baskets and seed:

- Every purchase earns its partner's rate on its value, rounded down; less than a point earns nothing. What is paid
  with points earns as well.
- A member with 200 points or more spends a round amount at a visit now and then: never more than the purchase is
  worth, and not at the partner that issued most of the member's points. Some members do so seldom.
- One earn in 70 and one burn in 150 is reversed at the same partner one to fourteen days later; an earn as a whole
  or by one line.

The burns of a day spend what the member had when the day began, less that day's reversals. So operations of one day
may reach the hub in any order among the partners, as long as a day is complete before the next one begins. Only
a reversed earn can take a balance below zero.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from random import Random
from typing import Literal

from coalition.demo.baskets import Basket, Purchase
from coalition.demo.moved_year import shop_day, shop_time
from coalition.demo.partners import PARTNERS

SEED = 4711
BURN_POINTS_MIN = 200
BURN_STEP_POINTS = 50
EARN_REVERSED_SHARE = 1 / 70
BURN_REVERSED_SHARE = 1 / 150
RETURN_DAYS_MAX = 14
# Returns are taken from 9 in the morning to 7 in the evening.
_COUNTER_OPENS_S = 9 * 3600
_COUNTER_CLOSES_S = 19 * 3600

_PARTNERS = {partner.slug: partner for partner in PARTNERS}

Kind = Literal["earn", "burn", "reverse"]
Movement = Literal["issued", "issue_reversed", "redeemed", "redeem_reversed"]


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """One operation that a partner's till is to send.

    `original` is the place in the plan of what it reverses, `movement` what it is in the partner's bill.
    """

    key: str
    kind: Kind
    movement: Movement
    partner_slug: str
    household_id: int
    points: int
    occurred_at: datetime
    shop: str
    till: str
    reference: str
    purchase_amount: Decimal | None = None
    vat: tuple[tuple[str, int], ...] = ()
    original: int | None = None


@dataclass(slots=True)
class _Wallet:
    """What the plan knows of a member; `thrift` is the chance that points are kept at a visit."""

    thrift: float
    available: int = 0
    issued: Counter[str] = field(default_factory=Counter)

    def main_issuer(self) -> str:
        # Of equal ones the first that issued: Counter keeps the order.
        return self.issued.most_common(1)[0][0]


def plan_operations(baskets: Iterable[Basket], *, end: datetime, seed: int = SEED) -> Iterator[PlannedOperation]:
    """Yield the operations in the order of time; none after `end`.

    The baskets are in the order of time. A reversal names its original by its place in what is yielded.
    """
    planner = _Planner(Random(seed), end)
    for day, visits in _days(baskets, last=shop_day(end)):
        yield from planner.plan_day(day, visits)


def split_by_largest_remainder(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Share `total` in proportion to the weights; the parts add up to it. Of equal remainders the first gains.

    The weights are not negative and not all zero.
    """
    if len(weights) == 1:
        return (total,)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return tuple(parts)


def points_for(purchase: Purchase) -> int:
    """Return what the purchase earns."""
    return int(purchase.amount * _PARTNERS[purchase.partner_slug].earn_rate)


def round_burn(points_max: int) -> int:
    """Return the largest round number of points up to `points_max`; 0 when that is too few to burn."""
    rounded = points_max // BURN_STEP_POINTS * BURN_STEP_POINTS
    return rounded if rounded >= BURN_POINTS_MIN else 0


@dataclass(frozen=True, slots=True)
class _Return:
    """A reversal still to come, and what it does to its member's wallet."""

    operation: PlannedOperation
    change: int


class _Planner:
    """The state of the rule: the members' wallets and the reversals still to come."""

    def __init__(self, random: Random, end: datetime) -> None:
        self._random = random
        self._end = end
        self._wallets: dict[int, _Wallet] = {}
        self._returns: defaultdict[date, list[_Return]] = defaultdict(list)
        self._planned = 0

    def plan_day(self, day: date, visits: list[Basket]) -> Iterator[PlannedOperation]:
        returns = self._returns.pop(day, [])
        for due in returns:
            # First of all, so that no burn counts on points that a return of the same day takes away.
            self._wallet(due.operation.household_id).available += min(due.change, 0)
        drafts: list[tuple[PlannedOperation, Purchase | None]] = [(due.operation, None) for due in returns]
        for basket in visits:
            drafts += self._visit(basket)
        # Stable: of one moment, a basket's burn stays before its earns.
        drafts.sort(key=lambda draft: draft[0].occurred_at)
        for operation, purchase in drafts:
            self._plan_return(operation, purchase, place=self._planned)
            self._planned += 1
            yield operation
            self._credit(operation)
        for due in returns:
            self._wallet(due.operation.household_id).available += max(due.change, 0)

    def _visit(self, basket: Basket) -> Iterator[tuple[PlannedOperation, Purchase | None]]:
        burn = self._burn(basket)
        if burn is not None:
            yield burn, None
        for purchase in basket.purchases:
            points = points_for(purchase)
            if points > 0:
                yield _earn(basket, purchase, points), purchase

    def _burn(self, basket: Basket) -> PlannedOperation | None:
        wallet = self._wallet(basket.household_id)
        if wallet.available < BURN_POINTS_MIN or self._random.random() < wallet.thrift:
            return None
        shunned = wallet.main_issuer()
        purchases = [purchase for purchase in basket.purchases if purchase.partner_slug != shunned]
        if not purchases:
            return None
        purchase = max(purchases, key=lambda purchase: purchase.amount_minor)
        # At 0.01 EUR a point, cents are points.
        points = round_burn(min(wallet.available, purchase.amount_minor))
        if points == 0:
            return None
        wallet.available -= points
        return PlannedOperation(
            key=f"burn:{basket.basket_id}:{purchase.partner_slug}",
            kind="burn",
            movement="redeemed",
            partner_slug=purchase.partner_slug,
            household_id=basket.household_id,
            points=points,
            occurred_at=basket.bought_at,
            shop=basket.shop,
            till=basket.till,
            reference=basket.basket_id,
        )

    def _plan_return(self, operation: PlannedOperation, purchase: Purchase | None, *, place: int) -> None:
        """Decide whether an operation at this place in the plan is reversed on a later day, and note it."""
        if operation.kind == "reverse" or not _PARTNERS[operation.partner_slug].takes_returns:
            return
        share = EARN_REVERSED_SHARE if operation.kind == "earn" else BURN_REVERSED_SHARE
        if self._random.random() >= share:
            return
        occurred_at = self._return_time(shop_day(operation.occurred_at))
        if occurred_at > self._end:
            return
        points = operation.points if purchase is None else self._points_returned(operation.points, purchase)
        reversal = PlannedOperation(
            key=f"reverse:{operation.key}",
            kind="reverse",
            movement="redeem_reversed" if operation.kind == "burn" else "issue_reversed",
            partner_slug=operation.partner_slug,
            household_id=operation.household_id,
            points=points,
            occurred_at=occurred_at,
            shop=operation.shop,
            till=operation.till,
            reference=operation.reference,
            original=place,
        )
        change = points if operation.kind == "burn" else -points
        self._returns[shop_day(occurred_at)].append(_Return(reversal, change))

    def _return_time(self, bought_on: date) -> datetime:
        day = bought_on + timedelta(days=self._random.randint(1, RETURN_DAYS_MAX))
        second = self._random.randrange(_COUNTER_OPENS_S, _COUNTER_CLOSES_S)
        return shop_time(datetime.combine(day, time()) + timedelta(seconds=second))

    def _points_returned(self, points: int, purchase: Purchase) -> int:
        """Return the points of one line of the purchase, or all of them."""
        if self._random.random() < 0.5:
            return points
        of_lines = split_by_largest_remainder(points, purchase.lines_minor)
        return self._random.choice([of_line for of_line in of_lines if of_line > 0])

    def _credit(self, operation: PlannedOperation) -> None:
        if operation.kind == "earn":
            wallet = self._wallet(operation.household_id)
            wallet.available += operation.points
            wallet.issued[operation.partner_slug] += operation.points

    def _wallet(self, household_id: int) -> _Wallet:
        wallet = self._wallets.get(household_id)
        if wallet is None:
            wallet = self._wallets[household_id] = _Wallet(thrift=_thrift(self._random.random()))
        return wallet


def _thrift(drawn: float) -> float:
    """Return the thrift for a number drawn evenly from 0 to 1: most members keep their points at most visits."""
    return 1 - drawn**2


def _days(baskets: Iterable[Basket], *, last: date) -> Iterator[tuple[date, list[Basket]]]:
    """Yield each day from the first basket's to `last` with its baskets: none when all shops are shut."""
    expected: date | None = None
    for day, visits in groupby(baskets, key=lambda basket: basket.bought_at.date()):
        yield from _quiet_days(expected, before=day)
        yield day, list(visits)
        expected = day + timedelta(days=1)
    yield from _quiet_days(expected, before=last + timedelta(days=1))


def _quiet_days(day: date | None, *, before: date) -> Iterator[tuple[date, list[Basket]]]:
    while day is not None and day < before:
        yield day, []
        day += timedelta(days=1)


def _earn(basket: Basket, purchase: Purchase, points: int) -> PlannedOperation:
    rates = [rate for rate, _ in purchase.vat_minor]
    shares = split_by_largest_remainder(points, [amount_minor for _, amount_minor in purchase.vat_minor])
    return PlannedOperation(
        key=f"earn:{basket.basket_id}:{purchase.partner_slug}",
        kind="earn",
        movement="issued",
        partner_slug=purchase.partner_slug,
        household_id=basket.household_id,
        points=points,
        occurred_at=basket.bought_at,
        shop=basket.shop,
        till=basket.till,
        reference=basket.basket_id,
        purchase_amount=purchase.amount,
        vat=tuple((rate, share) for rate, share in zip(rates, shares, strict=True) if share > 0),
    )
