"""Breakage as fact and as estimate, and what of a cohort's price is revenue."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.engine.breakage import Estimate, Outlook, breakage_share, curve_of, estimate
from settlement.engine.cohort import Cohort, History, LotKind, LotTotal, Step, cohorts_of, histories_of
from settlement.engine.deferred_revenue import revenue_position
from settlement.engine.money import Currency

EUR = Currency("EUR")
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def cohort(issued: int, redeemed: int = 0, expired: int = 0) -> Cohort:
    return Cohort(payer=1, month=JANUARY, issued=issued, redeemed=redeemed, expired=expired)


def history(*steps: tuple[int, int, int], first: int = 1, month: date = JANUARY) -> History:
    """(issued, redeemed, expired) of each window from the first one on."""
    return History(
        month=month,
        steps=tuple(
            Step(window=first + place, issued=issued, redeemed=redeemed, expired=expired)
            for place, (issued, redeemed, expired) in enumerate(steps)
        ),
    )


def stated(cohort: Cohort, rate: str) -> Estimate:
    """Without any older cohort."""
    return estimate(cohort, Outlook(), expected_redemption=Decimal(rate))


def test_worked_example_5() -> None:
    """10,000 EUR for 1,000,000 points: the expectation rises from 95 to 97 %, redeemed from 400,000 to 700,000."""
    first = stated(cohort(1_000_000, 400_000), "0.95")
    second = stated(cohort(1_000_000, 700_000), "0.97")
    price, nothing = Decimal(10_000), Decimal(0)

    opening = revenue_position(
        price=price, estimate=first, price_before=nothing, estimate_before=stated(cohort(0), "0.95"), currency=EUR
    )
    closing = revenue_position(price=price, estimate=second, price_before=price, estimate_before=first, currency=EUR)

    assert (first.redeemed_in_the_end, second.redeemed_in_the_end) == (950_000, 970_000)
    assert opening.revenue == opening.revenue_to_date == Decimal("4210.53")
    assert closing.revenue_to_date == Decimal("7216.49")
    assert closing.revenue == Decimal("3005.96")
    assert closing.liability == Decimal("2783.51")


def test_a_months_own_history_does_not_replace_the_stated_rate() -> None:
    """Example 5 again, with the curve of the one month that there is: it ends where the month is now."""
    only = history((1_000_000, 400_000, 0), (0, 300_000, 0))
    outlook = curve_of([only], until=2).at(only.age_at(2))

    assert estimate(cohort(1_000_000, 700_000), outlook, expected_redemption=Decimal("0.97")) == stated(
        cohort(1_000_000, 700_000), "0.97"
    )


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
    (told,) = histories_of(totals)

    assert (found.payer, found.issued, found.redeemed, found.expired, found.outstanding) == (7, 890, 250, 200, 440)
    assert told == history((900, 0, 0), (0, 250, 0), (-10, 0, 200))
    assert told.age_at(3) == 3


def test_a_young_cohort_follows_the_older_ones() -> None:
    """The older one redeemed half in its second window and lost the rest in the third: so will the younger one."""
    old = history((1_000, 200, 0), (0, 400, 0), (0, 0, 400))
    young = history((500, 100, 0), first=3, month=FEBRUARY)
    outlook = curve_of([old, young], until=3).at(young.age_at(3))

    expected = estimate(cohort(500, 100), outlook, expected_redemption=Decimal("0.99"))

    # 400 are alive: 400 * 400/800 are redeemed, and what is left expires; the stated rate has nothing to say.
    assert expected.redeemed_in_the_end == 300
    assert (expected.breakage, expected.breakage_to_come) == (200, 200)


def test_the_stated_rate_counts_where_older_cohorts_end() -> None:
    """One window of history is known beyond its own age; what is alive after it is redeemed up to the stated rate."""
    old = history((1_000, 200, 0), (0, 400, 0))
    young = history((1_000, 200, 0), first=2, month=FEBRUARY)
    outlook = curve_of([old, young], until=2).at(young.age_at(2))
    expected = {
        rate: estimate(cohort(1_000, 200), outlook, expected_redemption=Decimal(rate)).redeemed_in_the_end
        for rate in ("0.1", "0.9", "1")
    }

    # Never fewer than history says, never more than are alive.
    assert expected == {"0.1": 600, "0.9": 900, "1": 1_000}


def test_what_has_expired_is_breakage_and_its_money_revenue() -> None:
    before, done = stated(cohort(1_000, 700), "0.95"), stated(cohort(1_000, 700, 300), "0.95")

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


HISTORIES = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=6,
)


@given(HISTORIES, st.decimals(0, 1, places=3))
def test_an_estimate_lies_within_what_is_possible(
    drawn: list[tuple[int, list[tuple[int, int, int]]]], rate: Decimal
) -> None:
    """At least what is redeemed, at most that and what is alive; a point has one fate."""
    histories = [history((1_000, 0, 0), *steps, first=first) for first, steps in drawn]
    curve = curve_of(histories, until=14)
    for outlook in curve.outlooks:
        assert 0 <= outlook.redeemed <= 1
        assert 0 <= outlook.alive <= Decimal(1)
    for one in histories:
        now = cohort(*(sum(getattr(step, name) for step in one.steps) for name in ("issued", "redeemed", "expired")))
        expected = estimate(now, curve.at(one.age_at(14)), expected_redemption=rate)
        assert now.redeemed <= expected.redeemed_in_the_end <= now.redeemed + max(now.outstanding, 0)
