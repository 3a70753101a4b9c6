"""The demo's simulated bank: it does what the SEPA files ask for, and tells it so that the service can read it."""

from decimal import Decimal

from coalition.demo.bank import carry_out
from settlement.documents.camt053 import read_camt053
from settlement.documents.payment_xml import write_debits, write_transfers
from settlement.engine.match_payments import named_shares
from settlement.engine.payment_reference import ShareReference
from tests.pure.settlement.bank_examples import OPERATOR_IBAN, make_order


def test_it_pays_transfers_and_collects_debits_in_full() -> None:
    """Every payment is an entry that names its share; the service's own reader finds that the balances tie out."""
    order = make_order()
    files = [write_transfers(order), write_debits(order)]
    made = carry_out(files, number=3, iban=OPERATOR_IBAN, opening=Decimal("100.00"))
    (statement,) = read_camt053(made.content)
    expected = {ShareReference(7, payment.partner): -payment.amount for payment in order.transfers}
    expected |= {ShareReference(7, payment.partner): payment.amount for payment in order.debits}
    paid = {
        share: part.amount for entry in statement.entries for part in entry.parts for share in named_shares(part, {})
    }
    assert paid == expected
    assert {entry.booked_on for entry in statement.entries} == {order.pay_on}
    assert (statement.opening, statement.closing) == (Decimal("100.00"), made.closing)
    assert made.closing == Decimal("100.00") + sum(expected.values())


def test_an_account_may_be_overdrawn_and_a_month_may_be_without_payments() -> None:
    opening = Decimal("-5.00")
    (statement,) = read_camt053(carry_out([], number=1, iban=OPERATOR_IBAN, opening=opening).content)
    assert (statement.entries, statement.opening, statement.closing) == ((), opening, opening)
