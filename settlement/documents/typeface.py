"""The typefaces of the letters.

Letters are set in Roboto, which has Latin, Greek and Cyrillic letters, and figures of one width. Swiss payment slips
are set in Liberation Sans, one of the four that their style guide allows; it has every character that a slip may have.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from importlib.resources import files
from pathlib import PurePath
from typing import Final

_ROBOTO: Final = files("xstatic.pkg.roboto_fontface") / "data" / "fonts" / "roboto"
_LIBERATION: Final = files("settlement.documents") / "fonts"

# By the style that a letter asks for: "" or "B". The bold of a page of print is rather a medium one on a letter.
FONT_FILES: Final = {
    "": PurePath(str(_ROBOTO / "Roboto-Regular.ttf")),
    "B": PurePath(str(_ROBOTO / "Roboto-Medium.ttf")),
}
SLIP_FONT_FILES: Final = {
    "": PurePath(str(_LIBERATION / "LiberationSans-Regular.ttf")),
    "B": PurePath(str(_LIBERATION / "LiberationSans-Bold.ttf")),
}

# Letters that the typeface lacks and that do not come apart into a base and its marks.
_STAND_INS: Final = {"ẞ": "SS"}


def printable(text: str, characters: Container[int]) -> str:
    """Return a text in the characters that a font has, given by their code points.

    One that it has not is written without its marks, or by what stands for it, or else as a question mark.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(_printable_character(character, characters) for character in composed)


def _printable_character(character: str, characters: Container[int]) -> str:
    if unicodedata.category(character).startswith("C"):
        # Line breaks and invisible marks of direction have no place within a line.
        return " " if character in "\t\r\n" else ""
    if ord(character) in characters:
        return character
    without_marks = unicodedata.normalize("NFKD", _STAND_INS.get(character, character))
    fitting = "".join(piece for piece in without_marks if ord(piece) in characters and not unicodedata.combining(piece))
    if fitting:
        return fitting
    return "" if unicodedata.combining(character) else "?"
