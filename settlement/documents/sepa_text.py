"""Text as every bank of SEPA takes it: the Latin letters, digits and signs of the EPC's rulebooks (EPC217-08)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
# What stands for letters that have no Latin letter below their marks, or are written out by those who use them.
_LETTERS: Final = str.maketrans(
    {
        "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ẞ": "SS", "&": "+", "Æ": "AE",
        "æ": "ae", "Ø": "O", "ø": "o", "Œ": "OE", "œ": "oe", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Þ": "Th",
        "þ": "th", "Ð": "D", "ð": "d", "ı": "i", "–": "-", "—": "-", "’": "'", "‘": "'", "`": "'", "´": "'", "_": "-",
        "@": "(at)", "€": "EUR", ";": ",",
    }
)  # fmt: skip


def sepa_text(text: str, *, chars_max: int) -> str:
    """Return a text in the characters of SEPA; marks are left off, what has no like becomes a full stop."""
    # The letters first: decomposed, an ü would be a u.
    written = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_LETTERS))
    plain = "".join(character for character in written if not unicodedata.combining(character))
    return " ".join(_NOT_ALLOWED.sub(".", plain).split())[:chars_max].rstrip()
