"""The fields of terms on the pages: as people read them, and as a form has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final, get_args
from zoneinfo import ZoneInfo

from coalition.pages.visit import Visit
from settlement.documents.figures import percent, plain, price, ungrouped, vat_text
from settlement.engine.terms import FUNDINGS
from settlement.engine.vat import VatTreatment, parse_vat
from settlement.errors import FieldProblem, InvalidTermsError
from settlement.operations.add_terms import TermsChange
from settlement.pages.numbers import read_decimal
from settlement.stores.terms import OfflineLoss, ReturnFee, ReturnLoss, StoredTerms

# What terms say, in the order in which they are read; the rest is who made them and when.
PRICES: Final = ("issue_price", "service_fee", "redemption_price")
NUMBERS: Final = (*PRICES, "commission", "platform_fee", "earn_rate")
VATS: Final = ("charge_vat", "fee_vat", "redemption_vat")
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "funding": FUNDINGS,
    "offline_loss": get_args(OfflineLoss),
    "return_loss": get_args(ReturnLoss),
    "return_fee": get_args(ReturnFee),
}
FIELDS: Final = (
    *("funding", *PRICES, "commission", "platform_fee", *VATS, "earn_rate"),
    *("offline_loss", "return_loss", "return_fee"),
)
START: Final = "valid_from"
FIELD_CHARS_MAX: Final = 30
# Of prices, of the commission and of the earn rate; the platform fee has those of the currency.
PRICE_DECIMALS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of terms in words: as it runs now, as it would until the draft begins, and as the draft has it."""

    field: str
    running: str
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


def said(visit: Visit, stored: StoredTerms) -> dict[str, str]:
    """Return what a version says, each field in words."""
    terms, language = stored.terms, visit.language
    texts = {field: price(getattr(terms, field), language) for field in (*PRICES, "platform_fee")}
    texts["commission"] = percent(terms.commission, language)
    texts |= {field: _vat_said(visit, getattr(terms, field)) for field in VATS}
    rate = stored.earn_rate
    texts["earn_rate"] = visit.word("finance.terms.no_earn_rate") if rate is None else price(rate, language)
    for field in CHOICES:
        texts[field] = visit.word(f"finance.terms.{field}.{_value(stored, field)}")
    return {field: texts[field] for field in FIELDS}


def compared(
    visit: Visit, *, running: StoredTerms | None, before: StoredTerms | None, after: StoredTerms
) -> list[FieldChange]:
    """Return each field of a draft beside what runs now and what it would follow."""
    nothing = dict.fromkeys(FIELDS, "")
    now = said(visit, running) if running else nothing
    until = said(visit, before) if before else nothing
    return [FieldChange(field, now[field], until[field], text) for field, text in said(visit, after).items()]


def typed(visit: Visit, stored: StoredTerms | None) -> dict[str, str]:
    """Return a version as a form has it; empty where there is none."""
    texts = dict.fromkeys((*FIELDS, START), "")
    if stored is None:
        return texts
    for field in NUMBERS:
        number = _value(stored, field)
        if isinstance(number, Decimal):
            texts[field] = ungrouped(Decimal(plain(number)), visit.language)
    texts |= {field: str(_value(stored, field)) for field in (*VATS, *CHOICES)}
    return texts


def read_form(form: Mapping[str, str], zone: ZoneInfo, minor_unit: int) -> tuple[TermsChange, datetime]:
    """Return what a form says: the change, where an empty field stays as it was, and midnight of its first day.

    Raises:
        InvalidTermsError: fields can't be read; names all of them.
    """
    problems: list[FieldProblem] = []
    values: dict[str, object] = {}
    texts = {field: form.get(field, "").strip() for field in (*FIELDS, START)}
    for field, text in texts.items():
        try:
            if text:
                values[field] = _read(field, text, minor_unit)
        except (ValueError, InvalidTermsError):
            problems.append(FieldProblem(field=field, problem=f"can't be read: {text[:FIELD_CHARS_MAX]!r}"))
    if not texts[START]:
        problems.append(FieldProblem(field=START, problem="must be given"))
    if problems:
        raise InvalidTermsError(problems=problems)
    first_day = values.pop(START)
    assert isinstance(first_day, date)
    return TermsChange(**values), datetime.combine(first_day, time(), zone)  # type: ignore[arg-type]


def _read(field: str, text: str, minor_unit: int) -> object:
    if len(text) > FIELD_CHARS_MAX:
        raise ValueError(text)
    if field in NUMBERS:
        number = read_decimal(text, decimals_max=minor_unit if field == "platform_fee" else PRICE_DECIMALS_MAX)
        if number is None:
            raise ValueError(text)
        return number
    if field in VATS:
        return parse_vat(text.upper(), field=field)
    if field in CHOICES:
        return CHOICES[field][CHOICES[field].index(text)]
    return date.fromisoformat(text)


def _value(stored: StoredTerms, field: str) -> object:
    return getattr(stored.terms if hasattr(stored.terms, field) else stored, field)


def _vat_said(visit: Visit, vat: VatTreatment) -> str:
    return visit.word("finance.terms.vat.O") if vat.category == "O" else vat_text(vat, visit.language)
