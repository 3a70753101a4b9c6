"""POST /v1/messages: the one way in which points move."""

from hashlib import sha256

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from coalition.http.answers import MessageAnswer
from coalition.http.bodies import (
    FAULTS_MAX,
    details_of,
    parse_json,
    refuse_other_content,
    refuse_repeated_keys,
    refused_message,
)
from coalition.http.metrics import count_results, waiting_operations
from coalition.http.routes import CLEARING, Answer, PartnerCall, Route
from coalition.lanes.clearing import SignedMessage
from coalition.ledger.admission import message_faults
from coalition.ledger.operation import OPERATIONS_MAX, AnyOperation, Message, Operation

OPERATION: TypeAdapter[AnyOperation] = TypeAdapter(Operation)
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
    """Read a body strictly; raises RequestRefusedError with every bad field: 400 not JSON or a key that stands twice,
    413 too many, 422 else."""
    message = parse_json(Message, body, refused=refused_message, further=_further_details)
    if not _has_each_key_once(body, message):
        refuse_repeated_keys(body)
    return message


def _further_details(body: bytes, told: list[ErrorDetails]) -> list[ErrorDetails]:
    """Return what is wrong with the operations after the bad one that is told, up to about FAULTS_MAX.

    A megabyte can hold more bad fields than anybody can find, let alone name, while others wait for an answer."""
    bad = [place[1] for detail in told if len(place := detail["loc"]) > 1 and place[0] == "operations"]
    if not bad:
        return []
    operations = from_json(body)["operations"]
    if len(operations) > OPERATIONS_MAX:
        text = f"at most {OPERATIONS_MAX} items"
        return [ErrorDetails(type="too_long", loc=("operations",), msg=text, input=operations)]
    details: list[ErrorDetails] = []
    for index in range(int(bad[-1]) + 1, len(operations)):
        if len(told) + len(details) >= FAULTS_MAX:
            break
        try:
            OPERATION.validate_json(to_json(operations[index]))
        except ValidationError as error:
            details += details_of(error, within=("operations", index))
    return details


def _has_each_key_once(body: bytes, message: Message) -> bool:
    """Say whether a count shows that no key stands twice; where it does not, the body has to be read once more.

    Where every key is another one, there are as many as the parsed message has fields. Only where the counts differ (a
    text may hold what looks like a key), or a space stands before a colon, this can't tell."""
    is_plain = not any(spaced in body for spaced in SPACED_KEY_ENDS)
    return is_plain and body.count(KEY_END) == message.fields_count()


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
