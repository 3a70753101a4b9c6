"""When a webhook is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from coalition.webhooks.schedule import GIVE_UP_AFTER, is_given_up, next_attempt_at

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "pause_s"), [(1, 5), (2, 15), (3, 45), (4, 135), (8, 10_935), (9, 14_400), (10_000, 14_400)]
)
def test_pauses_grow_up_to_hours(failures: int, pause_s: int) -> None:
    assert next_attempt_at(NOW, failures=failures, chance=0.0) == NOW + timedelta(seconds=pause_s)
    assert next_attempt_at(NOW, failures=failures, chance=1.0) == NOW + timedelta(seconds=pause_s / 2)


def test_a_receiver_may_ask_for_more_patience_but_not_for_ever() -> None:
    assert next_attempt_at(NOW, failures=1, chance=1.0, retry_after_s=600) == NOW + timedelta(seconds=600)
    assert next_attempt_at(NOW, failures=3, chance=0.0, retry_after_s=1) == NOW + timedelta(seconds=45)
    assert next_attempt_at(NOW, failures=1, chance=1.0, retry_after_s=999_999) == NOW + timedelta(hours=4)


def test_days_of_failure_end_it() -> None:
    assert not is_given_up(NOW, failing_since=NOW - GIVE_UP_AFTER + timedelta(seconds=1))
    assert is_given_up(NOW, failing_since=NOW - GIVE_UP_AFTER)
    assert timedelta(days=2) <= GIVE_UP_AFTER
