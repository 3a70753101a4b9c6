"""A dispute takes out of a share what the partner owes by the line, never more; its answer moves all of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.engine.dispute import Claim, LineKey, held_by, resolve
from settlement.engine.line import Line
from settlement.engine.money import Currency
from settlement.engine.vat import VatTreatment
from settlement.errors import InvalidDisputeError

EUR = Currency("EUR")
CHARGE: LineKey = ("issue_charge", 1)
FEE: LineKey = ("service_fee", 1)
CREDIT: LineKey = ("redemption_credit", 1)
LINES = (
    Line(code="issue_charge", terms_version=1, price=Decimal("0.01"), amount=Decimal("100.00")),
    Line(
        code="service_fee",
        terms_version=1,
        price=Decimal("0.001"),
        amount=Decimal("10.00"),
        vat=VatTreatment("S", Decimal(19), "DE"),
    ),
    Line(code="redemption_credit", terms_version=1, price=Decimal("0.01"), amount=Decimal("-70.00")),
)


def claim(amount: str, line: LineKey | None = None) -> Claim:
    return Claim(line=line, operation_ids=() if line else ("o1",), amount=Decimal(amount), reason="wrong")


def held(amount: str, line: LineKey | None = None, **others: str) -> Decimal:
    taken = {key: Decimal(others[key[0]]) for key in (CHARGE, FEE, CREDIT) if key[0] in others}
    return held_by(claim(amount, line), LINES, taken, EUR)


def test_what_is_owed_by_the_line_is_held_out_with_its_vat() -> None:
    assert held("100.00", CHARGE) == Decimal("100.00")
    assert held("11.90", FEE) == Decimal("11.90")
    assert held("111.90") == Decimal("111.90")


def test_a_claim_for_more_credit_takes_nothing_out() -> None:
    assert held("500.00", CREDIT) == 0


def test_no_more_is_held_out_than_there_is() -> None:
    with pytest.raises(InvalidDisputeError, match=r"amount: expected at most 11\.90, .* got 11\.91"):
        held("11.91", FEE)
    with pytest.raises(InvalidDisputeError, match=r"at most 40\.00"):
        held("41.00", CHARGE, issue_charge="60.00")
    with pytest.raises(InvalidDisputeError, match=r"at most 51\.90"):
        held("52.00", None, issue_charge="60.00", redemption_credit="500.00")


def test_a_line_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidDisputeError, match=r"line: expected a line of the statement \(issue_charge of terms"):
        held("1.00", ("platform_fee", 1))


@given(held_minor=st.integers(0, 10**9), accepted_minor=st.integers(0, 10**9))
def test_an_answer_moves_all_that_was_held(held_minor: int, accepted_minor: int) -> None:
    moved = resolve(held=Decimal(held_minor).scaleb(-2), accepted=Decimal(accepted_minor).scaleb(-2))
    assert moved.still_held + moved.released == Decimal(held_minor).scaleb(-2)
    assert min(moved.still_held, moved.released) >= 0
    assert moved.still_held <= Decimal(accepted_minor).scaleb(-2)
