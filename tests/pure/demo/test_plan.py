"""The plan spends nothing that is not there, returns nothing twice, and is the same every time."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from itertools import groupby, islice

import pytest

from coalition.demo.baskets import Basket, Baskets
from coalition.demo.moved_year import MovedYear, shop_day, shop_time
from coalition.demo.partners import PARTNERS
from coalition.demo.plan import PlannedOperation, plan_operations, points_for, round_burn, split_by_largest_remainder

MakeBasket = Callable[..., Basket]
Plan = list[PlannedOperation]


def change(operation: PlannedOperation, plan: Plan) -> int:
    """What an operation does to its member's balance, worked out anew."""
    if operation.kind == "reverse":
        assert operation.original is not None
        return operation.points if plan[operation.original].kind == "burn" else -operation.points
    return operation.points if operation.kind == "earn" else -operation.points


def days_of(plan: Plan) -> Iterator[Plan]:
    for _, of_day in groupby(plan, key=lambda operation: operation.occurred_at.date()):
        yield list(of_day)


def june_plan(baskets: list[Basket], *, seed: int = 1) -> Plan:
    end = shop_time(baskets[-1].bought_at.replace(tzinfo=None, day=30, hour=23))
    return list(plan_operations(baskets, end=end, seed=seed))


def test_the_same_seed_gives_the_same_plan(baskets: Baskets) -> None:
    """Compared as far as three days of baskets go; another seed returns other things."""
    part = list(islice(baskets, 1_000))
    end = part[-1].bought_at
    again = [list(plan_operations(part, end=end, seed=seed)) for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


def test_operations_come_in_the_order_of_time_and_never_after_the_end(plan: Plan, year: MovedYear) -> None:
    moments = [operation.occurred_at for operation in plan]
    assert moments == sorted(moments)
    assert moments[-1] <= year.end


def test_keys_are_unique(plan: Plan) -> None:
    assert len({operation.key for operation in plan}) == len(plan)


def test_every_purchase_worth_a_point_earns_once(baskets: Baskets, plan: Plan) -> None:
    expected = {
        (basket.basket_id, purchase.partner_slug): (points_for(purchase), purchase.amount)
        for basket in baskets
        for purchase in basket.purchases
        if points_for(purchase) > 0
    }
    earns = [operation for operation in plan if operation.kind == "earn"]
    found = {(earn.reference, earn.partner_slug): (earn.points, earn.purchase_amount) for earn in earns}
    assert found == expected
    assert len(earns) == len(expected)


def test_points_by_vat_rate_add_up(plan: Plan) -> None:
    """The split is exact and of positive parts; some earns carry both rates, and only earns carry any."""
    for operation in plan:
        assert all(points > 0 for _, points in operation.vat)
        assert sum(points for _, points in operation.vat) == (operation.points if operation.kind == "earn" else 0)
    assert any(len(operation.vat) == 2 for operation in plan)


def test_burns_never_take_more_than_there_is_in_any_order_within_a_day(plan: Plan) -> None:
    """A naive ledger, at its worst: on each day, first what lessens the balance, then what adds to it."""
    balances: Counter[int] = Counter()
    for of_day in days_of(plan):
        changes = [(operation, change(operation, plan)) for operation in of_day]
        # Reversed earns first: they may leave a debt; a burn may not.
        for operation, points in sorted(changes, key=lambda pair: pair[0].kind == "burn"):
            if points < 0:
                balances[operation.household_id] += points
                assert operation.kind == "reverse" or balances[operation.household_id] >= 0
        for operation, points in changes:
            balances[operation.household_id] += max(points, 0)


def test_burns_are_round_and_within_the_purchase(baskets: Baskets, plan: Plan) -> None:
    worth = {
        (basket.basket_id, purchase.partner_slug): purchase.amount_minor
        for basket in baskets
        for purchase in basket.purchases
    }
    burns = [operation for operation in plan if operation.kind == "burn"]
    assert len(burns) > 50
    for burn in burns:
        assert burn.points >= 200
        assert burn.points % 50 == 0
        assert burn.points <= worth[burn.reference, burn.partner_slug]


def test_burns_are_elsewhere_than_where_most_points_come_from(plan: Plan) -> None:
    """So that nets differ: some partners have to pay and others are paid."""
    issued: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for of_day in days_of(plan):
        for operation in of_day:
            if operation.kind == "burn":
                of_member = issued[operation.household_id]
                assert any(
                    points >= of_member[operation.partner_slug]
                    for slug, points in of_member.items()
                    if slug != operation.partner_slug
                )
        for operation in of_day:
            if operation.kind == "earn":
                issued[operation.household_id][operation.partner_slug] += operation.points


def test_nets_differ_between_partners(plan: Plan) -> None:
    nets: Counter[str] = Counter()
    for operation in plan:
        nets[operation.partner_slug] += change(operation, plan)
    assert len(set(nets.values())) == len(PARTNERS)
    assert min(nets.values()) < 0 < max(nets.values())


def test_a_burn_comes_before_the_earns_of_its_basket(plan: Plan) -> None:
    places = {operation.key: place for place, operation in enumerate(plan)}
    burns = [operation for operation in plan if operation.kind == "burn"]
    earns = [operation for operation in plan if operation.kind == "earn"]
    first_earns: dict[str, int] = {}
    for earn in earns:
        first_earns.setdefault(earn.reference, places[earn.key])
    assert all(places[burn.key] < first_earns[burn.reference] for burn in burns)


def test_reversals_stay_within_their_originals(plan: Plan) -> None:
    """At the same partner, for the same member, on a later day, and never more than there was, fuel excepted."""
    reversed_points: Counter[int] = Counter()
    reversals = [operation for operation in plan if operation.kind == "reverse"]
    assert reversals
    for reversal in reversals:
        assert reversal.original is not None
        original = plan[reversal.original]
        assert original.kind != "reverse"
        assert reversal.key == f"reverse:{original.key}"
        assert (reversal.partner_slug, reversal.household_id) == (original.partner_slug, original.household_id)
        assert shop_day(reversal.occurred_at) > shop_day(original.occurred_at)
        assert reversal.points > 0
        assert reversal.partner_slug != "meilenstein"
        reversed_points[reversal.original] += reversal.points
    assert all(points <= plan[original].points for original, points in reversed_points.items())


def test_some_returns_are_of_a_whole_earn_and_some_of_a_line(plan: Plan) -> None:
    returned = {reversal.points == plan[reversal.original].points for reversal in plan if reversal.original is not None}
    assert returned == {True, False}


def test_a_burn_may_be_reversed(make_basket: MakeBasket) -> None:
    """Rare: among many members with the same habits at least one takes the burn back, in full."""
    lines = {"hansekorb": (20_000,), "hollerbach": (5_000,)}
    baskets = [
        make_basket(day=day, lines_minor=lines, household_id=household)
        for day in range(1, 11)
        for household in range(1, 101)
    ]
    plan = june_plan(baskets)
    reversals = [
        (plan[operation.original], operation)
        for operation in plan
        if operation.original is not None and plan[operation.original].kind == "burn"
    ]
    assert reversals
    assert all(burn.points == reversal.points for burn, reversal in reversals)


def test_returns_go_on_while_the_shops_are_shut(make_basket: MakeBasket) -> None:
    """After the last basket, too: all that are due until the end are in the plan."""
    baskets = [make_basket(day=1, household_id=household) for household in range(1, 1_001)]
    plan = june_plan(baskets)
    days = {operation.occurred_at.date() for operation in plan if operation.kind == "reverse"}
    assert len(days) > 3
    assert date(2026, 6, 1) not in days


def test_a_member_without_points_burns_nothing(make_basket: MakeBasket) -> None:
    """199 points are too few, however often the member comes."""
    baskets = [make_basket(day=1, lines_minor={"auenmarkt": (19_900,)})]
    baskets += [make_basket(day=day, lines_minor={"hollerbach": (99,)}) for day in range(2, 30)]
    assert "burn" not in {operation.kind for operation in june_plan(baskets)}


def test_no_baskets_no_plan(year: MovedYear) -> None:
    assert list(plan_operations([], end=year.end)) == []


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, (1, 1, 1), (34, 33, 33)),
        (10, (599, 100, 301), (6, 1, 3)),
        (1, (5, 5), (1, 0)),
        (7, (0, 3), (0, 7)),
        (5, (9,), (5,)),
        (0, (1, 2), (0, 0)),
    ],
)
def test_largest_remainder_drops_nothing(total: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    assert split_by_largest_remainder(total, weights) == parts


@pytest.mark.parametrize(("points_max", "burned"), [(199, 0), (200, 200), (249, 200), (250, 250), (1_234, 1_200)])
def test_burns_are_rounded_down(points_max: int, burned: int) -> None:
    assert round_burn(points_max) == burned


def test_points_are_rounded_down(make_basket: MakeBasket) -> None:
    """1.5 points for 9.99 EUR are 14, not 15."""
    (purchase,) = make_basket(day=1, lines_minor={"talhof": (999,)}).purchases
    assert points_for(purchase) == 14
