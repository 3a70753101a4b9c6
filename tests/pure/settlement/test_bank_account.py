"""Bank details are taken in one spelling, and a wrong character in them is told before it costs a payment."""

import pytest

from settlement.engine.bank_account import Mandate, is_in_sepa
from settlement.errors import InvalidBankAccountError
from tests.pure.settlement.bank_examples import IBAN_OUTSIDE_SEPA, MANDATE, make_account, make_operator_account


def test_details_get_one_spelling() -> None:
    account = make_account(iban="de89 3704 0044 0532 0130 00", bic=None, building="  ", town=" München ")
    assert account.iban == "DE89370400440532013000"
    assert account.bic == "COBADEFFXXX"
    assert (account.address.building, account.address.town) == (None, "München")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"iban": "DE88370400440532013000"}, "iban: expected check digits 89, not 88: a character is wrong"),
        ({"iban": "DE89370400440532013001"}, "iban: expected check digits 62, not 89"),
        ({"iban": "DE8937040044053201300"}, "iban: Invalid IBAN length"),
        ({"iban": "XX12"}, "iban: "),
        ({"iban": ""}, "iban: "),
        ({"iban": "DE89" + "3" * 40}, "iban: expected at most 34 letters and digits"),
        ({"iban": "ＤＥ89370400440532013000"}, "iban: expected at most 34 letters and digits"),
        ({"bic": "COBA"}, "bic: Invalid length"),
        ({"bic": "COBAXXFF"}, "bic: Invalid country code"),
        ({"holder": " "}, "holder: must not be empty"),
        ({"holder": "x" * 71}, "holder: must have at most 70 characters, 71 came"),
        ({"street": "a\nb"}, "street: must not have control characters"),
        ({"town": ""}, "town: must not be empty"),
        ({"country": "Germany"}, "country: expected two capital letters like DE, 'Germany' came"),
        ({"mandate": Mandate(mandate_id="M_1", signed_on=MANDATE.signed_on)}, "mandate_id: expected 1 to 35"),
        ({"creditor_id": "DE97ZZZ09999999999"}, "creditor_id: expected check digits 98, not 97"),
        ({"creditor_id": "98ZZZ"}, "creditor_id: expected a SEPA creditor identifier"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(changes: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidBankAccountError) as refused:
        make_account(**changes)
    (problem,) = refused.value.problems
    assert str(problem).startswith(told)


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidBankAccountError) as refused:
        make_account(iban="DE88370400440532013000", bic="COBA", town="", country="de")
    assert [problem.field for problem in refused.value.problems] == ["town", "country", "iban", "bic"]


def test_sepa_is_more_than_the_euro_and_less_than_the_world() -> None:
    assert is_in_sepa("CH9300762011623852957")
    assert not is_in_sepa(IBAN_OUTSIDE_SEPA)
    assert make_operator_account(creditor_id="DE98 ZZZ0 9999 9999 99").creditor_id == "DE98ZZZ09999999999"
