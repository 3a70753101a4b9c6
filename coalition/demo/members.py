"""The invented members of the demo: one for each household of the data."""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["de", "en"]
LANGUAGES: Final[dict[Language, str]] = {"de": "German", "en": "English"}
# The shops are in Germany, and so are most who buy there at home in its language.
_ENGLISH_EACH = 4

_GIVEN = (
    "Ada Aylin Alma Amélie Anton Ayşe Beate Benno Bruno Carla Chiara Clemens Daria David Edda Elias Elif Emil Enno "
    "Esther Fabio Felix Fenja Finn Franka Frida Georg Greta Hanna Henri Ida Ilse Ines Jakob Jannis Jette Johanna "
    "Jonas Karl Klara Konrad Lena Leon Levke Lotte Luca Ludwig Magda Malte Marie Mats Mehmet Merle Mila Nele Noah "
    "Oskar Paula Pia Rosa"
)
_FAMILY = (
    "Ackermann Adler Albers Bachmann Behrens Brandt Breuer Castelli Claasen Demir Dietz Dorn Eckert Ehlers Engel "
    "Fabbri Falk Fiedler Gärtner Gerlach Greve Hagedorn Heller Hinz Imhof Jansen Kaya Keil Kessler Kranz Lambert "
    "Lenz Lindner Lorenz Marten Mertens Moreau Nagel Niehaus Oswald Özdemir Paulsen Petit Probst Quandt Reimann "
    "Ritter Rossi Sander Seidel Steinke Stolz Tamm Thiele Uhlig Vogt Wendt Wieland Yıldız Zeller"
)
_GIVEN_NAMES = _GIVEN.split()
_FAMILY_NAMES = _FAMILY.split()
_PAIRS = len(_GIVEN_NAMES) * len(_FAMILY_NAMES)
# Without a factor in common with the number of pairs: no two households share a name up to that number.
_STRIDE = 1_447

_PLAIN_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "ş": "s", "ı": "i", "ç": "c"}
)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the demo; the address cannot receive mail."""

    household_id: int
    name: str
    email: str
    language: Language


def member_of(household_id: int) -> Member:
    """Return the member of a household: always the same; names are distinct for ids up to 3,600."""
    pair = household_id * _STRIDE % _PAIRS
    given = _GIVEN_NAMES[pair % len(_GIVEN_NAMES)]
    family = _FAMILY_NAMES[pair // len(_GIVEN_NAMES)]
    mailbox = f"{given}.{family}".lower().translate(_PLAIN_LETTERS)
    return Member(
        household_id=household_id,
        name=f"{given} {family}",
        email=f"{mailbox}@post.example",
        language="de" if household_id % _ENGLISH_EACH else "en",
    )
