"""The Swiss QR-bill: what its QR code says (SIX, Swiss Implementation Guidelines QR-bill, version 2.3).

The code is 31 lines of text. An account with an IBAN made for it (QR-IBAN) takes a QR reference alone, any other a
creditor reference (ISO 11649).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from settlement.engine.legal_party import LegalParty
from settlement.engine.payment_reference import creditor_reference, qr_reference

ReferenceType = Literal["QRR", "SCOR"]
AMOUNT_MAX: Final = Decimal("999999999.99")
# What a field of the code holds.
_NAME_CHARS_MAX: Final = 70
_MESSAGE_CHARS_MAX: Final = 140
# The institution ids of QR-IBANs.
_QR_IID_MIN, _QR_IID_MAX = 30_000, 31_999


class _SlipCharacters(Container[int]):
    """Code points that the code may have: Latin with its accents, a few signs, no others (section 4.1.1)."""

    def __contains__(self, point: object) -> bool:
        return isinstance(point, int) and (
            0x20 <= point <= 0x7E or 0xA0 <= point <= 0x17F or 0x218 <= point <= 0x21B or point == 0x20AC
        )


SLIP_CHARACTERS: Final = _SlipCharacters()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSlip:
    """What is to be paid, to whom, by whom; texts are in characters that the code may have."""

    iban: str
    creditor: LegalParty
    debtor: LegalParty
    amount: Decimal
    currency: str
    reference_type: ReferenceType
    reference: str
    message: str


def takes_slip(iban: str, *, amount: Decimal, currency: str) -> bool:
    """Say whether a payment can be made by QR-bill: in francs, to an account in Switzerland or Liechtenstein."""
    return currency == "CHF" and iban[:2] in ("CH", "LI") and 0 < amount <= AMOUNT_MAX


def make_slip(
    iban: str,
    *,
    creditor: LegalParty,
    debtor: LegalParty,
    amount: Decimal,
    currency: str,
    window: int,
    partner: int,
    message: str,
) -> PaymentSlip:
    """Return the slip of a share's payment; its reference follows from window and partner."""
    is_qr = is_qr_iban(iban)
    return PaymentSlip(
        iban=iban,
        creditor=creditor,
        debtor=debtor,
        amount=amount,
        currency=currency,
        reference_type="QRR" if is_qr else "SCOR",
        reference=(qr_reference if is_qr else creditor_reference)(window=window, partner=partner),
        message=message,
    )


def is_qr_iban(iban: str) -> bool:
    """Say whether an account takes QR references, and only those."""
    return iban[:2] in ("CH", "LI") and _QR_IID_MIN <= int(iban[4:9]) <= _QR_IID_MAX


def slip_code(slip: PaymentSlip) -> str:
    """Return what the QR code says, line by line."""
    return "\r\n".join(
        (
            *("SPC", "0200", "1"),
            slip.iban,
            *_address(slip.creditor),
            # The ultimate creditor: for a use that is not yet allowed.
            *("",) * 7,
            f"{slip.amount:.2f}",
            slip.currency,
            *_address(slip.debtor),
            slip.reference_type,
            slip.reference,
            slip.message[:_MESSAGE_CHARS_MAX],
            "EPD",
        )
    )


def _address(party: LegalParty) -> tuple[str, ...]:
    # Structured; the number of the house may stand with its street.
    return ("S", party.legal_name[:_NAME_CHARS_MAX], party.street, "", party.post_code, party.town, party.country)
