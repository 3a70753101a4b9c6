"""The rules one by one: what is booked, and each reason for which it is not."""

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from coalition.ledger.account import Account
from coalition.ledger.decision import (
    Booking,
    Original,
    Refusal,
    decide_burn,
    decide_earn,
    decide_reverse,
    shares_between,
)
from coalition.ledger.operation import Earn, earned_points
from coalition.ledger.participant import Participant
from tests.pure.ledger.ledger_examples import (
    GRACE,
    NOON,
    SALE,
    burn,
    earn,
    make_account,
    make_lot,
    make_original,
    make_partner,
    make_terms,
    make_use,
    reverse,
)

PURCHASE = {"amount": "59.90", "currency": "EUR"}
LATER = make_partner(1, make_terms(valid_from=datetime(2026, 11, 22, tzinfo=UTC)))


def earned(account: Account, operation: Earn, partner: Participant | None = None) -> Booking | Refusal:
    return decide_earn(account, operation, partner=partner or make_partner(), sale=SALE, leaf=12)


def booked(decided: Booking | Refusal) -> Booking:
    assert isinstance(decided, Booking), decided
    return decided


def test_an_earn_makes_one_lot_of_the_partners_own() -> None:
    account = make_account()
    booking = booked(earned(account, earn(120), make_partner(4, make_terms(3))))
    assert (booking.kind, booking.points, booking.terms_version, booking.shares) == ("earn", 120, 3, (("", 120),))
    (lot,) = list(booking.new_lots)
    assert (lot.leaf, lot.part, lot.issuer, lot.payer, lot.points, lot.remaining) == (12, 0, 4, 4, 120, 120)
    assert (lot.month_of_sale, lot.expires_on, lot.vat_rate) == (SALE.month, SALE.expires_on, None)
    assert account.balance == 120


def test_an_earn_of_two_vat_rates_makes_a_lot_for_each() -> None:
    vat = [{"rate": "19.00", "points": 80}, {"rate": "7", "points": 40}]
    booking = booked(earned(make_account(), earn(120, vat=vat)))
    assert booking.shares == (("19", 80), ("7", 40))
    assert [(lot.part, lot.vat_rate, lot.points) for lot in booking.new_lots] == [
        (0, Decimal("19.00"), 80),
        (1, Decimal(7), 40),
    ]


def test_the_terms_are_those_of_the_day_of_the_sale() -> None:
    partner = make_partner(1, make_terms(1, earn_rate="1"), make_terms(2, valid_from=NOON, earn_rate="2"))
    before = booked(earned(make_account(), earn(None, purchase=PURCHASE, occurred_at=NOON.replace(hour=11)), partner))
    after = booked(earned(make_account(), earn(None, purchase=PURCHASE, occurred_at=NOON), partner))
    assert [(booking.terms_version, booking.points) for booking in (before, after)] == [(1, 59), (2, 119)]


@pytest.mark.parametrize(
    ("code", "points", "fields", "partner"),
    [
        ("no_terms", 100, {}, LATER),
        ("earn_not_allowed", 100, {}, make_partner(may_earn=False)),
        ("points_missing", 0, {"points": None}, make_partner(1, make_terms(earn_rate="1"))),
        ("points_missing", 0, {"points": None, "purchase": PURCHASE}, make_partner()),
        ("no_points_earned", 0, {"points": None, "purchase": PURCHASE}, make_partner(1, make_terms(earn_rate="0.01"))),
        (
            "points_over_limit",
            0,
            {"points": None, "purchase": {"amount": "999999999", "currency": "EUR"}},
            make_partner(1, make_terms(earn_rate="1.1")),
        ),
    ],
)
def test_an_earn_is_refused(code: str, points: int, fields: dict[str, Any], partner: Participant) -> None:
    account = make_account(make_lot(1, 5))
    before = copy.deepcopy(account)
    assert earned(account, earn(**fields), partner) == Refusal(code, "earn", points)
    assert account == before


def test_a_burn_takes_the_oldest_and_says_what_it_took() -> None:
    account = make_account(make_lot(1, 60), make_lot(2, 60), held=20)
    booking = booked(decide_burn(account, burn(100), partner=make_partner(1, make_terms(2)), leaf=9))
    assert (booking.kind, booking.points, booking.terms_version, booking.shares) == ("burn", 100, 2, (("", 100),))
    assert [(use.leaf, use.lot_leaf, use.lot_part, use.points, use.restored) for use in booking.uses] == [
        (9, 1, 0, 60, 0),
        (9, 2, 0, 40, 0),
    ]
    assert (account.balance, account.available) == (20, 0)


@pytest.mark.parametrize(
    ("code", "account", "partner"),
    [
        ("no_terms", make_account(make_lot(1, 500)), LATER),
        ("burn_not_allowed", make_account(make_lot(1, 500)), make_partner(may_burn=False)),
        ("insufficient_points", make_account(make_lot(1, 99)), make_partner()),
        ("insufficient_points", make_account(make_lot(1, 199), held=100), make_partner()),
        ("insufficient_points", make_account(debt=1), make_partner()),
    ],
)
def test_a_burn_is_refused(code: str, account: Account, partner: Participant) -> None:
    before = copy.deepcopy(account)
    assert decide_burn(account, burn(100), partner=partner, leaf=9) == Refusal(code, "burn", 100)
    assert account == before


def test_the_last_point_can_be_spent() -> None:
    account = make_account(make_lot(1, 100))
    assert isinstance(decide_burn(account, burn(100), partner=make_partner(), leaf=9), Booking)
    assert account.available == 0


def test_an_earn_is_reversed_at_its_own_terms_through_its_shares_in_order() -> None:
    """30 + 60 + the rest of an earn of 80 at 19 % and 40 at 7 %: the prices and rates of the original, to the point."""
    account = make_account(make_lot(3, 80), make_lot(3, 40, part=1))
    original = make_original(points=120, shares=(("19", 80), ("7", 40)), terms_version=4)

    bookings = [
        booked(decide_reverse(account, reverse(points), original, leaf=15, grace=GRACE)) for points in (30, 60, None)
    ]

    assert [booking.points for booking in bookings] == [30, 60, 30]
    assert [booking.shares for booking in bookings] == [(("19", 30),), (("19", 50), ("7", 10)), (("7", 30),)]
    assert {(booking.kind, booking.terms_version, booking.original_leaf) for booking in bookings} == {
        ("reverse_earn", 4, 3)
    }
    assert (account.balance, original.reversed_points) == (0, 120)


def test_a_burn_is_reversed_to_the_lots_that_it_took() -> None:
    lot = make_lot(1, 0, points=100)
    account, use = make_account(lot), make_use(3, lot, 100)
    original = make_original("burn", uses=[use], terms_version=2)

    booking = booked(decide_reverse(account, reverse(30), original, leaf=15, grace=GRACE))

    assert (booking.kind, booking.points, booking.shares) == ("reverse_burn", 30, (("", 30),))
    assert (booking.terms_version, booking.uses) == (2, [use])
    assert (lot.remaining, use.restored, account.balance) == (30, 30, 30)


@pytest.mark.parametrize(
    ("original", "points", "refusal"),
    [
        (None, 5, Refusal("unknown_original", "reverse_earn", 5, is_retryable=True)),
        (make_original(code="no_terms"), 5, Refusal("original_refused", "reverse_earn", 5, original_leaf=3)),
        (
            make_original("burn", code="insufficient_points"),
            None,
            Refusal("original_refused", "reverse_burn", original_leaf=3),
        ),
        (make_original("reverse_earn"), 5, Refusal("not_reversible", "reverse_earn", 5, original_leaf=3)),
        (make_original("reverse_burn"), 5, Refusal("not_reversible", "reverse_burn", 5, original_leaf=3)),
        (make_original(account=8), 5, Refusal("other_account", "reverse_earn", 5, original_leaf=3)),
        (
            make_original(),
            101,
            Refusal("more_than_left", "reverse_earn", 101, original_leaf=3, detail=(("left", 100),)),
        ),
        (
            make_original("burn", reversed_points=60),
            41,
            Refusal("more_than_left", "reverse_burn", 41, original_leaf=3, detail=(("left", 40),)),
        ),
        (
            make_original(reversed_points=100),
            None,
            Refusal("more_than_left", "reverse_earn", original_leaf=3, detail=(("left", 0),)),
        ),
    ],
)
def test_a_reversal_is_refused(original: Original | None, points: int | None, refusal: Refusal) -> None:
    account = make_account(make_lot(3, 100))
    before = copy.deepcopy((account, original))
    assert decide_reverse(account, reverse(points), original, leaf=15, grace=GRACE) == refusal
    assert (account, original) == before


def test_an_original_in_another_lane_is_on_another_account() -> None:
    """Final, since it will never be on this one; an original that is nowhere yet may still come."""
    account = make_account(make_lot(3, 100))
    refused = decide_reverse(account, reverse(5), None, leaf=15, grace=GRACE, original_is_elsewhere=True)
    assert refused == Refusal("other_account", "reverse_earn", 5)


@pytest.mark.parametrize(
    ("start", "end", "cut"),
    [
        (0, 100, (("19", 50), ("7", 30), ("0", 20))),
        (0, 50, (("19", 50),)),
        (49, 51, (("19", 1), ("7", 1))),
        (50, 80, (("7", 30),)),
        (10, 90, (("19", 40), ("7", 30), ("0", 10))),
        (99, 100, (("0", 1),)),
        (40, 40, ()),
    ],
)
def test_shares_are_walked_through_in_the_order_stated(start: int, end: int, cut: tuple[tuple[str, int], ...]) -> None:
    assert shares_between((("19", 50), ("7", 30), ("0", 20)), start=start, end=end) == cut


@pytest.mark.parametrize(
    ("amount", "earn_rate", "points"),
    [
        ("59.90", "1", 59),
        ("59.90", "0.5", 29),
        ("1.99", "0.5", 0),
        ("0.1", "30", 3),
        ("2.675", "100", 267),
        ("999999999.999", "1", 999_999_999),
        ("0.29", "100", 29),
    ],
)
def test_parts_of_a_point_are_dropped_without_binary_fractions(amount: str, earn_rate: str, points: int) -> None:
    assert earned_points(amount=Decimal(amount), earn_rate=Decimal(earn_rate)) == points


def test_terms_hold_from_their_first_moment() -> None:
    partner = make_partner(1, make_terms(1, valid_from=NOON), make_terms(2, valid_from=NOON.replace(hour=13)))
    versions = [partner.terms_at(NOON.replace(hour=hour)) for hour in (11, 12, 13, 14)]
    assert [version and version.version for version in versions] == [None, 1, 2, 2]
