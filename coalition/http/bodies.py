"""Read what partners send: plain JSON, held to its type, nothing said twice, every bad field named."""

import json
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.problems import shortened
from coalition.ledger.operation import OPERATIONS_MAX

M = TypeVar("M", bound=BaseModel)
Refused = Callable[[tuple[FieldFault, ...]], RequestRefusedError]
Further = Callable[[bytes, list[ErrorDetails]], list[ErrorDetails]]

# So many are told; a megabyte of nothing but bad fields would else be answered with a dozen, and hold up all others. Of
# more within one value only their number is told: they come all or none, at 3 us each.
FAULTS_MAX = 5_000

OPERATION_TYPES = frozenset({"earn", "burn", "reserve", "capture", "release", "reverse"})

# How pydantic begins to say what is wrong, and how the same begins when it says what may stand there.
EXPECTED = (
    ("Input should be ", ""),
    ("Input should have ", ""),
    ("String should have ", ""),
    ("List should have ", ""),
    ("String should match pattern ", "text that matches "),
    ("Field required", "the field"),
    ("Extra inputs are not permitted", "no such field"),
    ("Value error, ", ""),
)


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


def refuse_repeated_parameters(request: web.Request) -> None:
    """Refuse a query that names a parameter twice: two readers may take another one of the two."""
    query = request.query
    twice = sorted(name for name in set(query) if len(query.getall(name)) > 1)
    if twice:
        raise refused_request(
            tuple(FieldFault(shortened(name), "parameter_twice", "each parameter once", "twice") for name in twice)
        )


def read_json(model: type[M], body: bytes) -> M:
    """Read a body strictly as what it should be; raises RequestRefusedError with every bad field: 400 not JSON or a key
    that stands twice, 422 else."""
    read = parse_json(model, body, refused=refused_request)
    refuse_repeated_keys(body)
    return read


def parse_json(model: type[M], body: bytes, *, refused: Refused, further: Further | None = None) -> M:
    """Read a body as what it should be; raises RequestRefusedError with every bad field, FAULTS_MAX at most: 400 not
    JSON, 413 too many, `refused` else. It takes a key that stands twice.

    `further` finds what the model, which stops at the first bad item of a list, has not looked at."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = details_of(error)
    if further is not None:
        details += further(body, details)
    faults = tuple(_fault(detail) for detail in details[:FAULTS_MAX])
    if any(fault.code == "json_invalid" for fault in faults):
        raise RequestRefusedError(status=400, code="not_json", detail="The body is not JSON.", faults=faults)
    if any(fault.field == "operations" and fault.code == "too_long" for fault in faults):
        detail = f"A message holds at most {OPERATIONS_MAX} operations; send the rest in the next."
        raise RequestRefusedError(status=413, code="too_many_operations", detail=detail, faults=faults)
    raise refused(faults)


def details_of(error: ValidationError, *, within: tuple[str | int, ...] = ()) -> list[ErrorDetails]:
    """Return what is wrong at each bad field of a value, which stands `within` the body; of more than FAULTS_MAX only
    how many there are."""
    count = error.error_count()
    if count > FAULTS_MAX:
        text = f"at most {FAULTS_MAX:,} bad fields, to name each"
        return [ErrorDetails(type="too_many_faults", loc=within, msg=text, input=f"{count:,}")]
    details = error.errors(include_url=False, include_context=True)
    for detail in details:
        detail["loc"] = (*within, *detail["loc"])
    return details


def refuse_repeated_keys(body: bytes) -> None:
    """Refuse a key that stands twice in one object: two readers of such evidence may take it for two things.

    The models' parser keeps the last one silently; `body` is JSON that it has read."""
    try:
        # Numbers stay text: nobody reads them here, and long ones are slow to turn into numbers.
        json.loads(body, object_pairs_hook=_unique_pairs, parse_int=str, parse_float=str)
    except KeyError as error:
        key = shortened(error.args[0])
        fault = FieldFault(key, "key_twice", "each key once in its object", "twice")
        raise RequestRefusedError(
            status=400, code="key_twice", detail=f"The key {key} stands twice in one object.", faults=(fault,)
        ) from error


def refused_message(faults: tuple[FieldFault, ...]) -> RequestRefusedError:
    """Return the refusal of a message of operations."""
    detail = f"Nothing was booked; mend these and send again: {_fields(faults)}."
    return RequestRefusedError(status=422, code="message_invalid", detail=detail, faults=faults)


def refused_request(faults: tuple[FieldFault, ...]) -> RequestRefusedError:
    """Return the refusal of any other call, which books nothing anyway."""
    detail = f"The request can't be answered; mend these and ask again: {_fields(faults)}."
    return RequestRefusedError(status=422, code="request_invalid", detail=detail, faults=faults)


def _fields(faults: tuple[FieldFault, ...]) -> str:
    return ", ".join(fault.field for fault in faults[:5]) + (", …" if len(faults) > 5 else "")


def _unique_pairs(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise KeyError(key)
        seen.add(key)


def _fault(detail: ErrorDetails) -> FieldFault:
    # The union's tag is our own word; the sender knows its field without it.
    place = detail["loc"]
    if len(place) > 2 and place[2] in OPERATION_TYPES:
        place = place[:2] + place[3:]
    return FieldFault(".".join(map(str, place)) or "body", detail["type"], _expected(detail), _came(detail))


def _came(detail: ErrorDetails) -> str:
    kind, came = detail["type"], detail["input"]
    if kind == "missing":
        return "nothing"
    if kind == "union_tag_invalid":
        return shortened(detail["ctx"]["tag"])
    # In quotes where a text is the fault: "7" is no 7.
    return shortened(json.dumps(came) if kind.endswith("_type") and isinstance(came, str) else came)


def _expected(detail: ErrorDetails) -> str:
    if detail["type"] == "union_tag_invalid":
        return f"a type of {detail['ctx']['expected_tags']}"
    message = detail["msg"]
    for beginning, expected in EXPECTED:
        if message.startswith(beginning):
            return expected + message.removeprefix(beginning)
    return message
