"""Read what partners send: plain JSON, held to its type, every bad field named."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.problems import shortened
from coalition.ledger.operation import OPERATIONS_MAX

M = TypeVar("M", bound=BaseModel)

OPERATION_TYPES = frozenset({"earn", "burn", "reserve", "capture", "release", "reverse"})


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


def read_json(model: type[M], body: bytes) -> M:
    """Read a body as what it should be; raises RequestRefusedError with every bad field: 400 not JSON, 413 too many,
    422 else. It takes a key that stands twice."""
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
