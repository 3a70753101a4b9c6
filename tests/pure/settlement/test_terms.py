"""Terms that break a limit are refused with every field at fault."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from settlement.engine.money import Currency
from settlement.engine.terms import terms_valid_at
from settlement.errors import InvalidTermsError
from tests.pure.settlement.examples import make_terms


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("issue_price", Decimal("-0.01"), "must not be negative: -0.01"),
        ("service_fee", Decimal("0.0000001"), "at most 6 decimals"),
        ("service_fee", Decimal(f"0.01{'0' * 40}1"), "at most 6 decimals"),
        ("redemption_price", Decimal("1000000"), "must be at most 999999.999999"),
        ("issue_price", Decimal("NaN"), "must be a number"),
        ("issue_price", Decimal("Infinity"), "must be a number"),
        ("issue_price", 0.01, "must be a Decimal, not float"),
        ("commission", Decimal("3"), "at most 1 (a fraction)"),
        ("commission", Decimal("-0.03"), "must not be negative"),
        ("platform_fee", Decimal("9.999"), "at most 2 decimals"),
        ("version", 0, "must be 1 or more"),
        ("valid_from", datetime(2026, 1, 1), "must name its time zone"),  # noqa: DTZ001 - the fault under test
    ],
)
def test_a_bad_field_is_named_with_what_is_wrong(field: str, value: object, problem: str) -> None:
    with pytest.raises(InvalidTermsError) as refused:
        make_terms(**{field: value})
    (found,) = refused.value.problems
    assert found.field == field
    assert problem in found.problem


def test_a_fee_has_two_decimals_at_most_also_where_the_currency_has_three() -> None:
    """What is kept has no more, and would be rounded."""
    with pytest.raises(InvalidTermsError, match="platform_fee: must have at most 2 decimals"):
        make_terms(currency=Currency("KWD", 3), platform_fee=Decimal("0.001"))


def test_all_bad_fields_are_told_at_once() -> None:
    with pytest.raises(InvalidTermsError) as refused:
        make_terms(issue_price=Decimal(-1), commission=Decimal(2), platform_fee=Decimal("0.001"))
    assert [problem.field for problem in refused.value.problems] == ["issue_price", "commission", "platform_fee"]


def test_zeros_behind_the_sixth_decimal_are_not_precision() -> None:
    assert make_terms(issue_price=Decimal("0.0100000000")).issue_price == Decimal("0.01")


def test_the_version_valid_at_a_moment_is_the_last_one_that_had_begun() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    versions = [make_terms(version=number, valid_from=start + timedelta(days=30 * number)) for number in (3, 1, 2)]
    second = start + timedelta(days=60)
    assert terms_valid_at(versions, start) is None
    assert terms_valid_at(versions, second - timedelta(microseconds=1)) == versions[1]
    assert terms_valid_at(versions, second) == versions[2]
    assert terms_valid_at(versions, start + timedelta(days=999)) == versions[0]
