"""A window begins, for sales, where the sales before it ended."""

from datetime import UTC, datetime

import pytest

from settlement.engine.prior_period import partners_with_late_items, sales_begin
from tests.pure.settlement.examples import total

OPENED = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sold_until", "begin"),
    [
        (None, None),
        (datetime(2026, 9, 30, 23, 59, tzinfo=UTC), datetime(2026, 9, 30, 23, 59, tzinfo=UTC)),
        (datetime(2026, 10, 1, 0, 9, tzinfo=UTC), OPENED),
    ],
)
def test_it_begins_with_the_last_sale_before_and_at_the_latest_when_it_was_opened(
    sold_until: datetime | None, begin: datetime | None
) -> None:
    """The first window has nothing before it; a clock that runs fast moves nothing."""
    assert sales_begin(opened_at=OPENED, sold_until=sold_until) == begin


def test_only_partners_with_something_late_are_looked_into() -> None:
    late = total(2, "redeemed", 100, first=datetime(2026, 9, 30, tzinfo=UTC))
    totals = [total(1, "issued", 100, first=OPENED), late, total(2, "issued", 100, first=OPENED)]
    assert partners_with_late_items(totals, OPENED) == [2]
    assert partners_with_late_items(totals, None) == []
