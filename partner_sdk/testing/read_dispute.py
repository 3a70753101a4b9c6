"""What the fake hub reads of a dispute, and what is wrong with it: in the real hub's words."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from partner_sdk.testing.read_message import (
    GOT_CHARS_MAX,
    RequestRefusedError,
    fault,
    refuse_repeated_keys,
    shortened,
)

WINDOW_MAX = 2_147_483_647
BODY_BYTES_MAX = 16 * 1024
OPERATIONS_MAX = 100
REASON_CHARS_MAX = 1_000

# What may stand there, where pydantic says it in a programmer's words.
EXPECTED_OF = {
    "int_type": "a whole number",
    "missing": "the field",
    "extra_forbidden": "no such field",
    "string_type": "a text",
}
# How what is wrong begins, and how the same begins as what may stand there.
EXPECTED = (
    ("Invalid JSON: ", "JSON; "),
    ("Input should be ", ""),
    ("Input should have ", ""),
    ("String should have ", ""),
    ("List should have ", ""),
    ("String should match pattern ", "text that matches "),
    ("Value error, ", ""),
)
# A line of a statement: its code and terms version.
LineKey = tuple[str, int]
LineCode = Literal[
    "issue_charge",
    "issue_charge_reversed",
    "issue_deferred",
    "issue_deferred_reversed",
    "issue_prepaid",
    "issue_prepaid_reversed",
    "issue_overdraft",
    "block_purchase",
    "burn_charge",
    "burn_charge_reversed",
    "cover_charge",
    "cover_credit",
    "service_fee",
    "service_fee_reversed",
    "redemption_credit",
    "redemption_credit_reversed",
    "commission",
    "commission_reversed",
    "platform_fee",
]
OperationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
REASON_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"


class AskedLine(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    code: LineCode
    terms_version: Annotated[int, Field(ge=1, le=WINDOW_MAX)]


class AskedDispute(BaseModel):
    """What a partner asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    window: Annotated[int, Field(ge=1, le=WINDOW_MAX)]
    line: AskedLine | None = None
    operation_ids: Annotated[list[OperationId], Field(max_length=OPERATIONS_MAX)] = []
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,13}(\.[0-9]{1,4})?$")]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX, pattern=REASON_PATTERN)]

    @property
    def line_key(self) -> LineKey | None:
        return None if self.line is None else (self.line.code, self.line.terms_version)

    @property
    def operations(self) -> list[str]:
        """Each once, in the order named."""
        return list(dict.fromkeys(self.operation_ids))


def read_dispute(body: bytes) -> AskedDispute:
    """Return what is asked. Raises RequestRefusedError: too large, no JSON, a key twice, or fields at fault."""
    if len(body) > BODY_BYTES_MAX:
        detail = f"A dispute has at most {BODY_BYTES_MAX} bytes; {len(body)} came."
        too_large = fault("body", "body_too_large", f"at most {BODY_BYTES_MAX} bytes", f"{len(body)} bytes")
        raise RequestRefusedError(413, "body_too_large", [too_large], detail=detail)
    try:
        asked = AskedDispute.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from error
    refuse_repeated_keys(body)
    return asked


def _refusal(error: ValidationError) -> RequestRefusedError:
    details = error.errors(include_url=False)
    faults = [
        fault(
            ".".join(map(str, one["loc"])) or "body",
            one["type"],
            _expected(one["type"], one["msg"]),
            _came(one["type"], one["input"]),
        )
        for one in details
    ]
    if any(one["type"] == "json_invalid" for one in details):
        return RequestRefusedError(400, "not_json", faults, detail="The body is not JSON.")
    detail = "The request can't be answered; mend what is named and ask again."
    return RequestRefusedError(422, "request_invalid", faults, detail=detail)


def _came(kind: str, came: Any) -> str:
    if kind == "missing":
        return "nothing"
    if kind == "too_long" and isinstance(came, list):
        return f"{len(came):,} items"
    if isinstance(came, bytes):
        return shortened(came[: GOT_CHARS_MAX + 1].decode(errors="backslashreplace"))
    # As it came, and so in quotes where a text is the fault: "7" is no 7.
    is_plain = isinstance(came, str) and not kind.endswith("_type")
    return shortened(came if is_plain else json.dumps(came, ensure_ascii=False, default=str))


def _expected(kind: str, message: str) -> str:
    if kind in EXPECTED_OF:
        return EXPECTED_OF[kind]
    # What came is said beside it.
    message = message.partition(" after validation")[0]
    for beginning, expected in EXPECTED:
        if message.startswith(beginning):
            return expected + message.removeprefix(beginning)
    return message
