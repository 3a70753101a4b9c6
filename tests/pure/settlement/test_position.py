"""The pool model reproduces the worked examples to the cent."""

from decimal import Decimal

import pytest

from settlement.engine.money import Currency
from settlement.engine.netting import Payment, net_out
from settlement.engine.position import position_of
from settlement.errors import MixedCurrencyError, UnknownTermsError
from tests.pure.settlement.examples import EUR, RICH_TERMS, RICH_TOTALS, make_terms, priced, total

A, B, C = 1, 2, 3


def test_worked_example_1_three_partners_without_fees() -> None:
    """A pays 7,500.00, B is paid 5,000.00, C pays 1,500.00; the fund gets 4,000.00 = 0.01 * 400,000 points."""
    lines = priced(
        [
            total(A, "issued", 1_200_000),
            total(A, "redeemed", 450_000),
            total(B, "issued", 300_000),
            total(B, "redeemed", 800_000),
            total(C, "issued", 500_000),
            total(C, "redeemed", 350_000),
        ],
        *(make_terms(partner) for partner in (A, B, C)),
    )
    netting = net_out(lines, EUR)
    assert netting.payments == (
        Payment(partner=A, direction="to_operator", amount=Decimal("7500.00")),
        Payment(partner=B, direction="to_partner", amount=Decimal("5000.00")),
        Payment(partner=C, direction="to_operator", amount=Decimal("1500.00")),
    )
    assert netting.payments_gross == 6
    assert netting.operator.total == netting.operator.fund_growth == Decimal("4000.00")


def test_worked_example_2_fees_commission_and_breakage() -> None:
    """Sponsors pay 12,000.00, redeemers get 9,215.00, the operator keeps 2,785.00."""
    sponsor, redeemer = make_terms(A, service_fee=Decimal("0.002")), make_terms(B, commission=Decimal("0.03"))
    lines = priced([total(A, "issued", 1_000_000), total(B, "redeemed", 950_000)], sponsor, redeemer)
    netting = net_out(lines, EUR)
    assert [position.net for position in netting.positions] == [Decimal("12000.00"), Decimal("-9215.00")]
    operator = netting.operator
    assert operator.service_fees == Decimal("2000.00")
    assert operator.commissions == Decimal("285.00")
    assert operator.fund_growth == Decimal("500.00")
    assert operator.total == Decimal("2785.00")


def test_charge_credit_and_platform_fee_make_the_net() -> None:
    lines = priced(RICH_TOTALS, *RICH_TERMS, platform=True)[12]
    position = position_of(12, lines, EUR)
    assert position.charge == Decimal("18833.13")
    assert position.credit == Decimal("5098.22")
    assert position.platform_fee == Decimal("250.00")
    assert position.net == Decimal("13984.91")


def test_reversals_are_lines_of_their_own_at_the_prices_of_their_originals() -> None:
    """Points issued at 0.02 and taken back after the price fell to 0.01 are paid back at 0.02."""
    lines = priced(
        [total(A, "issued", 1000, terms_version=2), total(A, "issue_reversed", 400, terms_version=1)],
        make_terms(A, 1, issue_price=Decimal("0.02")),
        make_terms(A, 2, issue_price=Decimal("0.01")),
    )[A]
    assert [(line.code, line.terms_version, str(line.amount)) for line in lines] == [
        ("issue_charge", 2, "10.00"),
        ("issue_charge_reversed", 1, "-8.00"),
    ]


def test_a_line_is_rounded_once_over_all_rates_of_origin() -> None:
    """0.005 twice is 0.01, not 0.01 twice: rates of origin are added up before the rounding."""
    terms = make_terms(A, issue_price=Decimal("0.001"))
    lines = priced([total(A, "issued", 5, vat="19"), total(A, "issued", 5, vat="7")], terms)[A]
    assert [str(line.amount) for line in lines] == ["0.01"]


def test_a_commission_is_taken_of_the_exact_credit() -> None:
    """150 points at 0.0033 are 0.495, shown as 0.50; half of it is 0.2475, so 0.25, from the exact figure."""
    terms = make_terms(A, redemption_price=Decimal("0.0033"), commission=Decimal("0.5"))
    lines = priced([total(A, "redeemed", 150)], terms)[A]
    assert [(line.code, str(line.amount)) for line in lines] == [("redemption_credit", "-0.50"), ("commission", "0.25")]


def test_each_operation_is_counted_on_one_line() -> None:
    lines = priced(RICH_TOTALS, *RICH_TERMS, platform=True)[12]
    assert sum(line.operations for line in lines) == sum(total.operations for total in RICH_TOTALS)


def test_a_line_of_no_money_still_counts_its_operations() -> None:
    lines = priced([total(A, "issued", 500)], make_terms(A, issue_price=Decimal(0)))[A]
    assert [(line.code, str(line.amount), line.operations) for line in lines] == [("issue_charge", "0.00", 5)]


def test_a_partner_without_operations_owes_its_platform_fee_alone() -> None:
    lines = priced([], make_terms(A, platform_fee=Decimal("49.90")), platform=True)
    assert [str(line.amount) for line in lines[A]] == ["49.90"]
    assert net_out(lines, EUR).operator.platform_fees == Decimal("49.90")


def test_an_empty_window_nets_to_nothing() -> None:
    netting = net_out({}, EUR)
    assert netting.payments == ()
    assert netting.operator.total == 0


def test_a_partner_whose_lines_cancel_out_pays_nothing() -> None:
    netting = net_out(priced([total(A, "issued", 100), total(A, "redeemed", 100)], make_terms(A)), EUR)
    assert netting.payments == ()
    assert netting.payments_gross == 2


def test_totals_without_terms_are_refused() -> None:
    with pytest.raises(UnknownTermsError, match="partner 1 has no terms version 9"):
        priced([total(A, "issued", 1, terms_version=9)], make_terms(A))


def test_terms_in_another_currency_are_refused() -> None:
    with pytest.raises(MixedCurrencyError, match="settles in EUR, but terms are in CHF"):
        priced([total(A, "issued", 1)], make_terms(A, currency=Currency("CHF")))
