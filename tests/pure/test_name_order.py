"""Names stand where a reader looks for them."""

from coalition.name_order import name_order

IN_ORDER = [
    "3 Brüder",
    "apotheke",
    "Apotheke Nord",
    "Bäckerei",
    "Backhaus",
    "Blumen",
    "blumen",
    "Blumen Ost",
    "Élan",
    "Markt 7",
    "Öl & Essig",
    "Optik",
    "Straße",
    "Strasse 2",
    "Ｚebra",
    "zoo",
]


def test_names_are_sorted_as_a_reader_looks_for_them() -> None:
    """Neither umlauts nor lower case stand at the end, and names that differ in these alone have a fixed order."""
    assert sorted(IN_ORDER, key=str) != IN_ORDER
    backwards = IN_ORDER[::-1]
    assert sorted(backwards, key=name_order) == IN_ORDER
