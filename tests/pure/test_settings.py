"""Settings that contradict each other are refused, and the message says what was expected."""

import pytest

from coalition.config import load_settings
from coalition.errors import SettingError


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
