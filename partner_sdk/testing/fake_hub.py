"""The fake hub's server: verifies and signs as the protocol says, answers from its ledger, and is ill on demand."""

import base64
import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from partner_sdk.certificate import CERTIFICATE_TYPE
from partner_sdk.keys import load_public_key, raw_bytes, thumbprint
from partner_sdk.message import BYTES_MAX
from partner_sdk.outbox_rows import same_card
from partner_sdk.signing import MESSAGE_TAG, RECEIPT_TAG, SIGNATURE_FIELDS, SignedRequest, receipt_components
from partner_sdk.testing.fake_disputes import FakeDisputes, Statement
from partner_sdk.testing.fake_journal import Origin
from partner_sdk.testing.fake_ledger import FIRST_WINDOW, Account, FakeLedger, IssuedCertificate, moment_text
from partner_sdk.testing.fake_promotion import FakePromotion
from partner_sdk.testing.fake_reconciliation import guide as reconciliation_guide
from partner_sdk.testing.fake_reconciliation import reconcile
from partner_sdk.testing.read_dispute import LineKey
from partner_sdk.testing.read_message import Fault, RequestRefusedError, fault, read_certificate_request, read_message

SIGNATURE_AGE_MAX = timedelta(seconds=300)
EVENTS_LIMIT = 100


class _Verifier(HTTPMessageVerifier):
    max_clock_skew = timedelta(seconds=60)


@dataclass(slots=True)
class _Answer:
    """What is signed; the fields that the signature library reads bear its names."""

    status_code: int
    body: bytes
    request: SignedRequest
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Failure:
    status: int
    code: str
    headers: dict[str, str]


class FakeHub:
    """A hub in memory for one partner's tests, on a free port of this machine, while `async with` lasts.

    Its results and refusals are those of the real hub for earn, burn, reserve, capture, release and reverse, and for
    certificates, of which the partner bears what is gone; it proves its journal, compares books, by the days of
    `time_zone`, and takes promotions, and disputes of statements, that a test has made known. It knows no expiry, no
    limits, no settlement and no other partner. `public_key` verifies its answers.
    """

    def __init__(
        self,
        *,
        partner_public_key: Ed25519PublicKey | str | Path | bytes,
        may_earn: bool = True,
        may_burn: bool = True,
        earn_rate: Decimal | None = None,
        currency: str = "EUR",
        time_zone: str = "Europe/Berlin",
    ) -> None:
        """`earn_rate`: points per unit of the currency, for earns without points. Raises KeyUnusableError."""
        self._partner_keys = MappingKeyResolver(public_keys={}, private_keys={})
        self.add_key(partner_public_key)
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key()
        self._keyid = thumbprint(self.public_key)
        self._verifier = _Verifier(signature_algorithm=ED25519, key_resolver=self._partner_keys)
        own_keys = MappingKeyResolver(public_keys={}, private_keys={self._keyid: self._key})
        self._signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=own_keys)
        self._ledger = FakeLedger(may_earn=may_earn, may_burn=may_burn, earn_rate=earn_rate)
        self._currency, self._zone = currency, ZoneInfo(time_zone)
        self._disputes = FakeDisputes(self._zone)
        self._certificates: dict[str, dict[str, str]] = {}
        self._ahead = timedelta()
        self._illnesses: deque[_Failure | Literal["drop"]] = deque()
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=BYTES_MAX)
        app.router.add_get("/v1/keys", self._get_keys)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def add_key(self, partner_public_key: Ed25519PublicKey | str | Path | bytes) -> None:
        """Register a further key of the partner, of another shop, say, or the next one. Raises KeyUnusableError."""
        public_key = load_public_key(partner_public_key)
        self._partner_keys.public_keys[thumbprint(public_key)] = public_key

    def add_card(self, *, points: int = 0) -> str:
        """Open an account with these points, and return its card: 13 digits with the check digit of an EAN."""
        digits = f"276{len(self._ledger.accounts):09d}"
        check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
        self._ledger.accounts[f"{digits}{check}"] = Account(balance=points)
        return f"{digits}{check}"

    def add_promotion(
        self, name: str, *, budget: int, starts_at: datetime | None = None, ends_at: datetime | None = None
    ) -> None:
        """Let earns name a joint promotion of which this partner is one: from `starts_at`, by default a day ago, to
        before `ends_at`, by default in a year, until `budget` points are earned and not reversed. Who pays which share
        is not told to a till, so that the other payers do not matter."""
        now = self._now()
        self._ledger.promotions[name] = FakePromotion(
            starts_at or now - timedelta(days=1), ends_at or now + timedelta(days=365), budget
        )

    def end_promotion(self, name: str) -> None:
        """End a promotion now, by its clock: what was sold before still counts. Raises KeyError."""
        self._ledger.promotions[name].ends_at = self._now()

    def add_statement(
        self, owed: Mapping[LineKey, Decimal], *, window: int = FIRST_WINDOW, is_invoiced: bool = False
    ) -> None:
        """Let a window have a statement that may be disputed; `owed` is money by line: its code and terms version.

        The window is closed by it: what is booked from now on is of the next, as by the real hub. Once the window is
        invoiced, a dispute holds nothing out any more."""
        self._ledger.close(window, now=self._now())
        self._disputes.statements[window] = Statement(dict(owed), self._now(), is_invoiced)

    def answer_dispute(self, number: int, *, accepted: Decimal | None = None, answer: str = "Looked at.") -> None:
        """Answer a dispute as the operator would: it is rejected, or accepted by so much of what it claims.

        Raises ValueError: it is not open, or the amount not of the claim."""
        self._disputes.answer(number, accepted=accepted, answer=answer, now=self._now())

    def advance(self, seconds: float) -> None:
        """Put its clock forward: holds time out, and the SDK measures the difference.

        How old a request's signature may be is judged by the true clock, so that it is accepted all the same."""
        self._ahead += timedelta(seconds=seconds)

    def fail_next(self, *, status: int = 503, retry_after_s: int | None = None, code: str | None = None) -> None:
        """Answer one of the next requests with this status and do nothing of it; each call is for one request more."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self._illnesses.append(_Failure(status, code or f"http_{status}", headers))

    def drop_next_answer(self) -> None:
        """Do what one of the next requests asks, and cut the connection instead of answering."""
        self._illnesses.append("drop")

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def _get_keys(self, request: web.Request) -> web.Response:
        x = base64.urlsafe_b64encode(raw_bytes(self.public_key)).rstrip(b"=").decode()
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self._keyid, "alg": "EdDSA", "use": "sig"}
        document = {"keys": [jwk | {"valid_from": "2000-01-01T00:00:00+00:00", "valid_until": None}]}
        # Open to all, and signed for its partner: who looks for ended keys believes no other list.
        with suppress(HTTPMessageSignaturesException):
            signed = _signed_request(request, b"")
            return self._signed(_Answer(200, json.dumps(document).encode(), signed), self._verify(signed))
        return web.json_response(document)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _unsigned(413, "body_too_large")
        signed = _signed_request(request, body)
        try:
            label = self._verify(signed)
        except HTTPMessageSignaturesException as refusal:
            signature_input = signed.headers.get("Signature-Input", "")
            return _unsigned(401, self._signature_code(signature_input), detail=str(refusal))
        illness = self._illnesses.popleft() if self._illnesses else None
        if isinstance(illness, _Failure):
            problem = _problem(illness.status, illness.code)
            return self._signed(_Answer(illness.status, problem, signed, illness.headers), label)
        status, content = self._content(request, body)
        if illness == "drop" and request.transport is not None:
            request.transport.close()
        return self._signed(_Answer(status, content, signed), label)

    def _verify(self, request: SignedRequest) -> str:
        components = ["@method", "@authority", "@path", "@query", *(["content-digest"] if request.body else [])]
        verified = self._verifier.verify(
            request,
            max_age=SIGNATURE_AGE_MAX,
            expect_tag=MESSAGE_TAG,
            require_components=components,
            body=request.body or None,
        )
        return str(verified[0].label)

    def _signature_code(self, signature_input: str) -> str:
        if not signature_input:
            return "signature_missing"
        is_known = any(f'keyid="{keyid}"' in signature_input for keyid in self._partner_keys.public_keys)
        return "signature_wrong" if is_known else "key_unknown"

    def _signed(self, answer: _Answer, label: str) -> web.Response:
        answer.headers["Content-Digest"] = ContentDigest.create(answer.body)
        self._signer.sign(
            answer,
            key_id=self._keyid,
            created=self._now(),
            label="coalition",
            tag=RECEIPT_TAG,
            use_existing_digest=True,
            covered_component_ids=receipt_components(has_body=bool(answer.request.body), label=label),
        )
        kind = "application/json" if answer.status_code < 300 else "application/problem+json"
        headers = answer.headers | {"Content-Type": kind}
        return web.Response(status=answer.status_code, body=answer.body, headers=headers)

    def _content(self, request: web.Request, body: bytes) -> tuple[int, bytes]:
        try:
            if (request.method, request.path) == ("POST", "/v1/certificates"):
                return 201, json.dumps(self._certificate(body, signature=request.headers["Signature"])).encode()
            if (request.method, request.path) == ("POST", "/v1/disputes"):
                status, document = self._disputes.open(
                    _plain_json(request, body), self._ledger.records, now=self._now()
                )
                return status, json.dumps(document).encode()
            return 200, json.dumps(self._document(request, body)).encode()
        except RequestRefusedError as refusal:
            return refusal.status, _problem(refusal.status, refusal.code, refusal.faults, detail=refusal.detail)

    def _document(self, request: web.Request, body: bytes) -> dict[str, Any]:
        now = self._now()
        self._ledger.settle_due(now=now)
        _, _, kind, *named = request.path.split("/", 3)
        match request.method, kind, named:
            case "POST", "messages", []:
                operations = read_message(_plain_json(request, body), now=now, currency=self._currency)
                digest = sha256(body)
                results = [
                    self._ledger.book(operation, now=now, origin=Origin(digest.digest(), index))
                    for index, operation in enumerate(operations)
                ]
                return {"message": digest.hexdigest(), "results": results}
            case "GET", "cards", [card]:
                return self._card(card)
            case "GET", "operations", [operation_id] if operation_id in self._ledger.records:
                return self._ledger.records[operation_id].result
            case "GET", "operations", [_]:
                detail = f"You have no decided operation {named[0]}."
                raise RequestRefusedError(404, "not_found", detail=detail)
            case "GET", "reconciliations", []:
                return reconciliation_guide(self._ledger, self._zone)
            case "POST", "reconciliations", []:
                return reconcile(body, self._ledger, self._zone)
            case "GET", "checkpoint", []:
                return self._ledger.journal.checkpoint(moment_text(now))
            case "GET", "proofs", ["inclusion"]:
                return self._ledger.journal.inclusion(request.query)
            case "GET", "proofs", ["inclusions"]:
                return self._ledger.journal.inclusions(request.query)
            case "GET", "proofs", ["consistency"]:
                return self._ledger.journal.consistency(request.query)
            case "GET", "disputes", []:
                return self._disputes.page(request.query)
            case "GET", "events", []:
                return self._events(request.query.get("after", "0"))
        detail = f"FakeHub has no {request.method} {request.path}: what it knows is in its docstring."
        raise RequestRefusedError(404, "http_404", detail=detail)

    def _certificate(self, body: bytes, *, signature: str) -> dict[str, str]:
        """Give out a certificate; the same signed request again is the same one."""
        if signature not in self._certificates:
            self._certificates[signature] = self._new_certificate(body)
        return self._certificates[signature]

    def _new_certificate(self, body: bytes) -> dict[str, str]:
        now, asked = self._now(), read_certificate_request(body)
        self._ledger.settle_due(now=now)
        account = self._ledger.accounts.get(asked.card)
        if account is None:
            raise RequestRefusedError(422, "unknown_card", detail=f"No account has card {asked.card}.")
        ends = now + timedelta(seconds=asked.valid_s)
        certificate = IssuedCertificate(account, asked.card, asked.till, asked.points, now, ends)
        certificate_id = token_hex(16)
        refusal = self._ledger.issue_certificate(certificate, certificate_id=certificate_id, now=now)
        if refusal is not None:
            code, detail = refusal
            raise RequestRefusedError(422, code, detail=detail)
        document = {
            "type": CERTIFICATE_TYPE,
            "id": certificate_id,
            "partner": 1,
            "card": asked.card,
            "till": asked.till,
            "points": asked.points,
            "not_before": moment_text(now),
            "not_after": moment_text(ends),
            "counter_start": 0,
        }
        text = json.dumps(document, separators=(",", ":"))
        signature = base64.b64encode(self._key.sign(text.encode())).decode()
        return {"certificate": text, "keyid": self._keyid, "signature": signature}

    def _card(self, asked: str) -> dict[str, Any]:
        card = same_card(asked)
        account = self._ledger.accounts.get(card)
        if account is None:
            raise RequestRefusedError(404, "unknown_card", detail=f"No account has card {card}.")
        figures = {"balance": account.balance, "available": account.available, "held": account.held}
        holds = [
            {"points": hold.points, "expires_at": moment_text(hold.expires_at), "operation_id": hold.reserve_id}
            for hold in account.open_holds
        ]
        return {"card": card, **figures, "holds": holds, "expiries": []}

    def _events(self, after: str) -> dict[str, Any]:
        events = self._ledger.events
        if not after.isdecimal() or int(after) > len(events):
            faults = [fault("after", "cursor_invalid", "the cursor of an earlier answer, as it is", after)]
            raise RequestRefusedError(422, "cursor_invalid", faults)
        end = min(int(after) + EVENTS_LIMIT, len(events))
        return {"events": events[int(after) : end], "cursor": str(end), "more": end < len(events)}


def _plain_json(request: web.Request, body: bytes) -> bytes:
    """Return the body. Raises RequestRefusedError: it says that it is something else."""
    if request.content_type != "application/json":
        detail = f"Content-Type must be application/json; {request.content_type} came."
        one = fault("Content-Type", "content_type_unsupported", "application/json", request.content_type)
        raise RequestRefusedError(415, "content_type_unsupported", [one], detail=detail)
    return body


def _signed_request(request: web.Request, body: bytes) -> SignedRequest:
    headers = {name: ", ".join(request.headers.getall(name, [])) for name in SIGNATURE_FIELDS}
    given = {name: value for name, value in headers.items() if value}
    return SignedRequest(request.method, f"http://{request.host}{request.raw_path}", body, given)


def _unsigned(status: int, code: str, *, detail: str = "") -> web.Response:
    body = _problem(status, code, detail=detail)
    return web.Response(status=status, body=body, content_type="application/problem+json")


def _problem(status: int, code: str, faults: Sequence[Fault] = (), *, detail: str = "") -> bytes:
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail or title, "code": code}
    is_retryable = status == 429 or status >= 500
    return json.dumps(document | {"retryable": is_retryable, "request_id": "fake", "errors": list(faults)}).encode()
