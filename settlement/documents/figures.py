"""Numbers and dates as people of each language write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from settlement.documents.wording import MONTHS, Language, word
from settlement.engine.sales import SalesPeriod
from settlement.engine.vat import WITH_RATE, VatTreatment

# From the way Python writes a number to the way the language does: 1,234.56 and 1.234,56.
_SEPARATORS: dict[Language, dict[int, int]] = {"en": {}, "de": str.maketrans(",.", ".,")}


def plain(number: Decimal) -> str:
    """Return a number without exponent and without zeros at the end: one text for each value, for machines."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(number: Decimal | int, language: Language) -> str:
    """Return a number with thousands separators and all of its decimals: 1,200,000 or 12.000,00."""
    return format(number, ",f" if isinstance(number, Decimal) else ",").translate(_SEPARATORS[language])


def price(number: Decimal, language: Language) -> str:
    """Return a price with at least two decimals and no zeros after them: 0.01, 0.0125, 2,500.00."""
    whole, _, decimals = plain(number).partition(".")
    return grouped(Decimal(f"{whole}.{decimals:0<2}"), language)


def percent(fraction: Decimal, language: Language) -> str:
    """Return a fraction as a percentage: 0.03 is 3%, or 3 % in German."""
    space = " " if language == "de" else ""
    return f"{plain(fraction * 100).translate(_SEPARATORS[language])}{space}%"


def vat_text(vat: VatTreatment, language: Language) -> str:
    """Return a treatment as people read it: 19% DE, or its category and country where it has no rate."""
    if vat.category not in WITH_RATE:
        return str(vat)
    return f"{percent(vat.rate.scaleb(-2), language)} {vat.country}"


def ungrouped(number: Decimal, language: Language) -> str:
    """Return a number as a spreadsheet of the language reads it: with its decimal sign and nothing else."""
    text = format(number, "f")
    return text.replace(".", ",") if language == "de" else text


def day(moment: date, language: Language) -> str:
    """Return a date, or that of a moment in the time zone that it is given in: 1 December 2025, 1. Dezember 2025."""
    return f"{_day_and_month(moment, language)} {moment.year:04d}"


def days(sales: SalesPeriod, language: Language) -> str:
    """Return a period of whole days, and nothing twice: 1 to 31 December 2025, 28 November to 4 December 2025."""
    first, last = sales.first_day, sales.last_day
    if first == last:
        return day(last, language)
    if first.year != last.year:
        start = day(first, language)
    elif first.month != last.month:
        start = _day_and_month(first, language)
    else:
        start = _day_of_month(first, language)
    return word(language, "days", first=start, last=day(last, language))


def month_of(first_day: date, language: Language) -> str:
    """Return a month with its year: December 2025, Dezember 2025."""
    return f"{MONTHS[language][first_day.month - 1]} {first_day.year:04d}"


def minute(moment: datetime, language: Language) -> str:
    """Return the date and time of day of a moment with its offset, in the time zone that it is given in."""
    return f"{day(moment, language)}, {moment.hour:02d}:{moment.minute:02d} {_offset(moment)}"


def _day_and_month(moment: date, language: Language) -> str:
    return f"{_day_of_month(moment, language)} {MONTHS[language][moment.month - 1]}"


def _day_of_month(moment: date, language: Language) -> str:
    return f"{moment.day}." if language == "de" else str(moment.day)


def _offset(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
