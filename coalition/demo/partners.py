"""The invented partners of the demo: what each sells, and on which terms it takes part.

A product of the data has a department and a category. Three supermarket chains share the same departments and own
different stores; each other partner has a counter in every store of the data. A category that a partner names for
itself goes there, whatever its department.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

from coalition.demo.goods import SUPERMARKET_DEPARTMENTS, SWEETS, earns_points

POINT_VALUE = Decimal("0.01")
CURRENCY = "EUR"
# What the operator charges is a service at the standard rate; a redemption is taxed as what the partner sells.
STANDARD_VAT, REDUCED_VAT = "S 19 DE", "S 7 DE"


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner and its terms (amounts in EUR without VAT; prices and fees per point).

    `block_points`: it prepays, and buys so many points whenever less than a quarter of that is left.
    """

    name: str
    slug: str
    trade: str
    earn_rate: Decimal
    """Points for one EUR of a purchase."""
    service_fee: Decimal
    commission: Decimal
    """Share of the redemption price that the operator keeps: 0.02 is 2 %."""
    platform_fee: Decimal
    """For each window."""
    issue_price: Decimal = POINT_VALUE
    redemption_price: Decimal = POINT_VALUE
    redemption_vat: str = STANDARD_VAT
    funding: Literal["pool", "issuer_pays", "prepaid"] = "pool"
    block_points: int = 0
    departments: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    stores: range | None = None
    """The ids of its stores; None: every store."""
    takes_returns: bool = True

    def has_store(self, store_id: int) -> bool:
        return self.stores is None or store_id in self.stores


PARTNERS: tuple[Partner, ...] = (
    Partner(
        name="Auenmarkt",
        slug="auenmarkt",
        trade="supermarkets",
        earn_rate=Decimal("1"),
        service_fee=Decimal("0.0005"),
        commission=Decimal("0.005"),
        platform_fee=Decimal("500.00"),
        redemption_vat=REDUCED_VAT,
        departments=SUPERMARKET_DEPARTMENTS,
        categories=SWEETS,
        stores=range(370),
    ),
    Partner(
        name="Talhof Supermärkte",
        slug="talhof",
        trade="supermarkets",
        earn_rate=Decimal("1.5"),
        service_fee=Decimal("0.0008"),
        commission=Decimal("0.01"),
        platform_fee=Decimal("350.00"),
        redemption_vat=REDUCED_VAT,
        departments=SUPERMARKET_DEPARTMENTS,
        categories=SWEETS,
        stores=range(370, 440),
    ),
    Partner(
        name="Hansekorb",
        slug="hansekorb",
        trade="supermarkets",
        earn_rate=Decimal("2"),
        service_fee=Decimal("0.001"),
        commission=Decimal("0.01"),
        platform_fee=Decimal("250.00"),
        redemption_vat=REDUCED_VAT,
        departments=SUPERMARKET_DEPARTMENTS,
        categories=SWEETS,
        stores=range(440, 100_000),
    ),
    Partner(
        name="Drogerie Morgentau",
        slug="morgentau",
        trade="drug stores",
        earn_rate=Decimal("2"),
        service_fee=Decimal("0.001"),
        commission=Decimal("0.015"),
        platform_fee=Decimal("300.00"),
        departments=frozenset({"DRUG GM", "COSMETICS", "GM MERCH EXP", "PHOTO & VIDEO", "ELECT &PLUMBING"}),
    ),
    Partner(
        name="Reformhaus Quellgrund",
        slug="quellgrund",
        trade="organic food",
        earn_rate=Decimal("3"),
        service_fee=Decimal("0.0015"),
        commission=Decimal("0.02"),
        platform_fee=Decimal("60.00"),
        redemption_vat=REDUCED_VAT,
        departments=frozenset({"NUTRITION"}),
        categories=frozenset({"ORGANICS FRUIT & VEGETABLES", "RESTRICTED DIET", "VITAMINS"}),
    ),
    Partner(
        name="Meilenstein Tankstellen",
        slug="meilenstein",
        trade="fuel",
        earn_rate=Decimal("0.5"),
        service_fee=Decimal("0.0005"),
        commission=Decimal("0"),
        platform_fee=Decimal("200.00"),
        funding="prepaid",
        block_points=20_000,
        departments=frozenset({"FUEL", "MISCELLANEOUS", "AUTOMOTIVE"}),
        categories=frozenset({"AUTOMOTIVE PRODUCTS", "PROPANE"}),
        takes_returns=False,
    ),
    Partner(
        name="Metzgerei Hollerbach",
        slug="hollerbach",
        trade="butchers",
        earn_rate=Decimal("1"),
        service_fee=Decimal("0.0012"),
        commission=Decimal("0.015"),
        platform_fee=Decimal("120.00"),
        redemption_vat=REDUCED_VAT,
        departments=frozenset({"MEAT"}),
    ),
    Partner(
        name="Feinkost Delmare",
        slug="delmare",
        trade="delicatessen and fish",
        earn_rate=Decimal("2.5"),
        service_fee=Decimal("0.0015"),
        commission=Decimal("0.02"),
        platform_fee=Decimal("90.00"),
        redemption_vat=REDUCED_VAT,
        departments=frozenset({"DELI", "SALAD BAR", "CHEF SHOPPE", "RESTAURANT", "SEAFOOD", "SEAFOOD-PCKGD"}),
    ),
    Partner(
        name="Bäckerei Morgenrot",
        slug="morgenrot",
        trade="bakeries",
        earn_rate=Decimal("3"),
        service_fee=Decimal("0.002"),
        commission=Decimal("0.025"),
        platform_fee=Decimal("45.00"),
        redemption_vat=REDUCED_VAT,
        departments=frozenset({"PASTRY"}),
    ),
    Partner(
        name="Blumen & Garten Rosenau",
        slug="rosenau",
        trade="flowers and garden",
        earn_rate=Decimal("5"),
        service_fee=Decimal("0.002"),
        commission=Decimal("0.03"),
        platform_fee=Decimal("0.00"),
        departments=frozenset({"FLORAL", "GARDEN CENTER"}),
        categories=frozenset(
            {"LAWN AND GARDEN SHOP", "SPRING/SUMMER SEASONAL", "CHARCOAL AND LIGHTER FLUID", "CANDLES/ACCESSORIES"}
        ),
    ),
    Partner(
        name="Pfotenland Tierbedarf",
        slug="pfotenland",
        trade="pet supplies",
        earn_rate=Decimal("4"),
        service_fee=Decimal("0.0012"),
        commission=Decimal("0.02"),
        platform_fee=Decimal("75.00"),
        categories=frozenset({"DOG FOODS", "CAT FOOD", "CAT LITTER", "PET CARE SUPPLIES", "BIRD SEED"}),
    ),
    Partner(
        name="Papierkiste",
        slug="papierkiste",
        trade="paper, press and toys",
        earn_rate=Decimal("3"),
        service_fee=Decimal("0.0018"),
        commission=Decimal("0.03"),
        platform_fee=Decimal("25.00"),
        funding="issuer_pays",
        departments=frozenset({"TOYS", "POSTAL CENTER"}),
        categories=frozenset(
            {
                "GREETING CARDS/WRAP/PARTY SPLY",
                "STATIONERY & SCHOOL SUPPLIES",
                "MAGAZINE",
                "NEWSPAPER",
                "BOOKSTORE",
                "TOYS AND GAMES",
                "AUDIO/VIDEO PRODUCTS",
                "CHRISTMAS  SEASONAL",
                "HALLOWEEN",
                "EASTER",
                "VALENTINE",
            }
        ),
    ),
)


def sellers_of(department: str, category: str) -> tuple[Partner, ...]:
    """Return who sells a product of the data; no two of them in one store. None when it earns no points."""
    if not earns_points(category):
        return ()
    by_category, by_department = _ranges()
    return by_category.get(category) or by_department.get(department, ())


@cache
def _ranges() -> tuple[dict[str, tuple[Partner, ...]], dict[str, tuple[Partner, ...]]]:
    """Who sells each category, and who sells each department."""
    return (
        _sellers((category, partner) for partner in PARTNERS for category in partner.categories),
        _sellers((department, partner) for partner in PARTNERS for department in partner.departments),
    )


def _sellers(pairs: Iterable[tuple[str, Partner]]) -> dict[str, tuple[Partner, ...]]:
    sellers: dict[str, tuple[Partner, ...]] = {}
    for goods, partner in pairs:
        sellers[goods] = (*sellers.get(goods, ()), partner)
    return sellers
