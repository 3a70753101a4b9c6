"""What the fake hub reads of a message, and what is wrong with it: by the SDK's own operations, and by its clock."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from partner_sdk.errors import InvalidOperationError
from partner_sdk.message import OPERATIONS_MAX
from partner_sdk.operation import POINTS_MAX, Burn, Earn, Operation, parse_operation
from partner_sdk.outbox_rows import same_card

VALID_S_MIN, VALID_S_MAX = 60, 86_400
PAST_DAYS_MAX = 400
AHEAD_MINUTES_MAX = 10
GOT_CHARS_MAX = 120

Fault = dict[str, str]


class RequestRefusedError(Exception):
    """The request is refused as a whole; `detail` says why, `faults` names every bad field."""

    def __init__(self, status: int, code: str, faults: Sequence[Fault] = (), *, detail: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.faults, self.detail = status, code, list(faults), detail


def read_message(body: bytes, *, now: datetime, currency: str) -> list[Operation]:
    """Return a message's operations, card and moment spelled one way. Raises RequestRefusedError."""
    try:
        message = json.loads(body)
    except ValueError as not_json:
        raise RequestRefusedError(400, "not_json", [fault("body", "json_invalid", "JSON", "")]) from not_json
    if not isinstance(message, dict):
        raise RequestRefusedError(422, "message_invalid", [fault("body", "invalid", "an object", message)])
    every = message.get("operations")
    if not isinstance(every, list) or not every:
        raise RequestRefusedError(422, "message_invalid", [fault("operations", "invalid", "operations", every)])
    if len(every) > OPERATIONS_MAX:
        raise RequestRefusedError(413, "too_many_operations", [fault("operations", "too_long", "fewer", len(every))])
    operations: list[Operation] = []
    faults: list[Fault] = []
    for index, fields in enumerate(every):
        try:
            operations.append(_read_operation(fields))
        except InvalidOperationError as invalid:
            for one in invalid.faults:
                # What is no object has no fields.
                field = f".{one.field}" if one.field and isinstance(fields, dict) else ""
                faults.append(fault(f"operations.{index}{field}", "invalid", one.reason, ""))
    faults = faults or list(_faults(operations, now=now, currency=currency))
    if faults:
        raise RequestRefusedError(422, "message_invalid", faults)
    refuse_repeated_keys(body)
    return operations


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What a certificate is asked for."""

    card: str
    till: str
    points: int
    valid_s: int


def read_certificate_request(body: bytes) -> CertificateRequest:
    """Return what is asked, the card spelled one way. Raises RequestRefusedError."""
    try:
        content = json.loads(body)
        asked = CertificateRequest(
            same_card(content["card"]), content["till"], int(content["points"]), int(content["valid_s"])
        )
    except (ValueError, KeyError, TypeError) as bad:
        raise RequestRefusedError(422, "request_invalid", [fault("body", "invalid", "a request", bad)]) from bad
    if not 1 <= asked.points <= POINTS_MAX:
        raise RequestRefusedError(
            422, "request_invalid", [fault("points", "invalid", f"1 to {POINTS_MAX}", asked.points)]
        )
    if not VALID_S_MIN <= asked.valid_s <= VALID_S_MAX:
        expected = f"{VALID_S_MIN} to {VALID_S_MAX}"
        raise RequestRefusedError(422, "request_invalid", [fault("valid_s", "invalid", expected, asked.valid_s)])
    return asked


def refuse_repeated_keys(body: bytes) -> None:
    """Refuse a key that stands twice in one object; `body` is JSON. Raises RequestRefusedError."""

    def unique(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                faults = [fault(shortened(key), "key_twice", "each key once in its object", "twice")]
                detail = f"The key {shortened(key)} stands twice in one object."
                raise RequestRefusedError(400, "key_twice", faults, detail=detail)
            seen.add(key)

    json.loads(body, object_pairs_hook=unique)


def shortened(got: object) -> str:
    """Return what came, short enough to be told back."""
    text = (got or "an empty text") if isinstance(got, str) else repr(got)
    return text if len(text) <= GOT_CHARS_MAX else text[:GOT_CHARS_MAX] + "…"


def fault(field: str, code: str, expected: str, got: object) -> Fault:
    """Return one bad field: where, what was expected, what came."""
    return {"field": field, "code": code, "expected": expected, "got": str(got)}


def _read_operation(fields: Any) -> Operation:
    # The SDK makes an id and a moment where a till gives none; on the wire both must be there.
    required = {"id": None, "occurred_at": None}
    operation = parse_operation(required | fields if isinstance(fields, dict) else {})
    spelled = {"card": same_card(operation.card), "occurred_at": operation.occurred_at.astimezone(UTC)}
    return operation.model_copy(update=spelled)


def _faults(operations: list[Operation], *, now: datetime, currency: str) -> Iterator[Fault]:
    first_index: dict[str, int] = {}
    for index, operation in enumerate(operations):
        place = f"operations.{index}"
        if (first := first_index.setdefault(operation.id, index)) != index:
            expected = f"an id of its own; operations.{first} has the same"
            yield fault(f"{place}.id", "operation_id_twice", expected, operation.id)
        behind = now - operation.occurred_at
        if not -timedelta(minutes=AHEAD_MINUTES_MAX) <= behind <= timedelta(days=PAST_DAYS_MAX):
            expected = f"at most {PAST_DAYS_MAX} days before and {AHEAD_MINUTES_MAX} minutes after {now.isoformat()}"
            yield fault(f"{place}.occurred_at", "occurred_at_far_off", expected, operation.occurred_at.isoformat())
        if isinstance(operation, Earn | Burn) and (purchase := operation.purchase) and purchase.currency != currency:
            yield fault(f"{place}.purchase.currency", "foreign_currency", currency, purchase.currency)
        if isinstance(operation, Burn) and (operation.certificate is None) != (operation.counter is None):
            missing = "counter" if operation.counter is None else "certificate"
            yield fault(f"{place}.{missing}", f"{missing}_missing", "certificate and counter, or neither", "nothing")
        if isinstance(operation, Earn) and operation.vat is not None:
            yield from _vat_faults(place, operation)


def _vat_faults(place: str, earn: Earn) -> Iterator[Fault]:
    shares = earn.vat or []
    shared = sum(share.points for share in shares)
    if earn.points is None:
        yield fault(f"{place}.points", "points_missing", "points beside vat", "nothing")
    elif len({share.rate for share in shares}) < len(shares):
        yield fault(f"{place}.vat", "vat_rate_twice", "each rate once", ", ".join(str(share.rate) for share in shares))
    elif shared != earn.points:
        yield fault(f"{place}.vat", "vat_sum_wrong", f"shares that sum to {earn.points} points", f"{shared} points")
