"""The door for partners: read, verify, call, sign.

A request is judged in this order: whether there is time for it, key's validity, signature, size, digest, partner's
status. From the moment it is verified, every answer is signed, refusals and faults as well. To verify and sign takes as
long as ten refusals without: so a hub that has too much to do turns requests away before it reads them, and does not
sign that. One partner's flood turns away no other's: who is let in for that must prove to be whom it says that it is.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import structlog
from aiohttp import HttpVersion11, web

from coalition.errors import OverloadedError, RequestRefusedError
from coalition.http.bodies import refuse_repeated_parameters
from coalition.http.hub_key import SIGNER, Signer
from coalition.http.metrics import request_seconds, requests_total, turned_away_total, unverified_total
from coalition.http.problems import problem_answer, shortened
from coalition.http.routes import CLEARING, Answer, PartnerCall, PartnerHandler, Route
from coalition.lanes.clearing import Clearing
from coalition.lanes.registry import PartnerKey
from coalition.operations.spend_nonce import spend_nonce
from coalition.signatures.errors import KeyNotValidError, KeyUnknownError, SignatureRefusedError
from coalition.signatures.request import SignedRequest, path_and_query
from coalition.signatures.verify import parse_signature, verify_body, verify_head

BODY_TIMEOUT_S = 30.0
KEYID = re.compile('keyid="([^"]*)"')
# A cache on the way, which knows no signatures, would give a partner's answer to whoever asks next.
NOT_KEPT = {"Cache-Control": "no-store"}

log = structlog.get_logger()

# How long a body may take; the app's own, so that a test need not wait.
BODY_PATIENCE: web.AppKey[float] = web.AppKey("body_patience", float)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
# Of whom a request says that it is; shortened, since anybody may say anything.
CLAIMED_KEYID: web.RequestKey[str] = web.RequestKey("claimed_keyid", str)


def partner_door(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the aiohttp handler of a route that only partners may call."""
    handler = cast(PartnerHandler, route.handler)

    async def handle(request: web.Request) -> web.StreamResponse:
        backlog = request.app[CLEARING].backlog
        try:
            let_in_as = backlog.refuse_late(partial(claimed_partner, request))
            call = await verified_call(request)
            if let_in_as not in (None, call.participant.partner):
                raise backlog.overloaded()
        except OverloadedError:
            turned_away_total.inc()
            tell_who_fills(request.app[CLEARING])
            raise
        except (SignatureRefusedError, RequestRefusedError) as error:
            unverified_total.labels(error.code).inc()
            raise
        except web.HTTPRequestEntityTooLarge:
            unverified_total.labels("body_too_large").inc()
            raise
        with backlog.request(call.participant.partner), request_seconds.time():
            try:
                refuse_inactive(call, may_have_left=route.takes_from_left)
                refuse_repeated_parameters(request)
                answer = await handler(request, call)
            except Exception as error:
                answer = problem_answer(error, request_id=call.request_id, keyid=call.keyid)
        requests_total.labels(answer.status).inc()
        return signed_response(request, call, answer)

    return handle


def tell_who_fills(clearing: Clearing) -> None:
    """Log, now and then, whose requests those are that others are turned away for."""
    filling = clearing.backlog.who_fills_it()
    if filling is not None:
        partner, requests = filling
        name = clearing.registry.participants[partner].name
        log.warning("http.turning_away", most_from=name, their_requests=requests, requests=clearing.backlog.requests)


def claimed_partner(request: web.Request) -> int | None:
    """Return whose a request says that it is, by the keys that we know. A look, no parsing: it is asked thousands of
    times a second, of requests that there is no time for."""
    claim = KEYID.search(request.headers.get("Signature-Input", ""))
    key = request.app[CLEARING].registry.keys.get(claim[1]) if claim else None
    return None if key is None else key.partner


async def verified_call(request: web.Request) -> PartnerCall:
    """Verify a request; raises SignatureRefusedError, which is answered unsigned: we don't know to whom."""
    path, query = path_and_query(request.raw_path)
    headers = request.headers
    signed = SignedRequest(
        method=request.method,
        authority=headers.get("Host", ""),
        path=path,
        query=query,
        signature_input=_joined(request, "Signature-Input"),
        signature=_joined(request, "Signature"),
        content_digest=_joined(request, "Content-Digest"),
    )
    clearing = request.app[CLEARING]
    parsed = parse_signature(signed)
    request[CLAIMED_KEYID] = shortened(parsed.keyid)
    now = clearing.clock()
    key = await clearing.registry.find_key(parsed.keyid)
    if key is None:
        raise KeyUnknownError(
            field="Signature-Input;keyid", expected="a key that the operator registered", got=parsed.keyid
        )
    if not key.is_valid_at(now):
        raise KeyNotValidError(field="Signature-Input;keyid", expected=_interval(key), got=now.isoformat())
    verify_head(signed, key.public_key, parsed, now_s=int(now.timestamp()))
    # Only now: who has no key of a partner's, and knows no more than its id, makes nobody read or keep a megabyte.
    body = await read_body(request)
    verified = verify_body(signed, body, parsed)
    if parsed.nonce is not None:
        await spend_nonce(clearing.pool, keyid=key.keyid, nonce=parsed.nonce, now=now)
    participant = clearing.registry.participants[key.partner].as_of(now)
    return PartnerCall(participant, key.keyid, verified, body, request_id_of(request))


def refuse_inactive(call: PartnerCall, *, may_have_left: bool) -> None:
    """Refuse who is known and may not take part now. Who has left may still see its bill."""
    status = call.participant.status
    if status != "active" and not (may_have_left and status == "left"):
        detail = f"{call.partner_name} is {status}; ask the operator."
        raise RequestRefusedError(status=403, code=f"partner_{status}", detail=detail)


def signed_response(
    request: web.Request, call: PartnerCall, answer: Answer, *, by: web.AppKey[Signer] = SIGNER
) -> web.Response:
    """Return the answer with the receipt's signature over it and the request."""
    signature = request.app[by].sign(
        status=answer.status, body=answer.body, verified=call.verified, now=request.app[CLEARING].clock()
    )
    headers = {"Content-Type": answer.content_type, "X-Request-Id": call.request_id, **NOT_KEPT}
    headers |= {**answer.headers, **signature}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def unsigned_response(request: web.Request, answer: Answer) -> web.Response:
    """Return the answer to somebody of whom we don't know who it is."""
    headers = {"Content-Type": answer.content_type, "X-Request-Id": request_id_of(request), **NOT_KEPT}
    headers |= answer.headers
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def request_id_of(request: web.Request) -> str:
    """Return the id under which this request is logged; the same for its whole life."""
    if REQUEST_ID not in request:
        request[REQUEST_ID] = secrets.token_hex(8)
    return request[REQUEST_ID]


async def expect_nothing_yet(_: web.BaseRequest) -> None:
    """Leave a body that waits until it is asked for (RFC 9110 section 10.1.1) to `read_body`."""


async def read_body(request: web.Request) -> bytes:
    if waits_to_be_asked(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # This is not the answer yet.
        request.writer.output_size = 0
    patience_s = request.app[BODY_PATIENCE]
    try:
        async with asyncio.timeout(patience_s):
            return await request.read()
    except TimeoutError as error:
        detail = f"The body did not arrive within {patience_s:g} s."
        raise RequestRefusedError(status=408, code="body_too_slow", detail=detail) from error
    except (ConnectionError, web.RequestPayloadError) as error:
        raise RequestRefusedError(status=400, code="body_cut_off", detail="The body ended early.") from error


def waits_to_be_asked(request: web.BaseRequest) -> bool:
    """Say whether who sends this keeps its body back until asked for it."""
    return request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue"


def _joined(request: web.Request, name: str) -> str | None:
    values = request.headers.getall(name, [])
    return ", ".join(values) if values else None


def _interval(key: PartnerKey) -> str:
    until = key.valid_until.isoformat() if key.valid_until else "for good"
    return f"a moment in which the key is valid: from {key.valid_from.isoformat()} until {until}"
