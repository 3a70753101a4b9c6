"""POST and GET /v1/disputes: what a partner holds to be wrong in its statement."""

import json
from decimal import Decimal
from hashlib import sha256
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.bodies import read_json, refuse_other_content
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from settlement.engine.dispute import Claim
from settlement.engine.line import LineCode
from settlement.errors import SettlementError
from settlement.http.answers import DisputeAnswer, DisputesAnswer
from settlement.http.problems import refusal_of
from settlement.http.windows import PAGE_DEFAULT, PAGE_MAX, WINDOW_MAX, number_in_range
from settlement.operations.list_disputes import list_disputes
from settlement.operations.open_dispute import OPERATIONS_MAX, REASON_CHARS_MAX, open_dispute
from settlement.stores.disputes import Evidence
from settlement.text.report import dispute_document

DISPUTE_MAX = 2**53 - 1
# Kept as evidence for ever; what it may say takes less.
BODY_BYTES_MAX = 16 * 1024

OperationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class DisputedLine(BaseModel):
    """A line of the statement, as its `code` and `terms_version` name it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: LineCode
    terms_version: Annotated[int, Field(ge=1, le=WINDOW_MAX)]


# Lines and tabs, but nothing that would steer the terminal on which an operator reads it, or turn its words around.
REASON_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"


class DisputeRequest(BaseModel):
    """By `amount`, VAT included, your net of a window is too high: by a line of your statement, by operations of yours,
    or both.

    Until the window is invoiced, what you owe by it is not payable before the dispute is answered.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    window: Annotated[int, Field(ge=1, le=WINDOW_MAX)]
    line: DisputedLine | None = None
    operation_ids: Annotated[list[OperationId], Field(max_length=OPERATIONS_MAX)] = []
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,13}(\.[0-9]{1,4})?$", examples=["12.50"])]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX, pattern=REASON_PATTERN)]


async def post_dispute(request: web.Request, call: PartnerCall) -> Answer:
    """Open a dispute; 200 instead of 201: this very message has opened it before."""
    refuse_other_content(request)
    if len(call.body) > BODY_BYTES_MAX:
        detail = f"A dispute has at most {BODY_BYTES_MAX} bytes; {len(call.body)} came."
        expected, came = f"at most {BODY_BYTES_MAX} bytes", f"{len(call.body)} bytes"
        fault = FieldFault("body", "body_too_large", expected, came)
        raise RequestRefusedError(status=413, code="body_too_large", detail=detail, faults=(fault,))
    asked = read_json(DisputeRequest, call.body)
    claim = Claim(
        line=None if asked.line is None else (asked.line.code, asked.line.terms_version),
        operation_ids=tuple(dict.fromkeys(asked.operation_ids)),
        amount=Decimal(asked.amount),
        reason=asked.reason,
    )
    pool, evidence = request.app[POOL], _evidence(request, call)
    try:
        dispute, is_new = await open_dispute(pool, call.partner, asked.window, claim, evidence=evidence)
    except SettlementError as error:
        raise refusal_of(error) from error
    return Answer(201 if is_new else 200, json.dumps(dispute_document(dispute)).encode())


async def get_disputes(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's disputes after a number, oldest first."""
    after = number_in_range(request.query.get("after", "0"), "after", least=0, most=DISPUTE_MAX)
    limit = number_in_range(request.query.get("limit", str(PAGE_DEFAULT)), "limit", least=1, most=PAGE_MAX)
    # One more than asked for tells whether there is a next page.
    disputes = await list_disputes(request.app[POOL], partner=call.partner, after=after, count_max=limit + 1)
    page = disputes[:limit]
    document = {
        "disputes": [dispute_document(dispute) for dispute in page],
        "next": page[-1].dispute if len(disputes) > limit else None,
    }
    return Answer(200, json.dumps(document).encode())


def _evidence(request: web.Request, call: PartnerCall) -> Evidence:
    signed = call.verified.request
    return Evidence(
        digest=call.verified.body_sha256 or sha256(call.body).digest(),
        keyid=call.keyid,
        received_at=request.app[CLEARING].clock(),
        authority=signed.authority,
        target=request.raw_path,
        signature_input=signed.signature_input or "",
        signature=signed.signature or "",
        content_digest=signed.content_digest or "",
        body=call.body,
    )


ROUTES = [
    Route(
        "POST",
        "/v1/disputes",
        "partner",
        post_dispute,
        "Dispute your share of a window; what you owe by it is held out of what is payable until it is answered.",
        takes=DisputeRequest,
        answers=DisputeAnswer,
        status=201,
        other_statuses={"200": "This very message has opened the dispute before."},
    ),
    Route(
        "GET",
        "/v1/disputes",
        "partner",
        get_disputes,
        "Your disputes, oldest first, with their answers.",
        answers=DisputesAnswer,
        parameters={"after": "the number of the last dispute you have seen", "limit": f"1 to {PAGE_MAX}"},
    ),
]
