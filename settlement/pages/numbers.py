"""Whole numbers as they stand in the addresses and forms of browsers."""

from typing import Final

from coalition.pages.errors import PageRefusedError

# Whatever these digits are, the database has room for the number.
DIGITS_MAX: Final = 18


def read_number(text: str, *, digits_max: int = DIGITS_MAX) -> int | None:
    """Return the number that a text is; None: it is none, or too long."""
    # Digits of ASCII only, and few: int() takes much more, slowly.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits_max else None


def number_in_address(text: str) -> int:
    """Return the number that a part of an address is; raises PageRefusedError (404) for anything else."""
    number = read_number(text)
    if number is None:
        raise PageRefusedError(status=404, key="not_found")
    return number
