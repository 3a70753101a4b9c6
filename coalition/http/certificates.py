"""POST /v1/certificates: let a till burn a card's points for some hours without a network."""

import base64
import json
from hashlib import sha256
from typing import Annotated

from aiohttp import web
from pydantic import Field

from coalition.http.answers import CertificateAnswer
from coalition.http.bodies import read_json, refuse_other_content
from coalition.http.hub_key import SIGNER
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from coalition.journal.record import timestamp
from coalition.ledger.certificate import VALID_S_MAX, VALID_S_MIN, Certificate
from coalition.ledger.operation import CardNumber, Points, Text, WireModel
from coalition.operations.issue_certificate import issue_certificate

CERTIFICATE_TYPE = "coalition-certificate-v1"
CERTIFICATE_ID_CHARS = 32


class CertificateRequest(WireModel):
    """Burns of at most `points` in all, at one till, for `valid_s` seconds from now."""

    card: CardNumber
    till: Text
    points: Points
    valid_s: Annotated[int, Field(strict=True, ge=VALID_S_MIN, le=VALID_S_MAX)]


async def post_certificate(request: web.Request, call: PartnerCall) -> Answer:
    """Give out a certificate, signed with the hub's key as the text that it is."""
    refuse_other_content(request)
    asked = read_json(CertificateRequest, call.body)
    clearing = request.app[CLEARING]
    certificate = await issue_certificate(
        request.app[POOL],
        # Nobody can guess it, and it says nothing; the same signed request again is the same certificate.
        certificate_id=sha256((call.verified.request.signature or "").encode()).hexdigest()[:CERTIFICATE_ID_CHARS],
        partner=call.participant,
        card=asked.card,
        till=asked.till,
        points=asked.points,
        valid_s=asked.valid_s,
        rules=clearing.registry.programme.limits,
        calendar=clearing.registry.calendar,
        now=clearing.clock(),
    )
    text = certificate_text(certificate)
    signer = request.app[SIGNER]
    signature = base64.b64encode(signer.sign_content(text.encode())).decode()
    document = {"certificate": text, "keyid": signer.keyid, "signature": signature}
    return Answer(201, json.dumps(document).encode())


def certificate_text(certificate: Certificate) -> str:
    """Return what is signed, to the letter; its type keeps it apart from all else that the hub signs."""
    document = {
        "type": CERTIFICATE_TYPE,
        "id": certificate.certificate_id,
        "partner": certificate.partner,
        "card": certificate.card,
        "till": certificate.till,
        "points": certificate.points,
        "not_before": timestamp(certificate.not_before),
        "not_after": timestamp(certificate.not_after),
        "counter_start": 0,
    }
    return json.dumps(document, separators=(",", ":"))


ROUTES = [
    Route(
        "POST",
        "/v1/certificates",
        "partner",
        post_certificate,
        "Let one till burn a card's points for some hours without a network; nothing is reserved.",
        takes=CertificateRequest,
        answers=CertificateAnswer,
        status=201,
    )
]
