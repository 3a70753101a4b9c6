"""Which language a page is in: what was chosen, else what the browser asks for, else English."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from babel import negotiate_locale

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

# English as in Europe: 24 Nov 2026, 18:04.
LOCALES: Final[Mapping[Language, str]] = {"en": "en_GB", "de": "de_DE"}
# What each language calls itself.
NAMES: Final[Mapping[Language, str]] = {"en": "English", "de": "Deutsch"}


def known_language(text: str | None) -> Language | None:
    """Return the language of a code; None where there are no words for it."""
    return next((language for language in LANGUAGES if language == text), None)


def accepted_language(header: str) -> Language:
    """Return the language that an Accept-Language header prefers among ours."""
    wanted: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag.strip()))
        except ValueError:
            continue
    # Sorted by weight alone: those of one weight stay in the browser's order.
    ordered = [tag for _, tag in sorted(wanted, key=lambda item: item[0])]
    return known_language(negotiate_locale(ordered, LANGUAGES, sep="-")) or "en"
