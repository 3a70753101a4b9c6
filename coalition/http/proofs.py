"""GET /v1/checkpoint and /v1/proofs: the journals' sizes and roots, and proofs over them, by RFC 6962."""

import json
from collections.abc import Sequence

from aiohttp import web

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.answers import CheckpointAnswer, ConsistencyAnswer, InclusionAnswer
from coalition.http.bodies import refused_message
from coalition.http.problems import shortened
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from coalition.journal.record import timestamp
from coalition.operations.prove import ProofRefusedError, prove_consistency, prove_inclusion, take_checkpoint

LANE_MAX = 1_023
LEAF_MAX = 2**53 - 1


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
    try:
        proof = await prove_inclusion(request.app[POOL], lane=lane, leaf=leaf, size=size, partner=call.partner)
    except ProofRefusedError as error:
        raise _refused(error) from error
    message, index = (None, None) if proof.source is None else (proof.source[0].hex(), proof.source[1])
    return _answer({"lane": lane, "leaf": leaf, "size": size, "message": message, "index": index}, proof.path)


async def get_consistency(request: web.Request, call: PartnerCall) -> Answer:
    """Answer what leads from one root to a later one."""
    lane, before, size = _numbers(request, ("lane", "from", "to"))
    try:
        path = await prove_consistency(request.app[POOL], lane=lane, before=before, size=size)
    except ProofRefusedError as error:
        raise _refused(error) from error
    return _answer({"lane": lane, "from": before, "to": size}, path)


def _answer(asked: dict[str, object], path: Sequence[bytes]) -> Answer:
    return Answer(200, json.dumps({**asked, "path": [one.hex() for one in path]}).encode())


def _numbers(request: web.Request, names: Sequence[str]) -> list[int]:
    """Return the numbers of the query; raises RequestRefusedError with every bad one."""
    numbers, faults = [], []
    for name in names:
        text, most = request.query.get(name, ""), LANE_MAX if name == "lane" else LEAF_MAX
        # Digits of ASCII only, and few: int() takes much more, slowly.
        if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
            numbers.append(int(text))
        else:
            faults.append(FieldFault(name, "number_out_of_range", f"a whole number from 0 to {most}", shortened(text)))
    if faults:
        raise refused_message(tuple(faults))
    return numbers


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
        "/v1/proofs/consistency",
        "partner",
        get_consistency,
        "That the journal of a later checkpoint begins with that of an earlier one (RFC 6962, 2.1.2).",
        answers=ConsistencyAnswer,
        takes_from_left=True,
        parameters=_LANE | {"from": "The size in the earlier checkpoint, 1 or more.", "to": "That in the later one."},
    ),
]
