"""In which order readers find names: as a German or an English list has them, the same on every machine."""

import unicodedata


def name_order(name: str) -> tuple[str, str]:
    """Return the key by which names are sorted for readers: without case and accents; equals by code points.

    No locale is asked, so that the same names make the same bytes everywhere."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in folded if not unicodedata.combining(letter)), name
