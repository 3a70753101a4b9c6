"""A tail ends with the day of the same number, or the last of a shorter month, in the programme's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from settlement.engine.leaving import tail_end


@pytest.mark.parametrize(
    ("announced", "months", "end"),
    [
        ("2026-11-22T09:00", 3, "2027-02-22T23:00"),
        ("2026-11-30T09:00", 3, "2027-02-28T23:00"),
        ("2026-01-31T09:00", 3, "2026-04-30T22:00"),
        # In Berlin it is December already.
        ("2026-11-30T23:30", 1, "2027-01-01T23:00"),
        ("2026-11-22T09:00", 0, "2026-11-22T09:00"),
        ("2026-12-31T09:00", 12, "2027-12-31T23:00"),
    ],
)
def test_the_last_day_is_whole(announced: str, months: int, end: str) -> None:
    moment = datetime.fromisoformat(announced).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert tail_end(moment, tail_months=months, zone=ZoneInfo("Europe/Berlin")) == expected
