"""Burns within a certificate: what lies outside it, and who bears what is gone when they are booked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coalition.ledger.account import Account
from coalition.ledger.certificate import Certificate, CertificateUse, decide_offline_burn
from coalition.ledger.decision import Booking, Refusal
from coalition.ledger.operation import Burn
from coalition.ledger.participant import OfflineLoss
from tests.pure.ledger.ledger_examples import GRACE, NOON, SALE, burn, make_account, make_lot, make_partner, make_terms


def make_certificate(**changes: Any) -> Certificate:
    values: dict[str, Any] = {
        "certificate_id": "c-1",
        "account": 7,
        "partner": 1,
        "card": "2760000000018",
        "till": "3",
        "points": 100,
        "spent": 0,
        "not_before": NOON - timedelta(hours=1),
        "not_after": NOON + timedelta(hours=1),
    }
    return Certificate(**values | changes)


def offline(points: int, *, counter: int = 0, **changes: Any) -> Burn:
    named = {"certificate": "c-1", "counter": counter, "till": "3", "occurred_at": NOON}
    return burn(points).model_copy(update=named | changes)


def decide(
    account: Account, asked: Burn, certificate: Certificate | None, *, loss: OfflineLoss = "partner", leaf: int = 90
) -> Booking | Refusal:
    partner = make_partner(1, replace(make_terms(), offline_loss=loss))
    return decide_offline_burn(account, asked, certificate, partner=partner, sale=SALE, leaf=leaf)


def figures(account: Account) -> tuple[int, int, int]:
    return account.balance, account.debt, sum(lot.remaining for lot in account.lots)


def test_a_burn_that_is_covered_is_like_any_other() -> None:
    account, certificate = make_account(make_lot(1, 60), make_lot(2, 60)), make_certificate()
    booking = decide(account, offline(100, counter=4), certificate)
    assert isinstance(booking, Booking)
    assert (booking.points, list(booking.new_lots), booking.detail) == (100, [], ())
    assert [(use.lot_leaf, use.points) for use in booking.uses] == [(1, 60), (2, 40)]
    assert (certificate.spent, certificate.uses) == (100, [CertificateUse(4, 90, 100)])
    assert figures(account) == (20, 0, 20)


def test_what_is_gone_is_refused_and_nothing_counts() -> None:
    account, certificate = make_account(make_lot(1, 60)), make_certificate()
    refusal = decide(account, offline(61), certificate)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, certificate.spent, certificate.counters) == ("insufficient_points", 0, [])
    assert figures(account) == (60, 0, 60)


@pytest.mark.parametrize(
    ("account", "covered", "left"),
    [
        (make_account(make_lot(1, 60)), 60, (-40, 40, 0)),
        (make_account(make_lot(1, 60), held=50), 10, (-40, 90, 50)),
        (make_account(debt=30), 0, (-130, 130, 0)),
    ],
    ids=["spent", "held", "in debt"],
)
def test_what_is_gone_is_owed(account: Account, covered: int, left: tuple[int, int, int]) -> None:
    """The uses sum to the burn, what is on hold stays in the lots, and balance = lots - debt."""
    booking = decide(account, offline(100), make_certificate(), loss="member")
    assert isinstance(booking, Booking)
    assert sum(use.points for use in booking.uses) == 100
    assert booking.detail == (("covered", covered),)
    assert figures(account) == left


def test_a_return_pays_the_debt_first() -> None:
    account = make_account(make_lot(1, 60))
    booking = decide(account, offline(100), make_certificate(), loss="member")
    assert isinstance(booking, Booking)
    account.give_back(list(booking.uses), 70, grace=GRACE)
    assert figures(account) == (30, 0, 30)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"till": "4"}, "certificate_other"),
        ({"till": None}, "certificate_other"),
        ({"card": "2760000000025"}, "certificate_other"),
        ({"occurred_at": NOON - timedelta(hours=1, microseconds=1)}, "certificate_expired"),
        ({"occurred_at": NOON + timedelta(hours=1, microseconds=1)}, "certificate_expired"),
        ({"counter": 5}, "certificate_counter_used"),
        ({"points": 71}, "certificate_spent"),
    ],
)
def test_outside_the_certificate(changes: dict[str, Any], code: str) -> None:
    certificate = make_certificate(spent=30, counters=[5])
    refusal = decide(make_account(make_lot(1, 500)), offline(70, counter=6).model_copy(update=changes), certificate)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, certificate.spent, certificate.uses) == (code, 30, [])


@pytest.mark.parametrize("certificate", [None, make_certificate(account=8)], ids=["none", "another account's"])
def test_no_such_certificate_of_the_account(certificate: Certificate | None) -> None:
    refusal = decide(make_account(make_lot(1, 500)), offline(70), certificate)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "certificate_unknown"
