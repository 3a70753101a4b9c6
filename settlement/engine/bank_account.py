"""Bank details: where a party is paid, and the mandate by which it may be debited.

IBANs and BICs are checked as their registries say (ISO 13616, ISO 9362), creditor identifiers by the same check digits
(EPC AT-02). Whether an account exists, nobody but its bank can say.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

from settlement.errors import FieldProblem, InvalidBankAccountError

MandateScheme = Literal["CORE", "B2B"]
MANDATE_SCHEMES: tuple[MandateScheme, ...] = get_args(MandateScheme)

# What a field of the payment messages holds (Max70Text and so on).
HOLDER_CHARS_MAX: Final = 70
STREET_CHARS_MAX: Final = 70
BUILDING_CHARS_MAX: Final = 16
POST_CODE_CHARS_MAX: Final = 16
TOWN_CHARS_MAX: Final = 35
MANDATE_ID_CHARS_MAX: Final = 35
_TEXTS: Final = (
    ("holder", HOLDER_CHARS_MAX),
    ("street", STREET_CHARS_MAX),
    ("building", BUILDING_CHARS_MAX),
    ("post_code", POST_CODE_CHARS_MAX),
    ("town", TOWN_CHARS_MAX),
)
# EPC AT-01: the characters of a mandate's reference.
_MANDATE_ID: Final = re.compile(r"[A-Za-z0-9+?/:().,' -]{1,35}")
_CREDITOR_ID: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostalAddress:
    """A structured address, as payment messages want it from 2026 on; `country` is an ISO 3166 code."""

    street: str | None = None
    building: str | None = None
    post_code: str | None = None
    town: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A partner's leave to debit its account."""

    mandate_id: str
    signed_on: date
    scheme: MandateScheme = "CORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where a party is paid. `creditor_id` is the operator's, by which it may debit; a mandate is a partner's."""

    holder: str
    iban: str
    bic: str | None
    address: PostalAddress
    creditor_id: str | None = None
    mandate: Mandate | None = None


def make_bank_account(
    *,
    holder: str,
    iban: str,
    town: str,
    country: str,
    bic: str | None = None,
    street: str | None = None,
    building: str | None = None,
    post_code: str | None = None,
    creditor_id: str | None = None,
    mandate: Mandate | None = None,
) -> BankAccount:
    """Return bank details as typed by somebody, in their one spelling; a BIC that the IBAN tells is added.

    Raises:
        InvalidBankAccountError: names every field that is wrong.
    """
    texts = {"holder": holder, "street": street, "building": building, "post_code": post_code, "town": town}
    problems = [problem for field, most in _TEXTS for problem in _text_problems(field, texts[field], most)]
    problems += _country_problems(country) + _iban_problems(iban)
    problems += _bic_problems(bic) if bic else []
    problems += _creditor_problems(creditor_id) if creditor_id is not None else []
    problems += _mandate_problems(mandate) if mandate is not None else []
    if problems:
        raise InvalidBankAccountError(problems=problems)
    known = IBAN(iban)
    return BankAccount(
        holder=holder.strip(),
        iban=str(known),
        bic=str(BIC(bic)) if bic else (str(known.bic) if known.bic else None),
        address=PostalAddress(
            street=_clean(street),
            building=_clean(building),
            post_code=_clean(post_code),
            town=town.strip(),
            country=country,
        ),
        creditor_id=None if creditor_id is None else creditor_id.replace(" ", ""),
        mandate=mandate,
    )


def is_in_sepa(iban: str) -> bool:
    """Say whether an account can be reached by SEPA payments."""
    return IBAN(iban).in_sepa_zone


def masked_iban(iban: str) -> str:
    """Return an IBAN as it is shown where the whole is not needed: DE89 … 3000."""
    return f"{iban[:4]} … {iban[-4:]}"


def _clean(text: str | None) -> str | None:
    return (text or "").strip() or None


def _text_problems(field: str, text: str | None, chars_max: int) -> list[FieldProblem]:
    if text is None:
        return []
    stripped = text.strip()
    if not stripped and field in ("holder", "town"):
        return [FieldProblem(field=field, problem="must not be empty")]
    if len(stripped) > chars_max:
        problem = f"must have at most {chars_max} characters, {len(stripped)} came"
        return [FieldProblem(field=field, problem=problem)]
    if any(unicodedata.category(character).startswith("C") for character in stripped):
        return [FieldProblem(field=field, problem="must not have control characters")]
    return []


def _country_problems(country: str) -> list[FieldProblem]:
    if re.fullmatch("[A-Z]{2}", country):
        return []
    return [FieldProblem(field="country", problem=f"expected two capital letters like DE, {country[:20]!r} came")]


def _iban_problems(iban: str) -> list[FieldProblem]:
    text = re.sub(r"\s", "", iban)
    if len(text) > 34 or not text.isascii():
        return [FieldProblem(field="iban", problem=f"expected at most 34 letters and digits, {text[:40]!r} came")]
    try:
        IBAN(text)
    except SchwiftyException as error:
        told = _check_digits_told(text) or str(error)
        return [FieldProblem(field="iban", problem=f"{told}, {text!r} came")]
    return []


def _check_digits_told(iban: str) -> str | None:
    """Return which check digits were expected, where they alone are wrong."""
    upper = iban.upper()
    if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]+", upper):
        return None
    expected = _check_digits(upper[:2], upper[4:])
    try:
        IBAN(f"{upper[:2]}{expected}{upper[4:]}")
    except SchwiftyException:
        return None
    return f"expected check digits {expected}, not {upper[2:4]}: a character is wrong"


def _check_digits(country: str, rest: str) -> str:
    """Return ISO 7064's digits (mod 97-10) of an IBAN's or creditor identifier's country and rest."""
    number = "".join(str(int(character, 36)) for character in f"{rest}{country}00")
    return f"{98 - int(number) % 97:02d}"


def _bic_problems(bic: str) -> list[FieldProblem]:
    # Not held against the IBAN's country: banks of Jersey, Monaco or overseas departments have accounts of another's.
    try:
        BIC(bic)
    except SchwiftyException as error:
        return [FieldProblem(field="bic", problem=f"{error}, {bic[:20]!r} came")]
    return []


def _creditor_problems(creditor_id: str) -> list[FieldProblem]:
    text = creditor_id.replace(" ", "")
    if not _CREDITOR_ID.fullmatch(text):
        problem = f"expected a SEPA creditor identifier like DE98ZZZ09999999999, {creditor_id[:40]!r} came"
        return [FieldProblem(field="creditor_id", problem=problem)]
    # The three characters of the business code are the creditor's own and not part of the check.
    expected = _check_digits(text[:2], text[7:])
    if text[2:4] != expected:
        problem = f"expected check digits {expected}, not {text[2:4]}: a character is wrong"
        return [FieldProblem(field="creditor_id", problem=problem)]
    return []


def _mandate_problems(mandate: Mandate) -> list[FieldProblem]:
    if _MANDATE_ID.fullmatch(mandate.mandate_id):
        return []
    problem = f"expected 1 to {MANDATE_ID_CHARS_MAX} letters, digits or + ? / : ( ) . , ' -"
    return [FieldProblem(field="mandate_id", problem=f"{problem}, {mandate.mandate_id[:40]!r} came")]
