"""What kind of goods the products of the data are: which earn no points, and which VAT rate each bears.

A product of the data has a department (GROCERY, PRODUCE, ...) and, within it, a category.
"""

STANDARD_RATE = "19"
REDUCED_RATE = "7"

SUPERMARKET_DEPARTMENTS = frozenset(
    {
        "CNTRL/STORE SUP",
        "FROZEN GROCERY",
        "GROCERY",
        "MEAT-PCKGD",
        "PROD-WHS SALES",
        "PRODUCE",
        "SPIRITS",
        "TRAVEL & LEISURE",
    }
)
SWEETS = frozenset({"CANDY - CHECKLANE", "CANDY - PACKAGED"})

# As in the programmes of the field: no points on tobacco, lottery, deposits and credit for telephones.
_WITHOUT_POINTS = frozenset(
    {
        "CIGARETTES",
        "CIGARS",
        "TOBACCO OTHER",
        "TICKETS",
        "BOTTLE DEPOSITS",
        "PREPAID WIRELESS&ACCESSORIES",
        "LONG DISTANCE CALLING CARDS",
    }
)

# A picture of the German rates, good enough for a demo: food, flowers and print are reduced.
_REDUCED_DEPARTMENTS = SUPERMARKET_DEPARTMENTS - {"SPIRITS"} | frozenset(
    {
        "NUTRITION",
        "MEAT",
        "DELI",
        "SALAD BAR",
        "CHEF SHOPPE",
        "RESTAURANT",
        "SEAFOOD",
        "SEAFOOD-PCKGD",
        "PASTRY",
        "FLORAL",
    }
)
_REDUCED_CATEGORIES = SWEETS | frozenset(
    {
        "BABY FOODS",
        "BOOKSTORE",
        "INFANT FORMULA",
        "MAGAZINE",
        "NEWSPAPER",
    }
)
_STANDARD_CATEGORIES = frozenset(
    {
        "AIR CARE",
        "BATH TISSUES",
        "BEERS/ALES",
        "BLEACH",
        "CANNED JUICES",
        "CAT LITTER",
        "DISHWASH DETERGENTS",
        "DOMESTIC WINE",
        "FACIAL TISS/DNR NAPKIN",
        "FD WRAPS/BAGS/TRSH BG",
        "FLORAL- HARD GOODS",
        "FLORAL BALLOONS",
        "FLORAL-ACCESSORIES",
        "FRZN JCE CONC/DRNKS",
        "HOUSEHOLD CLEANG NEEDS",
        "IMPORTED WINE",
        "ISOTONIC DRINKS",
        "JUICE",
        "LAUNDRY ADDITIVES",
        "LAUNDRY DETERGENTS",
        "LIQUOR",
        "MISC WINE",
        "NEW AGE",
        "PAPER HOUSEWARES",
        "PAPER TOWELS",
        "PET CARE SUPPLIES",
        "REFRGRATD JUICES/DRNKS",
        "SOFT DRINKS",
        "VITAMINS",
        "WATER - CARBONATED/FLVRD DRINK",
        "WATER",
    }
)


def earns_points(category: str) -> bool:
    return category not in _WITHOUT_POINTS


def vat_rate(department: str, category: str) -> str:
    """Return the VAT rate of a product in per cent, as the wire writes it."""
    if category in _STANDARD_CATEGORIES:
        return STANDARD_RATE
    is_reduced = department in _REDUCED_DEPARTMENTS or category in _REDUCED_CATEGORIES
    return REDUCED_RATE if is_reduced else STANDARD_RATE
