"""Who a partner or the operator is in law: what an invoice has to say about its sender and its addressee.

VAT ids are checked by the shape that their country gives them (VIES), not by a register: whether one is valid, only its
tax office can say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, Literal

from email_validator import EmailNotValidError, validate_email

from settlement.engine.country import COUNTRIES
from settlement.errors import FieldProblem, InvalidLegalPartyError

DocumentLanguage = Literal["de", "en"]

# What the fields of payment messages and of the Swiss QR code hold, but for the name, which is cut there.
CHARS_MAX: Final = {
    "legal_name": 100,
    "street": 70,
    "post_code": 16,
    "town": 35,
    "registration": 70,
    "email": 254,
}
_NEEDED: Final = ("legal_name", "street", "post_code", "town")
_TAX_NUMBER: Final = re.compile(r"[0-9A-Z][0-9A-Z ./-]{2,28}[0-9A-Z]")
# The VAT area's prefix of a country, where it is not the country's code.
_VAT_PREFIXES: Final = {"GR": "EL"}
_VAT_SHAPES: Final = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CH": r"E\d{9}(MWST|TVA|IVA)?",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
    "GB": r"(\d{9}|\d{12}|GD\d{3}|HA\d{3})",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"(\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W])",
    "IT": r"\d{11}",
    "LI": r"\d{5}",
    "LT": r"(\d{9}|\d{12})",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "NO": r"\d{9}(MVA)?",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"(\d{9}|\d{12}|GD\d{3}|HA\d{3})",
}
_OTHER_SHAPE: Final = r"[A-Z0-9]{2,18}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalParty:
    """A party's legal data; `country` is an ISO 3166-1 code, `language` that of the documents it gets.

    `registration` is its entry in a register of companies; `tax_number` that of a tax office which gave it no VAT id.
    """

    legal_name: str
    street: str
    post_code: str
    town: str
    country: str
    vat_id: str | None = None
    tax_number: str | None = None
    registration: str | None = None
    email: str | None = None
    language: DocumentLanguage = "en"


def make_legal_party(
    *,
    legal_name: str,
    street: str,
    post_code: str,
    town: str,
    country: str,
    vat_id: str | None = None,
    tax_number: str | None = None,
    registration: str | None = None,
    email: str | None = None,
    language: str = "en",
) -> LegalParty:
    """Return legal data as typed by somebody, in their one spelling.

    An optional field that is empty is not there. A VAT id loses its blanks, dots and dashes.

    Raises:
        InvalidLegalPartyError: names every field that is wrong.
    """
    party = LegalParty(
        legal_name=legal_name.strip(),
        street=street.strip(),
        post_code=post_code.strip(),
        town=town.strip(),
        country=country.strip(),
        vat_id=re.sub(r"[\s.-]", "", vat_id or "") or None,
        tax_number=(tax_number or "").strip() or None,
        registration=(registration or "").strip() or None,
        email=(email or "").strip() or None,
        language="de" if language == "de" else "en",
    )
    problems = [*_problems(party)]
    if language not in ("de", "en"):
        problems.append(FieldProblem(field="language", problem=f"expected de or en, {language[:20]!r} came"))
    if problems:
        raise InvalidLegalPartyError(problems=problems)
    return party


def _problems(party: LegalParty) -> Iterator[FieldProblem]:
    for field in fields(party):
        yield from _text_problems(field.name, getattr(party, field.name))
    if party.country not in COUNTRIES:
        problem = f"expected an ISO 3166-1 code like DE, {party.country[:20]!r} came"
        yield FieldProblem(field="country", problem=problem)
    if party.vat_id is not None:
        yield from _vat_id_problems(party.vat_id)
    if party.tax_number is not None and not _TAX_NUMBER.fullmatch(party.tax_number):
        problem = f"expected 4 to 30 digits, capital letters, blanks or . / -, {party.tax_number[:40]!r} came"
        yield FieldProblem(field="tax_number", problem=problem)
    if party.email is not None and not _is_email(party.email):
        yield FieldProblem(field="email", problem=f"expected an e-mail address, {party.email[:80]!r} came")


def _text_problems(field: str, text: str | None) -> Iterator[FieldProblem]:
    if field in _NEEDED and not text:
        yield FieldProblem(field=field, problem="must not be empty")
    chars_max = CHARS_MAX.get(field)
    if text is None or chars_max is None:
        return
    if len(text) > chars_max:
        yield FieldProblem(field=field, problem=f"must have at most {chars_max} characters, {len(text)} came")
    if any(unicodedata.category(character).startswith("C") for character in text):
        yield FieldProblem(field=field, problem="must not have control characters")


def _vat_id_problems(vat_id: str) -> Iterator[FieldProblem]:
    prefix, rest = vat_id[:2], vat_id[2:]
    if prefix not in COUNTRIES | {"EL", "XI"} or prefix in _VAT_PREFIXES:
        expected = "expected it to begin with a country's code, EL for Greece"
        yield FieldProblem(field="vat_id", problem=f"{expected}, {vat_id[:40]!r} came")
    elif not re.fullmatch(_VAT_SHAPES.get(prefix, _OTHER_SHAPE), rest, re.ASCII):
        yield FieldProblem(field="vat_id", problem=f"does not have the shape of a VAT id of {prefix}: {vat_id[:40]!r}")


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True
