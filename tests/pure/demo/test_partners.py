"""The partners differ, and no product of a store has two sellers."""

from decimal import Decimal

import pytest

from coalition.demo.goods import vat_rate
from coalition.demo.partners import PARTNERS, POINT_VALUE, sellers_of


def test_partners_are_many_and_distinct() -> None:
    assert 8 <= len(PARTNERS) <= 12
    assert len({partner.slug for partner in PARTNERS}) == len(PARTNERS)
    assert len({partner.name for partner in PARTNERS}) == len(PARTNERS)


def test_terms_lie_in_their_bounds() -> None:
    for partner in PARTNERS:
        assert partner.issue_price == partner.redemption_price == POINT_VALUE
        assert Decimal("0.0005") <= partner.service_fee <= Decimal("0.0020")
        assert 0 <= partner.commission <= Decimal("0.03")
        assert 0 <= partner.platform_fee <= 500
        assert 0 < partner.earn_rate <= 5


def test_a_product_has_one_seller_per_store() -> None:
    """Whatever names a partner claims, each store's product goes to one of them."""
    departments = sorted(set().union(*(partner.departments for partner in PARTNERS)))
    categories = sorted(set().union(*(partner.categories for partner in PARTNERS)))
    for department, category in [(name, "") for name in departments] + [("", name) for name in categories]:
        for store_id in (1, 369, 370, 439, 440, 34_280):
            sellers = [seller for seller in sellers_of(department, category) if seller.has_store(store_id)]
            assert len(sellers) == 1, (department, category, store_id)


@pytest.mark.parametrize(
    ("department", "category", "slug"),
    [
        ("PASTRY", "BREAD", "morgenrot"),
        ("GROCERY", "DOG FOODS", "pfotenland"),
        ("DRUG GM", "MAGAZINE", "papierkiste"),
        ("DRUG GM", "DIAPERS & DISPOSABLES", "morgentau"),
        ("FUEL", "COUPON/MISC ITEMS", "meilenstein"),
    ],
)
def test_a_category_goes_before_its_department(department: str, category: str, slug: str) -> None:
    assert [seller.slug for seller in sellers_of(department, category)] == [slug]


def test_tobacco_and_coupons_earn_nothing() -> None:
    assert sellers_of("DRUG GM", "CIGARETTES") == ()
    assert sellers_of("COUPON", "") == ()


@pytest.mark.parametrize(
    ("department", "category", "rate"),
    [
        ("GROCERY", "CHEESE", "7"),
        ("GROCERY", "BEERS/ALES", "19"),
        ("SPIRITS", "LIQUOR", "19"),
        ("DRUG GM", "HAIR CARE PRODUCTS", "19"),
        ("DRUG GM", "BOOKSTORE", "7"),
        ("FUEL", "FUEL", "19"),
    ],
)
def test_food_and_print_bear_the_reduced_rate(department: str, category: str, rate: str) -> None:
    assert vat_rate(department, category) == rate
