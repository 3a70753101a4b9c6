"""Breakage as fact and as estimate, and what of a cohort's price is revenue."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.engine.breakage import breakage_share, curve_of, estimate
from settlement.engine.cohort import Cohort, LotKind, LotTotal, Step, cohorts_of
from settlement.engine.deferred_revenue import revenue_position
from settlement.engine.money import Currency

EUR = Currency("EUR")
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def cohort(*steps: tuple[int, int, int], first: int = 1, month: date = JANUARY, payer: int = 1) -> Cohort:
    """(issued, redeemed, expired) of each window from the first one on."""
    return Cohort(
        payer=payer,
        month=month,
        steps=tuple(
            Step(window=first + place, issued=issued, redeemed=redeemed, expired=expired)
            for place, (issued, redeemed, expired) in enumerate(steps)
        ),
    )


def test_worked_example_5() -> None:
    """10,000 EUR for 1,000,000 points: the expectation rises from 95 to 97 %, redeemed from 400,000 to 700,000."""
    points = cohort((1_000_000, 400_000, 0), (0, 300_000, 0))
    curve = curve_of([points], until=2)
    first = estimate(points, curve_of([points], until=1), until=1, expected_redemption=Decimal("0.95"))
    second = estimate(points, curve, until=2, expected_redemption=Decimal("0.97"))
    price = Decimal(10_000)
    none = estimate(points, curve, until=0, expected_redemption=Decimal("0.95"))

    opening = revenue_position(price=price, estimate=first, price_before=Decimal(0), estimate_before=none, currency=EUR)
    closing = revenue_position(price=price, estimate=second, price_before=price, estimate_before=first, currency=EUR)

    assert (first.redeemed_in_the_end, second.redeemed_in_the_end) == (950_000, 970_000)
    assert opening.revenue == opening.revenue_to_date == Decimal("4210.53")
    assert closing.revenue_to_date == Decimal("7216.49")
    assert closing.revenue == Decimal("3005.96")
    assert closing.liability == Decimal("2783.51")


def test_points_are_of_their_cohort_whatever_happens_to_them() -> None:
    """Returns, repaid debts and points that move are no redemption; what moves out comes in again."""
    kinds: list[tuple[int, LotKind, int]] = [
        (1, "issued", 1_000),
        (1, "issue_reversed", 100),
        (2, "redeemed", 300),
        (2, "redeem_reversed", 50),
        (2, "moved_out", 40),
        (2, "moved_in", 40),
        (3, "expired", 200),
        (3, "repaid", 10),
    ]
    totals = [LotTotal(window=w, payer=7, month=JANUARY, kind=kind, points=points) for w, kind, points in kinds]
    (found,) = cohorts_of(reversed(totals))

    assert (found.issued, found.redeemed, found.expired, found.outstanding) == (890, 250, 200, 440)
    assert found.until(2).outstanding == 650
    assert [step.window for step in found.steps] == [1, 2, 3]


def test_a_young_cohort_follows_the_older_ones() -> None:
    """The older one redeemed half in its second window and lost the rest in the third: so will the younger one."""
    old = cohort((1_000, 200, 0), (0, 400, 0), (0, 0, 400))
    young = cohort((500, 100, 0), first=3, month=FEBRUARY)
    curve = curve_of([old, young], until=3)

    expected = estimate(young, curve, until=3, expected_redemption=Decimal("0.99"))

    # 400 are alive: 400 * 400/800 are redeemed, and what is left expires; the stated rate has nothing to say.
    assert expected.redeemed_in_the_end == 300
    assert (expected.breakage, expected.breakage_to_come) == (200, 200)


def test_the_stated_rate_counts_where_older_cohorts_end() -> None:
    """One window of history is known beyond its own age; what is alive after it is redeemed up to the stated rate."""
    old = cohort((1_000, 200, 0), (0, 400, 0))
    young = cohort((1_000, 200, 0), first=2, month=FEBRUARY)
    curve = curve_of([old, young], until=2)

    assert estimate(young, curve, until=2, expected_redemption=Decimal("0.9")).redeemed_in_the_end == 900
    # Never fewer than history says, never more than are alive.
    assert estimate(young, curve, until=2, expected_redemption=Decimal("0.1")).redeemed_in_the_end == 600
    assert estimate(young, curve, until=2, expected_redemption=Decimal(1)).redeemed_in_the_end == 1_000


def test_what_has_expired_is_breakage_and_its_money_revenue() -> None:
    gone = cohort((1_000, 700, 0), (0, 0, 300))
    done = estimate(gone, curve_of([gone], until=2), until=2, expected_redemption=Decimal("0.95"))
    before = estimate(gone, curve_of([gone], until=1), until=1, expected_redemption=Decimal("0.95"))

    position = revenue_position(
        price=Decimal(10), estimate=done, price_before=Decimal(10), estimate_before=before, currency=EUR
    )

    assert (done.redeemed_in_the_end, done.breakage, done.breakage_to_come) == (700, 300, 0)
    assert (position.revenue_to_date, position.revenue, position.liability) == (
        Decimal("10.00"),
        Decimal("2.63"),
        Decimal("0.00"),
    )


@pytest.mark.parametrize(
    ("issuer_share", "issuer", "operator"), [("0", "0.00", "5.05"), ("1", "5.05", "0.00"), ("0.5", "2.53", "2.52")]
)
def test_breakage_is_shared_by_contract_to_the_cent(issuer_share: str, issuer: str, operator: str) -> None:
    share = breakage_share(505, point_value=Decimal("0.01"), issuer_share=Decimal(issuer_share), currency=EUR)

    assert (share.issuer, share.operator) == (Decimal(issuer), Decimal(operator))
    assert share.issuer + share.operator == share.value


COHORTS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=6,
)


@given(COHORTS, st.decimals(0, 1, places=3))
def test_an_estimate_lies_within_what_is_possible(
    drawn: list[tuple[int, list[tuple[int, int, int]]]], rate: Decimal
) -> None:
    """At least what is redeemed, at most that and what is alive; a point has one fate."""
    cohorts = [cohort((1_000, 0, 0), *steps, first=first) for first, steps in drawn]
    curve = curve_of(cohorts, until=14)
    for outlook in curve.outlooks:
        assert 0 <= outlook.redeemed <= 1
        assert 0 <= outlook.alive <= Decimal(1)
    for one in cohorts:
        expected = estimate(one, curve, until=14, expected_redemption=rate)
        assert one.redeemed <= expected.redeemed_in_the_end <= one.redeemed + max(one.outstanding, 0)
