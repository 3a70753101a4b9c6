"""How a line is taxed: category, rate and country, as EN 16931 names them.

As text: `S 19 DE` (with a rate), `E DE` (without one), `O` (not subject to VAT, so of no country either).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from settlement.engine.country import COUNTRIES
from settlement.errors import FieldProblem, InvalidTermsError

# S standard or reduced, L Canary Islands (IGIC), M Ceuta and Melilla (IPSI), Z zero, E exempt, AE reverse charge,
# K intra-community supply, G export, O not subject to VAT: the codes of UNTDID 5305 that EN 16931 has rules for.
VatCategory = Literal["S", "L", "M", "Z", "E", "AE", "K", "G", "O"]
VAT_CATEGORIES: Final[tuple[VatCategory, ...]] = get_args(VatCategory)
WITH_RATE: Final[tuple[VatCategory, ...]] = ("S", "L", "M")

_TEXT: Final = re.compile(r"(?:(S|L|M) (\d{1,2}(?:\.\d{1,2})?)|(Z|E|AE|K|G)) ([A-Z]{2})|O")
TEXT_FORMS: Final = "'S 19 DE', 'E DE' or 'O'"


@dataclass(frozen=True, slots=True)
class VatTreatment:
    """`rate` is in per cent; `country` is where the tax is due (ISO 3166-1 alpha-2), None for O alone."""

    category: VatCategory = "O"
    rate: Decimal = Decimal(0)
    country: str | None = None

    @property
    def sort_key(self) -> tuple[int, Decimal, str]:
        """The order in which a breakdown lists treatments."""
        return VAT_CATEGORIES.index(self.category), -self.rate, self.country or ""

    def __str__(self) -> str:
        rate = format(self.rate, "f")
        rate = rate.rstrip("0").rstrip(".") if "." in rate else rate
        parts = (self.category, rate if self.category in WITH_RATE else "", self.country or "")
        return " ".join(part for part in parts if part)


NOT_SUBJECT: Final = VatTreatment()


def parse_vat(text: str, *, field: str) -> VatTreatment:
    """Return the treatment that a text names.

    Raises:
        InvalidTermsError: the text is none of a treatment.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        problem = f"must be VAT like {TEXT_FORMS} (category of EN 16931, rate, country), not {text[:40]!r}"
        raise InvalidTermsError(problems=[FieldProblem(field=field, problem=problem)])
    taxed, rate, untaxed, country = found.groups()
    named = taxed or untaxed or NOT_SUBJECT.category
    category = next(known for known in VAT_CATEGORIES if known == named)
    return VatTreatment(category, Decimal(rate or 0), country)


def vat_problems(field: str, vat: VatTreatment) -> Iterator[FieldProblem]:
    """Tell what is wrong with a treatment, for the field that it stands in."""
    if vat.category not in VAT_CATEGORIES:
        known = ", ".join(VAT_CATEGORIES)
        yield FieldProblem(field=field, problem=f"must be of a category of EN 16931 ({known}), not {vat.category!r}")
    elif _TEXT.fullmatch(str(vat)) is None:
        problem = f"must be like {TEXT_FORMS}, with a rate of 0 to 99.99 of 2 decimals at most, not {str(vat)!r}"
        yield FieldProblem(field=field, problem=problem)
    elif vat.country is not None and vat.country not in COUNTRIES:
        yield FieldProblem(field=field, problem=f"must name a country of ISO 3166-1, not {vat.country}")
    elif vat.rate and vat.category not in WITH_RATE:
        yield FieldProblem(field=field, problem=f"must have no rate in category {vat.category}: {vat.rate}")
    elif not vat.rate and vat.category == "S":
        yield FieldProblem(field=field, problem="must have a rate above 0 in category S (EN 16931, BR-S-5)")
