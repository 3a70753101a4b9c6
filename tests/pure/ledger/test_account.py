"""An account and its lots: what is taken first, what comes back where, what is owed."""

from datetime import date, timedelta

import pytest

from coalition.ledger.account import Account
from coalition.ledger.lot import Lot
from tests.pure.ledger.ledger_examples import GRACE, make_account, make_lot, make_use

SOON, LATE = date(2027, 1, 1), date(2030, 1, 1)


def remaining(account: Account) -> dict[tuple[int, int], int]:
    return {(lot.leaf, lot.part): lot.remaining for lot in account.lots}


def test_the_oldest_expiry_is_spent_first_whatever_was_earned_first() -> None:
    account = make_account(make_lot(1, 10, expires_on=LATE), make_lot(2, 10, expires_on=SOON))
    taken = account.take(15)
    assert [(lot.leaf, points) for lot, points in taken] == [(2, 10), (1, 5)]
    assert (account.balance, remaining(account)) == (5, {(1, 0): 5, (2, 0): 0})


def test_of_one_expiry_the_first_earned_is_spent_first() -> None:
    account = make_account(make_lot(9, 10), make_lot(4, 10, part=1), make_lot(4, 10, part=0))
    taken = account.take(21)
    assert [(lot.leaf, lot.part, points) for lot, points in taken] == [(4, 0, 10), (4, 1, 10), (9, 0, 1)]


def test_points_that_never_expire_are_spent_last() -> None:
    account = make_account(make_lot(1, 10, expires_on=None), make_lot(2, 10, expires_on=LATE))
    assert [(lot.leaf, points) for lot, points in account.take(11)] == [(2, 10), (1, 1)]


def test_empty_lots_are_passed_over_and_only_touched_ones_are_changed() -> None:
    account = make_account(make_lot(1, 0, points=10), make_lot(2, 10), make_lot(3, 10))
    account.take(10)
    assert [lot.is_changed for lot in account.lots] == [False, True, False]


def test_what_is_held_is_not_available() -> None:
    account = make_account(make_lot(1, 100), held=30)
    assert (account.balance, account.available) == (100, 70)


def test_a_burn_comes_back_to_its_lots_the_last_taken_first() -> None:
    """A part that comes back is the one with the longest life: to the member's favour, and by one rule."""
    soon, late = make_lot(1, 0, points=10, expires_on=SOON), make_lot(2, 4, points=10, expires_on=LATE)
    account = make_account(soon, late)
    uses = [make_use(5, soon, 10), make_use(5, late, 6)]

    repaid, grace_points = account.give_back(uses, 7, grace=GRACE)
    assert [use.restored for use in uses] == [1, 6]
    assert remaining(account) == {(1, 0): 1, (2, 0): 10}

    repaid += account.give_back(uses, 9, grace=GRACE)[0]
    assert [use.restored for use in uses] == [10, 6]
    assert (account.balance, remaining(account)) == (20, {(1, 0): 10, (2, 0): 10})
    assert (repaid, grace_points) == ([], 0)


def test_no_more_comes_back_than_was_taken() -> None:
    lot = make_lot(1, 0, points=10)
    with pytest.raises(AssertionError, match="uses sum to its points"):
        make_account(lot).give_back([make_use(5, lot, 10, restored=4)], 7, grace=GRACE)


@pytest.mark.parametrize(
    ("own", "older", "points", "left", "debt"),
    [
        (100, 50, 40, {(1, 0): 50, (8, 0): 60}, 0),
        (30, 50, 40, {(1, 0): 40, (8, 0): 0}, 0),
        (30, 5, 40, {(1, 0): 0, (8, 0): 0}, 5),
        (0, 0, 40, {(1, 0): 0, (8, 0): 0}, 40),
    ],
)
def test_an_earn_is_taken_back_from_its_own_lots_then_the_oldest_then_as_a_debt(
    own: int, older: int, points: int, left: dict[tuple[int, int], int], debt: int
) -> None:
    account = make_account(make_lot(1, older, points=100, expires_on=SOON), make_lot(8, own, points=100))
    taken = account.claw_back(8, points)
    assert (remaining(account), account.debt) == (left, debt)
    assert sum(share for _, share in taken) == points - debt
    assert account.balance == sum(left.values()) - debt


@pytest.mark.parametrize("stored", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_own_lots_give_in_the_order_of_the_earns_shares(stored: tuple[int, ...]) -> None:
    """A database gives rows back in any order; which VAT rate's points are left must not depend on it."""
    account = make_account(*(make_lot(8, 10, part=part) for part in stored))
    account.claw_back(8, 15)
    assert remaining(account) == {(8, 0): 0, (8, 1): 5, (8, 2): 10}


@pytest.mark.parametrize(("debt", "left", "balance"), [(40, 60, 60), (100, 0, 0), (130, 0, -30)])
def test_an_earn_repays_what_is_owed_first(debt: int, left: int, balance: int) -> None:
    account = make_account(debt=debt)
    repaid = account.add([make_lot(9, 70), make_lot(9, 30, part=1)])
    assert (sum(lot.remaining for lot in account.lots), account.balance) == (left, balance)
    assert account.debt == left - balance
    assert sum(points for _, points in repaid) == debt - account.debt


def test_points_that_come_back_repay_what_is_owed_with_the_oldest() -> None:
    soon, late = make_lot(1, 0, points=10, expires_on=SOON), make_lot(2, 0, points=10, expires_on=LATE)
    account = make_account(soon, late, debt=4)
    repaid, _ = account.give_back([make_use(5, soon, 10), make_use(5, late, 10)], 12, grace=GRACE)
    assert [(lot.leaf, points) for lot, points in repaid] == [(1, 2), (2, 2)]
    assert (account.debt, account.balance, soon.remaining, late.remaining) == (0, 8, 0, 8)


def test_lots_are_ordered_by_expiry_leaf_and_part() -> None:
    lots = [make_lot(3, part=1), make_lot(3), make_lot(2), make_lot(9, expires_on=SOON), make_lot(1, expires_on=None)]
    assert [(lot.leaf, lot.part) for lot in sorted(lots, key=Lot.age)] == [(9, 0), (2, 0), (3, 0), (3, 1), (1, 0)]


def test_points_that_expired_meanwhile_come_back_by_grace() -> None:
    """Of two lots that a burn took one has expired: its points live for the days of grace, the other keeps its age."""
    gone, late = make_lot(1, 0, points=10, expires_on=GRACE.today), make_lot(2, 0, points=10, expires_on=LATE)
    account = make_account(gone, late)

    repaid, grace_points = account.give_back([make_use(5, gone, 10), make_use(5, late, 10)], 14, grace=GRACE)

    assert (repaid, grace_points) == ([], 4)
    assert (gone.expires_on, late.expires_on) == (GRACE.until + timedelta(days=1), LATE)
    assert (remaining(account), account.next_expires_on) == ({(1, 0): 4, (2, 0): 10}, gone.expires_on)


def test_points_on_hold_are_neither_clawed_back_nor_do_they_expire() -> None:
    """A shop has been promised them: a return is owed instead, and the lot expires when the hold has ended."""
    lot = make_lot(1, 100)
    account = make_account(lot, held=80)

    assert sum(points for _, points in account.claw_back(1, 50)) == 20
    assert (account.debt, account.balance, account.available, lot.remaining) == (30, 50, -30, 80)
    assert account.expire([lot]) == []
    assert (lot.remaining, account.balance) == (80, 50)
