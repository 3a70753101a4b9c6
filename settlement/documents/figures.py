"""Numbers and dates as people of each language write them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from settlement.documents.wording import Language

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
    """Return a fraction as a percentage: 0.03 is 3 %."""
    return f"{plain(fraction * 100).translate(_SEPARATORS[language])} %"


def ungrouped(number: Decimal, language: Language) -> str:
    """Return a number as a spreadsheet of the language reads it: with its decimal sign and nothing else."""
    text = format(number, "f")
    return text.replace(".", ",") if language == "de" else text


def day(moment: datetime, language: Language) -> str:
    """Return the date of a moment, in the time zone that it is given in."""
    if language == "de":
        return f"{moment.day:02d}.{moment.month:02d}.{moment.year:04d}"
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"


def minute(moment: datetime, language: Language) -> str:
    """Return the date and time of day of a moment with its offset, in the time zone that it is given in."""
    return f"{day(moment, language)} {moment.hour:02d}:{moment.minute:02d} {_offset(moment)}"


def _offset(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
