"""What an answer other than 200 means: problem details (RFC 9457), read without trusting them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from partner_sdk.backoff import retry_after_s
from partner_sdk.errors import FieldFault, MessageRejectedError, NotAuthorizedError
from partner_sdk.receipt import Receipt

# Request timeout, too early, too many requests: the same request may succeed later.
RETRYABLE_STATUSES = frozenset({408, 425, 429})
_CLOCK = "this machine's clock is further from the hub's than the hub allows: set it"
# What to do next, where the hub's own words leave it open.
_NEXT = {
    "message_invalid": "send what is mended as a new operation; `outbox retry ID` sends this one again as it is",
    "signature_stale": _CLOCK,
    "signature_from_future": _CLOCK,
    "key_unknown": "give the operator this key's public half, which `keygen` wrote beside it; what is saved waits",
    "key_not_valid": "have the next key registered; it goes on with the same outbox, named by --outbox or outbox=",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is not a success; `receipt` is set if it carries the hub's signature, else it is only a hint."""

    status: int
    code: str
    text: str
    faults: tuple[FieldFault, ...]
    is_retryable: bool
    retry_after_s: float | None
    request_id: str | None
    receipt: Receipt | None

    def error(self) -> MessageRejectedError:
        """Return the error to raise when this fault is final."""
        kind = NotAuthorizedError if self.status in (401, 403) else MessageRejectedError
        error = kind(
            self.text,
            status=self.status,
            code=self.code,
            faults=self.faults,
            request_id=self.request_id,
            receipt=self.receipt,
        )
        if self.code in _NEXT:
            error.add_note(_NEXT[self.code])
        return error

    def __str__(self) -> str:
        signed = "" if self.receipt else " (unsigned)"
        return f"{self.status} {self.code}{signed}: {self.text}"


def read_fault(
    *, status: int, headers: Mapping[str, str], body: bytes, receipt: Receipt | None, now: datetime
) -> Fault:
    """Return the fault that this answer tells; anything may stand in a body that a proxy wrote."""
    problem = _problem(body)
    return Fault(
        status=status,
        code=_text(problem.get("code")) or f"http_{status}",
        text=_text(problem.get("detail")) or _text(problem.get("title")) or "no problem details",
        faults=_field_faults(problem.get("errors")),
        is_retryable=_is_retryable(status, problem, is_signed=receipt is not None),
        retry_after_s=retry_after_s(headers.get("Retry-After"), now=now),
        request_id=_text(problem.get("request_id")) or headers.get("X-Request-Id"),
        receipt=receipt,
    )


def problem_text(problem: Mapping[str, Any], *, without: str) -> str:
    """Return problem details in one line: the code and each bad field, its name without this beginning; or why; and
    what to do next, where that is known."""
    faults = "; ".join(str(fault).removeprefix(without) for fault in _field_faults(problem.get("errors")))
    why = faults or _text(problem.get("detail")) or _text(problem.get("title")) or "no problem details"
    code = _text(problem.get("code")) or "message_rejected"
    return f"{code}: {why}" + (f"; {_NEXT[code]}" if code in _NEXT else "")


def _is_retryable(status: int, problem: Mapping[str, Any], *, is_signed: bool) -> bool:
    told = problem.get("retryable")
    by_status = status >= 500 or status in RETRYABLE_STATUSES
    if is_signed and isinstance(told, bool):
        return told
    return by_status or told is True


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _field_faults(errors: object) -> tuple[FieldFault, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(_field_fault(error) for error in errors)


def _field_fault(error: object) -> FieldFault:
    if not isinstance(error, dict):
        return FieldFault(field="", reason=str(error))
    expected, got = error.get("expected"), error.get("got")
    reason = f"expected {expected}, got {got}" if expected else error.get("code", "")
    return FieldFault(field=str(error.get("field", "")), reason=str(reason))
