"""Read what partners send: plain JSON, held to its type, nothing said twice, every bad field named."""

import json
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.problems import GOT_CHARS_MAX, shortened
from coalition.ledger.operation import OPERATIONS_MAX

M = TypeVar("M", bound=BaseModel)
Refused = Callable[[tuple[FieldFault, ...]], RequestRefusedError]
Further = Callable[[bytes, list[ErrorDetails]], list[ErrorDetails]]

# So many are told; a megabyte of nothing but bad fields would else be answered with a dozen, and hold up all others. Of
# more within one value only their number is told: they come all or none, at 3 us each.
FAULTS_MAX = 5_000

OPERATION_TYPES = frozenset({"earn", "burn", "reserve", "capture", "release", "reverse"})

MOMENT = "a date and time with its zone, such as 2026-11-21T18:04:11+01:00"
# What may stand there, where pydantic says it in a programmer's words.
EXPECTED_OF = {
    "datetime_from_date_parsing": MOMENT,
    "datetime_parsing": MOMENT,
    "datetime_type": MOMENT,
    "int_type": "a whole number",
    "missing": "the field",
    "extra_forbidden": "no such field",
    "string_type": "a text",
    "timezone_aware": MOMENT,
    "union_tag_not_found": "the field",
}

# How pydantic begins to say what is wrong, and how the same begins when it says what may stand there.
EXPECTED = (
    ("Invalid JSON: ", "JSON; "),
    ("Input should be ", ""),
    ("Input should have ", ""),
    ("String should have ", ""),
    ("List should have ", ""),
    ("String should match pattern ", "text that matches "),
    ("Value error, ", ""),
)


def refuse_other_content(request: web.Request) -> None:
    """Refuse a body that is not plain JSON."""
    if request.content_type != "application/json":
        came = shortened(request.content_type)
        raise RequestRefusedError(
            status=415,
            code="content_type_unsupported",
            detail=f"Content-Type must be application/json; {came} came.",
            faults=(FieldFault("Content-Type", "content_type_unsupported", "application/json", came),),
        )
    if (encoding := request.headers.get("Content-Encoding", "identity").lower()) != "identity":
        came = shortened(encoding)
        raise RequestRefusedError(
            status=415,
            code="content_encoding_unsupported",
            detail=f"Send the body as it is, without Content-Encoding; {came} came.",
            faults=(FieldFault("Content-Encoding", "content_encoding_unsupported", "no such header", came),),
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
    detail = "Nothing was booked; mend what is named and send again."
    return RequestRefusedError(status=422, code="message_invalid", detail=detail, faults=faults)


def refused_request(faults: tuple[FieldFault, ...]) -> RequestRefusedError:
    """Return the refusal of any other call, which books nothing anyway."""
    detail = "The request can't be answered; mend what is named and ask again."
    return RequestRefusedError(status=422, code="request_invalid", detail=detail, faults=faults)


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
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        # The tag is a field like any other, and pydantic quotes its name.
        place = (*place, detail["ctx"]["discriminator"].strip("'"))
    return FieldFault(".".join(map(str, place)) or "body", detail["type"], _expected(detail), _came(detail))


def _came(detail: ErrorDetails) -> str:
    kind, came = detail["type"], detail["input"]
    if kind in ("missing", "union_tag_not_found"):
        return "nothing"
    if kind == "union_tag_invalid":
        return shortened(detail["ctx"]["tag"])
    if kind in ("too_long", "too_short") and isinstance(came, list):
        return f"{len(came):,} items"
    if isinstance(came, bytes):
        # The body itself, of which nobody knows how it is written.
        return shortened(came[: GOT_CHARS_MAX + 1].decode(errors="backslashreplace"))
    # As it came, and so in quotes where a text is the fault: "7" is no 7.
    is_plain = isinstance(came, str) and not kind.endswith("_type")
    return shortened(came if is_plain else json.dumps(came, ensure_ascii=False, default=str))


def _expected(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "union_tag_invalid":
        return f"one of {detail['ctx']['expected_tags']}"
    if kind in EXPECTED_OF:
        return EXPECTED_OF[kind]
    # What came is said beside it.
    message = detail["msg"].partition(" after validation")[0]
    for beginning, expected in EXPECTED:
        if message.startswith(beginning):
            return expected + message.removeprefix(beginning)
    return message
