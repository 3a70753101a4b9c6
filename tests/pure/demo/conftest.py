"""Three weeks of the real baskets, read once, and baskets by hand for what those may not hold."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from coalition.demo.baskets import Basket, Baskets, Purchase, read_baskets
from coalition.demo.moved_year import MovedYear, shop_time
from coalition.demo.plan import PlannedOperation, plan_operations

DAYS = 21
# The clocks go back on 25 October, within the slice.
TODAY = date(2026, 10, 31)
NOW = datetime(2026, 10, 31, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def year() -> MovedYear:
    return MovedYear(TODAY, NOW)


@pytest.fixture(scope="session")
def baskets(year: MovedYear) -> Baskets:
    return read_baskets(year=year, days=DAYS)


@pytest.fixture(scope="session")
def plan(baskets: Baskets, year: MovedYear) -> list[PlannedOperation]:
    return list(plan_operations(baskets, end=year.end))


@pytest.fixture
def make_basket() -> Callable[..., Basket]:
    """A basket of household 1 on a day of June, at noon: one line of 4.00 EUR at Auenmarkt, or the lines given."""

    def make(*, day: int, lines_minor: dict[str, tuple[int, ...]] | None = None, household_id: int = 1) -> Basket:
        lines_minor = lines_minor or {"auenmarkt": (400,)}
        return Basket(
            basket_id=f"{household_id}-{day}",
            household_id=household_id,
            shop="00001",
            till="1",
            bought_at=shop_time(datetime(2026, 6, day, 12, 0)),  # noqa: DTZ001  a wall time
            purchases=tuple(
                Purchase(partner_slug=slug, lines_minor=lines, vat_minor=(("7", sum(lines)),))
                for slug, lines in lines_minor.items()
            ),
        )

    return make
