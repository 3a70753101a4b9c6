"""POST /v1/messages: the one way in which points move."""

import json
from hashlib import sha256

from aiohttp import web

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.answers import MessageAnswer
from coalition.http.bodies import read_json, refuse_other_content, refused_message
from coalition.http.metrics import count_results, waiting_operations
from coalition.http.routes import CLEARING, Answer, PartnerCall, Route
from coalition.lanes.clearing import SignedMessage
from coalition.ledger.admission import message_faults
from coalition.ledger.operation import Message

KEY_END = b'":'
SPACED_KEY_ENDS = (b" :", b"\t:", b"\n:", b"\r:")


async def post_message(request: web.Request, call: PartnerCall) -> Answer:
    """Book a message's operations and answer with one result for each, after the commit."""
    refuse_other_content(request)
    message = read_message(call.body)
    clearing = request.app[CLEARING]
    faults = message_faults(message.operations, now=clearing.clock(), currency=clearing.registry.programme.currency)
    if faults:
        raise refused_message(faults)
    digest = call.verified.body_sha256 or sha256(call.body).digest()
    waiting_operations.inc(len(message.operations))
    try:
        results = await clearing.clear(_signed_message(request, call, digest), message.operations)
    finally:
        waiting_operations.dec(len(message.operations))
    count_results(results)
    return Answer(200, f'{{"message":"{digest.hex()}","results":[{",".join(results)}]}}'.encode())


def _signed_message(request: web.Request, call: PartnerCall, digest: bytes) -> SignedMessage:
    signed = call.verified.request
    return SignedMessage(
        partner=call.participant,
        keyid=call.keyid,
        authority=signed.authority,
        target=request.raw_path,
        signature_input=signed.signature_input or "",
        signature=signed.signature or "",
        content_digest=signed.content_digest or "",
        body=call.body,
        digest=digest,
    )


def read_message(body: bytes) -> Message:
    """Read a body strictly; raises RequestRefusedError with every bad field: 400 not JSON, 413 too many, 422 else."""
    message = read_json(Message, body)
    refuse_repeated_keys(body, message)
    return message


def refuse_repeated_keys(body: bytes, message: Message) -> None:
    """Refuse a key that stands twice in one object: two readers of such evidence may take it for two operations.

    The parser keeps the last one silently. Where every key is another one, there are as many as the parsed message has
    fields; only where the counts differ (a text may hold what looks like a key), or a space stands before a colon, is
    the body read a second time."""
    is_plain = not any(spaced in body for spaced in SPACED_KEY_ENDS)
    if is_plain and body.count(KEY_END) == message.fields_count():
        return
    try:
        json.loads(body, object_pairs_hook=_unique_pairs)
    except KeyError as error:
        fault = FieldFault(str(error.args[0]), "key_twice", "each key once in its object", "twice")
        raise RequestRefusedError(
            status=400, code="key_twice", detail=f"The key {error.args[0]} stands twice in one object.", faults=(fault,)
        ) from error


def _unique_pairs(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise KeyError(key)
        seen.add(key)


ROUTES = [
    Route(
        "POST",
        "/v1/messages",
        "partner",
        post_message,
        "Book earns, burns and reversals; each operation stands alone, and is answered after the commit.",
        takes=Message,
        answers=MessageAnswer,
    )
]
