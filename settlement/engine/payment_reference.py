"""The words by which a payment finds its share again: they follow from window and partner.

W00007            a window's payment message
W00007-CT         its credit transfers;   W00007-CORE, W00007-B2B: its direct debits
W00007-P00012     what partner 12 pays or is paid: end-to-end id, and what a payer writes into the remittance
RF94W00007P00012  the same as a structured creditor reference (ISO 11649), with check digits
000007000000000000000000129   the same as a Swiss QR reference: 10 digits, 16 digits and a check digit
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Numbers have five digits or more; a longer one in a bank's file is not ours.
NUMBER_DIGITS_MAX: Final = 18
_REFERENCE: Final = re.compile(r"(?<![A-Z0-9])(RF[0-9]{2})?W([0-9]{5,18})-?P([0-9]{5,18})(?![A-Z0-9])")
# A statement's number is as good a reference, since it is printed on every letter.
_STATEMENT: Final = re.compile(r"(?<![A-Z0-9])ST-?([0-9]{5,18})-?([0-9]{5,18})(?![A-Z0-9])")
# And so is a tax document's: the prefix of its series, the year, the number in that year.
_DOCUMENT: Final = re.compile(r"(?<![A-Z0-9])([A-Z]{3})-?([0-9]{4})-?([0-9]{6,9})(?![A-Z0-9])")

# Zeros first, so that nothing else of 27 digits is taken for one: a window has seven digits at most.
_QR: Final = re.compile(r"(?<![0-9])(000[0-9]{7})([0-9]{16})([0-9])(?![0-9])")
_QR_CARRY: Final = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)


class ShareReference(NamedTuple):
    """The share that a payment is of."""

    window: int
    partner: int


def message_reference(window: int) -> str:
    """Return the id of a window's payment messages."""
    return f"W{window:05d}"


def share_reference(*, window: int, partner: int) -> str:
    """Return the end-to-end id of a share's payment."""
    return f"W{window:05d}-P{partner:05d}"


def creditor_reference(*, window: int, partner: int) -> str:
    """Return a share's reference in the form whose check digits banks verify (ISO 11649)."""
    reference = f"W{window:05d}P{partner:05d}"
    number = "".join(str(int(character, 36)) for character in f"{reference}RF00")
    return f"RF{98 - int(number) % 97:02d}{reference}"


def qr_reference(*, window: int, partner: int) -> str:
    """Return a share's reference as Swiss QR-bills have it with a QR-IBAN: 27 digits, the last one the check digit.

    Raises:
        ValueError: a number that has more digits than there is place for.
    """
    digits = f"{window:010d}{partner:016d}"
    if len(digits) != 26:
        raise ValueError(f"window {window} and partner {partner} have more digits than a QR reference")
    return f"{digits}{_qr_check_digit(digits)}"


def _qr_check_digit(digits: str) -> int:
    # Modulo 10, recursive: Swiss Implementation Guidelines QR-bill, annex B.
    carry = 0
    for digit in digits:
        carry = _QR_CARRY[(carry + int(digit)) % 10]
    return (10 - carry) % 10


def find_documents(text: str) -> set[str]:
    """Return what may be numbers of tax documents (INV-2026-000038) in a text of a payment, however it is spaced."""
    found = set()
    for spelling in (text.upper(), re.sub(r"\s", "", text.upper())):
        found |= {f"{series}-{year}-{number}" for series, year, number in _DOCUMENT.findall(spelling)}
    return found


def find_shares(text: str) -> set[ShareReference]:
    """Return every share that a text of a payment names, however it is spaced or capitalised."""
    found = set()
    for spelling in (text.upper(), re.sub(r"\s", "", text.upper())):
        found |= {ShareReference(int(window), int(partner)) for _, window, partner in _REFERENCE.findall(spelling)}
        found |= {ShareReference(int(window), int(partner)) for window, partner in _STATEMENT.findall(spelling)}
        found |= {
            ShareReference(int(window), int(partner))
            for window, partner, check in _QR.findall(spelling)
            if _qr_check_digit(window + partner) == int(check)
        }
    return found
