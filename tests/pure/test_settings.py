"""Settings that contradict each other are refused, and the message says what was expected."""

from decimal import Decimal

import pytest

from coalition.cli.passed_over import passed_over
from coalition.config import load_settings
from coalition.errors import SettingError
from coalition.ledger.expiry import ExpiryRule
from coalition.stores.programme import Programme


@pytest.mark.parametrize("rule", ["never", "inactivity"])
def test_rules_that_need_more_than_time_are_lawful_everywhere(rule: str) -> None:
    programme = load_settings(expiry_by_time=False, expiry_rule=rule).programme
    assert (programme.expiry_by_time, programme.expiry_rule) == (False, rule)


@pytest.mark.parametrize("given", [{}, {"expiry_rule": "yearly"}, {"expiry_rule": "after_months"}])
def test_where_time_alone_may_end_nothing_no_such_rule_is_taken(given: dict[str, str]) -> None:
    """Not even the default one, which nobody has chosen."""
    came = given.get("expiry_rule", "end_of_month")
    with pytest.raises(SettingError) as refused:
        load_settings(expiry_by_time=False, **given)
    told = str(refused.value)
    assert "COALITION_EXPIRY_RULE" in told
    assert "expected never or inactivity, since COALITION_EXPIRY_BY_TIME is false" in told
    assert repr(came) in told


@pytest.mark.parametrize("days", [0, 367])
def test_notices_come_one_day_to_a_year_before(days: int) -> None:
    with pytest.raises(SettingError, match="COALITION_EXPIRY_NOTICE_DAYS"):
        load_settings(expiry_notice_days=days)


def test_what_was_fixed_when_the_database_was_made_is_told_only_where_it_is_given_and_differs() -> None:
    programme = Programme("Points", "EUR", 2, "Europe/Berlin", Decimal("0.010"), 16, ExpiryRule("yearly", 12), 30)
    assert passed_over(load_settings(), programme) == []
    given = load_settings(lanes=4, point_value="0.01", time_zone="Europe/Vienna", expiry_rule="end_of_month")
    assert passed_over(given, programme) == [
        ("COALITION_EXPIRY_RULE", "end_of_month", "yearly"),
        ("COALITION_LANES", 4, 16),
        ("COALITION_TIME_ZONE", "Europe/Vienna", "Europe/Berlin"),
    ]
