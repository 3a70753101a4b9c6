"""Certificates: the hub's signed word that one till may burn so many points of a card without a network.

hub.certificate(...)  online: asked, verified, kept in the outbox with what was burned within it
hub.burn_offline(...) offline: checked against the certificate, numbered, saved; sent by the next flush
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.errors import AnswerNotUnderstoodError, CertificateUnusableError

CERTIFICATE_TYPE = "coalition-certificate-v1"

# How far a till's measured clock may be off. The hub's begins when it signs, so that a burn right after may seem early.
CLOCK_TOLERANCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SignedCertificate:
    """A certificate as the hub gave it out: `text` is what the key `keyid` signed, to the letter."""

    text: str
    keyid: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a verified certificate says, and what this outbox has burned within it: `spent` points, `next_counter`."""

    id: str
    card: str
    till: str
    points: int
    not_before: datetime
    not_after: datetime
    signed: SignedCertificate
    spent: int
    next_counter: int

    @property
    def left(self) -> int:
        return self.points - self.spent

    def refuse_unfitting(self, points: int, *, card: str, now: datetime) -> None:
        """Raise CertificateUnusableError for a burn that does not fit; `now` is by the hub's clock."""
        if card != self.card:
            raise CertificateUnusableError("certificate_other", f"certificate {self.id} is for another card")
        if not self.not_before - CLOCK_TOLERANCE <= now <= self.not_after:
            span = f"{self.not_before.isoformat()} until {self.not_after.isoformat()}"
            reason = f"certificate {self.id} is valid from {span}; by the hub's clock it is {now.isoformat()}"
            raise CertificateUnusableError("certificate_expired", reason)
        if points > self.left:
            reason = f"certificate {self.id} has {self.left} of {self.points} points left, asked were {points}"
            raise CertificateUnusableError("certificate_spent", reason, left=self.left)


def read_certificate(content: Any) -> SignedCertificate:
    """Return the certificate of an answer, not yet verified. Raises AnswerNotUnderstoodError."""
    try:
        signature = base64.b64decode(content["signature"], validate=True)
        return SignedCertificate(str(content["certificate"]), str(content["keyid"]), signature)
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a certificate", content=content) from fault


def verify_certificate(
    signed: SignedCertificate,
    keys: Callable[[str], Ed25519PublicKey],
    *,
    spent: int = 0,
    next_counter: int | None = None,
) -> Certificate:
    """Return what the hub signed. Raises CertificateUnusableError, HubKeyChangedError, AnswerNotUnderstoodError."""
    try:
        keys(signed.keyid).verify(signed.signature, signed.text.encode())
    except InvalidSignature as fault:
        reason = "the certificate is not signed by the hub"
        raise CertificateUnusableError("certificate_forged", reason) from fault
    try:
        content = json.loads(signed.text)
        if content["type"] != CERTIFICATE_TYPE:
            raise AnswerNotUnderstoodError(f"expected {CERTIFICATE_TYPE}", content=content)
        return Certificate(
            id=str(content["id"]),
            card=str(content["card"]),
            till=str(content["till"]),
            points=int(content["points"]),
            not_before=datetime.fromisoformat(content["not_before"]),
            not_after=datetime.fromisoformat(content["not_after"]),
            signed=signed,
            spent=spent,
            next_counter=int(content["counter_start"]) if next_counter is None else next_counter,
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a certificate", content=signed.text) from fault
