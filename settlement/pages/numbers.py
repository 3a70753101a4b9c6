"""Numbers as they stand in the addresses and forms of browsers."""

import re
from decimal import Decimal
from typing import Final

from coalition.pages.errors import PageRefusedError

# Whatever these digits are, the database has room for the number.
DIGITS_MAX: Final = 18
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,15}(?:[.,]([0-9]+))?")


def read_number(text: str, *, digits_max: int = DIGITS_MAX) -> int | None:
    """Return the number that a text is; None: it is none, or too long."""
    # Digits of ASCII only, and few: int() takes much more, slowly.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits_max else None


def read_decimal(text: str, *, decimals_max: int) -> Decimal | None:
    """Return a number with a comma or a point, as people of either language type it; None: it is none.

    One with more decimals than there may be is none either: 1.000 is a thousand to some and one to others.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None or len(found[1] or "") > decimals_max:
        return None
    return Decimal(text.replace(",", "."))


def number_in_address(text: str) -> int:
    """Return the number that a part of an address is; raises PageRefusedError (404) for anything else."""
    number = read_number(text)
    if number is None:
        raise PageRefusedError(status=404, key="not_found")
    return number
