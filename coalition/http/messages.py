"""POST /v1/messages: the one way in which points move."""

import json
from hashlib import sha256
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.answers import MessageAnswer
from coalition.http.metrics import count_results, waiting_operations
from coalition.http.problems import shortened
from coalition.http.routes import CLEARING, Answer, PartnerCall, Route
from coalition.lanes.clearing import SignedMessage
from coalition.ledger.admission import message_faults
from coalition.ledger.operation import OPERATIONS_MAX, Message

M = TypeVar("M", bound=BaseModel)

KEY_END = b'":'
SPACED_KEY_ENDS = (b" :", b"\t:", b"\n:", b"\r:")
OPERATION_TYPES = frozenset({"earn", "burn", "reserve", "capture", "release", "reverse"})


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


def refuse_other_content(request: web.Request) -> None:
    """Refuse a body that is not plain JSON."""
    if request.content_type != "application/json":
        raise RequestRefusedError(
            status=415,
            code="content_type_unsupported",
            detail=f"Content-Type must be application/json; {shortened(request.content_type)} came.",
        )
    if (encoding := request.headers.get("Content-Encoding", "identity").lower()) != "identity":
        raise RequestRefusedError(
            status=415,
            code="content_encoding_unsupported",
            detail=f"Send the body as it is, without Content-Encoding; {shortened(encoding)} came.",
        )


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


def read_json(model: type[M], body: bytes) -> M:
    """Read a body as what it should be; raises RequestRefusedError like `read_message`, but takes a key twice."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = tuple(_fault(detail) for detail in error.errors(include_url=False, include_context=True))
    if any(fault.code == "json_invalid" for fault in faults):
        raise RequestRefusedError(status=400, code="not_json", detail="The body is not JSON.", faults=faults)
    if any(fault.field == "operations" and fault.code == "too_long" for fault in faults):
        detail = f"A message holds at most {OPERATIONS_MAX} operations; send the rest in the next."
        raise RequestRefusedError(status=413, code="too_many_operations", detail=detail, faults=faults)
    raise refused_message(faults)


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


def refused_message(faults: tuple[FieldFault, ...]) -> RequestRefusedError:
    fields = ", ".join(fault.field for fault in faults[:5]) + (", …" if len(faults) > 5 else "")
    detail = f"Nothing was booked; mend these and send again: {fields}."
    return RequestRefusedError(status=422, code="message_invalid", detail=detail, faults=faults)


def _fault(detail: object) -> FieldFault:
    assert isinstance(detail, dict)
    # The union's tag is our own word; the sender knows its field without it.
    path = [str(part) for position, part in enumerate(detail["loc"]) if not (position == 2 and part in OPERATION_TYPES)]
    came = "nothing" if detail["type"] == "missing" else shortened(detail["input"])
    return FieldFault(".".join(path) or "body", detail["type"], detail["msg"], came)


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
