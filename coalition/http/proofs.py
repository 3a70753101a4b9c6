"""GET /v1/checkpoint and /v1/proofs: the journals' sizes and roots, and proofs over them, by RFC 6962."""

import json
from collections.abc import Sequence

from aiohttp import web

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.answers import CheckpointAnswer, ConsistencyAnswer, InclusionAnswer, InclusionsAnswer
from coalition.http.bodies import refused_request
from coalition.http.problems import shortened
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from coalition.journal.record import timestamp
from coalition.operations.prove import (
    Inclusion,
    ProofRefusedError,
    prove_consistency,
    prove_inclusions,
    take_checkpoint,
)

LANE_MAX = 1_023
LEAF_MAX = 2**53 - 1
LEAVES_MAX = 50


async def get_checkpoint(request: web.Request, call: PartnerCall) -> Answer:
    """Answer where every lane's journal stands; as each answer it is signed."""
    lanes = await take_checkpoint(request.app[POOL])
    document = {
        "made_at": timestamp(request.app[CLEARING].clock()),
        "lanes": [{"lane": lane, "size": size, "root": root.hex()} for lane, size, root in lanes],
    }
    return Answer(200, json.dumps(document).encode())


async def get_inclusion(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the path from a record to a root."""
    lane, leaf, size = _numbers(request, ("lane", "leaf", "size"))
    (proof,) = await _inclusions(request, call, lane, [leaf], size)
    return Answer(200, json.dumps({"lane": lane, "size": size, **proof}).encode())


async def get_inclusions(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the paths from several records to one root."""
    lane, size = _numbers(request, ("lane", "size"))
    texts = request.query.get("leaves", "").split(",")
    leaves = [number for text in texts if (number := _number(text, LEAF_MAX)) is not None]
    if len(leaves) < len(texts) or len(leaves) > LEAVES_MAX:
        expected = f"1 to {LEAVES_MAX} whole numbers from 0 to {LEAF_MAX}, with commas between"
        got = shortened(request.query.get("leaves", ""))
        raise refused_request((FieldFault("leaves", "number_out_of_range", expected, got),))
    proofs = await _inclusions(request, call, lane, leaves, size)
    return Answer(200, json.dumps({"lane": lane, "size": size, "proofs": proofs}).encode())


async def _inclusions(
    request: web.Request, call: PartnerCall, lane: int, leaves: Sequence[int], size: int
) -> list[dict[str, object]]:
    try:
        proofs = await prove_inclusions(request.app[POOL], lane=lane, leaves=leaves, size=size, partner=call.partner)
    except ProofRefusedError as error:
        raise _refused(error) from error
    return [_inclusion_document(proof) for proof in proofs]


def _inclusion_document(proof: Inclusion) -> dict[str, object]:
    message, index = (None, None) if proof.source is None else (proof.source[0].hex(), proof.source[1])
    return {"leaf": proof.leaf, "message": message, "index": index, "path": [one.hex() for one in proof.path]}


async def get_consistency(request: web.Request, call: PartnerCall) -> Answer:
    """Answer what leads from one root to a later one."""
    lane, before, size = _numbers(request, ("lane", "from", "to"))
    try:
        path = await prove_consistency(request.app[POOL], lane=lane, before=before, size=size)
    except ProofRefusedError as error:
        raise _refused(error) from error
    document = {"lane": lane, "from": before, "to": size, "path": [one.hex() for one in path]}
    return Answer(200, json.dumps(document).encode())


def _numbers(request: web.Request, names: Sequence[str]) -> list[int]:
    """Return the numbers of the query; raises RequestRefusedError with every bad one."""
    numbers, faults = [], []
    for name in names:
        text, most = request.query.get(name, ""), LANE_MAX if name == "lane" else LEAF_MAX
        number = _number(text, most)
        if number is not None:
            numbers.append(number)
        else:
            faults.append(FieldFault(name, "number_out_of_range", f"a whole number from 0 to {most}", shortened(text)))
    if faults:
        raise refused_request(tuple(faults))
    return numbers


def _number(text: str, most: int) -> int | None:
    # Digits of ASCII only, and few: int() takes much more, slowly.
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most
    return int(text) if is_number else None


def _refused(error: ProofRefusedError) -> RequestRefusedError:
    fault = FieldFault(error.field, "number_out_of_range", error.expected, str(error.got))
    return RequestRefusedError(status=422, code="no_such_proof", detail=str(error), faults=(fault,))


_LANE = {"lane": "The lane, as receipts name it."}

ROUTES = [
    Route(
        "GET",
        "/v1/checkpoint",
        "partner",
        get_checkpoint,
        "Size and Merkle root of every lane's journal, signed.",
        answers=CheckpointAnswer,
        takes_from_left=True,
    ),
    Route(
        "GET",
        "/v1/proofs/inclusion",
        "partner",
        get_inclusion,
        "The audit path of one record (RFC 6962, 2.1.1).",
        answers=InclusionAnswer,
        takes_from_left=True,
        parameters=_LANE | {"leaf": "The record's leaf.", "size": "The journal's size in the checkpoint."},
    ),
    Route(
        "GET",
        "/v1/proofs/inclusions",
        "partner",
        get_inclusions,
        "The audit paths of several records of a lane, in the order asked for.",
        answers=InclusionsAnswer,
        takes_from_left=True,
        parameters=_LANE
        | {
            "leaves": f"Up to {LEAVES_MAX} leaves with commas between; close ones cost little more than one.",
            "size": "The journal's size in the checkpoint.",
        },
    ),
    Route(
        "GET",
        "/v1/proofs/consistency",
        "partner",
        get_consistency,
        "That the journal of a later checkpoint begins with that of an earlier one (RFC 6962, 2.1.2).",
        answers=ConsistencyAnswer,
        takes_from_left=True,
        parameters=_LANE | {"from": "The size in the earlier checkpoint, 1 or more.", "to": "That in the later one."},
    ),
]
