"""Card numbers: 13 digits that any till reads as an EAN, in the range for a company's own use (GS1: 20 to 29)."""

PREFIX = "276"
SERIALS = 10**9


def card_number(serial: int) -> str:
    """Return the card number of a serial from 0 to SERIALS - 1, with the EAN-13 check digit."""
    digits = f"{PREFIX}{serial:09d}"
    weighted = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def printed(card: str) -> str:
    """Return a card number as it is printed: groups of four."""
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))


def normalised(card: str) -> str:
    """Return a card's number as it is stored: shops and members write it with spaces or dashes."""
    return card.replace(" ", "").replace("-", "")
