"""The real baskets arrive whole, in order, and cut into one purchase per partner."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from coalition.demo import baskets as module
from coalition.demo.baskets import Baskets, BasketsMissingError, Purchase, read_baskets
from coalition.demo.moved_year import MovedYear
from coalition.demo.partners import PARTNERS


def test_a_slice_holds_its_days_in_the_order_of_time(baskets: Baskets, year: MovedYear) -> None:
    moments = [basket.bought_at for basket in baskets]
    assert moments == sorted(moments)
    assert moments[0].date() == date(2026, 10, 11)
    assert moments[-1].date() == date(2026, 10, 31)
    assert moments[-1] <= year.end
    assert len(baskets) == len(moments) > 6_000


def test_the_slice_spans_the_clock_change(baskets: Baskets) -> None:
    """Each basket carries the offset that Berlin had then."""
    offsets = {(basket.bought_at.date() > date(2026, 10, 25), basket.bought_at.strftime("%z")) for basket in baskets}
    assert {(False, "+0200"), (True, "+0100")} <= offsets
    assert (True, "+0200") not in offsets


def test_every_partner_appears_once_in_a_basket_and_sells_somewhere(baskets: Baskets) -> None:
    seen: set[str] = set()
    for basket in baskets:
        slugs = [purchase.partner_slug for purchase in basket.purchases]
        assert slugs
        assert len(slugs) == len(set(slugs))
        seen.update(slugs)
    assert seen == {partner.slug for partner in PARTNERS}


def test_the_amounts_of_lines_and_rates_agree(baskets: Baskets) -> None:
    """A purchase is the sum of its lines, each above zero, and of its VAT rates."""
    for basket in baskets:
        for purchase in basket.purchases:
            assert min(purchase.lines_minor) > 0
            assert purchase.amount_minor == sum(amount for _, amount in purchase.vat_minor)
            assert [rate for rate, _ in purchase.vat_minor] in (["7"], ["19"], ["7", "19"])


def test_supermarkets_own_different_stores(baskets: Baskets) -> None:
    shops = baskets.shops_by_partner()
    chains = [set(shops[slug]) for slug in ("auenmarkt", "talhof", "hansekorb")]
    assert all(chains)
    assert sum(len(chain) for chain in chains) == len(set.union(*chains))
    for basket in baskets:
        for purchase in basket.purchases:
            assert basket.shop in shops[purchase.partner_slug]


def test_the_last_day_of_the_data_is_read_to_the_cent() -> None:
    """Its lines that earn points come to 16,028.26; the last basket is bacon, milk, dough, and juice at 19 %."""
    year = MovedYear(date(2017, 12, 31), datetime(2018, 1, 1, 12, tzinfo=UTC))
    day = list(read_baskets(year=year, days=1))
    assert sum(purchase.amount for basket in day for purchase in basket.purchases) == Decimal("16028.26")
    assert len(day) == 509
    last = day[-1]
    assert (last.basket_id, last.household_id, last.shop) == ("41453083334", 2070, "00311")
    assert last.bought_at.isoformat() == "2017-12-31T23:01:20+01:00"
    assert last.purchases == (Purchase("auenmarkt", (500, 260, 119, 173), (("7", 879), ("19", 173))),)
    assert last.purchases[0].amount == Decimal("10.52")


def test_missing_data_says_what_to_install(year: MovedYear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DATA_PACKAGE", "no_such_package")
    with pytest.raises(BasketsMissingError, match='extra "demo"'):
        read_baskets(year=year, days=1)
