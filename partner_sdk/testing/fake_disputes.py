"""The fake hub's disputes, of windows of which a test has said what is owed: the real hub's answers and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from partner_sdk.testing.fake_ledger import WINDOW, Record
from partner_sdk.testing.read_message import RequestRefusedError, fault

WINDOW_MAX = 2_147_483_647
BODY_BYTES_MAX = 16 * 1024
OPERATIONS_MAX = 100
DISPUTE_DAYS, ANSWER_DAYS = 30, 30
OPEN_MAX = 100
DISPUTES_MAX = 500
PAGE_DEFAULT, PAGE_MAX = 100, 1_000
DISPUTE_MAX = 2**53 - 1
AMOUNT_MAX = Decimal("10000000000000.00")
MONEY_DECIMALS = 2
NOTHING = Decimal("0.00")

# A line of a statement: its code and terms version.
LineKey = tuple[str, int]
OperationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    code: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    terms_version: Annotated[int, Field(ge=1, le=WINDOW_MAX)]


REASON_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    window: Annotated[int, Field(ge=1, le=WINDOW_MAX)]
    line: _Line | None = None
    operation_ids: Annotated[list[OperationId], Field(max_length=OPERATIONS_MAX)] = []
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,13}(\.[0-9]{1,4})?$")]
    reason: Annotated[str, Field(min_length=1, max_length=1_000, pattern=REASON_PATTERN)]

    @property
    def line_key(self) -> LineKey | None:
        return None if self.line is None else (self.line.code, self.line.terms_version)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a window's statement says is owed by each line, VAT included."""

    owed: Mapping[LineKey, Decimal]
    calculated_at: datetime
    is_invoiced: bool

    @property
    def in_all(self) -> Decimal:
        return sum((amount for amount in self.owed.values() if amount > 0), NOTHING)


@dataclass(slots=True)
class _Dispute:
    number: int
    asked: _Asked
    digest: bytes
    received_at: datetime
    held: Decimal
    answer_until: str
    state: Literal["OPEN", "ACCEPTED", "REJECTED"] = "OPEN"
    accepted: Decimal | None = None
    answer: str | None = None
    resolved_at: datetime | None = None

    @property
    def amount(self) -> Decimal:
        return Decimal(self.asked.amount).quantize(NOTHING)

    def document(self) -> dict[str, Any]:
        asked = self.asked
        return {
            "dispute": self.number,
            "partner": 1,
            "window": asked.window,
            "state": self.state,
            "line": None if asked.line is None else asked.line.model_dump(),
            "operation_ids": list(dict.fromkeys(asked.operation_ids)),
            "amount": str(self.amount),
            "held": str(self.held),
            "reason": asked.reason,
            "received_at": self.received_at.isoformat(),
            "answer_until": self.answer_until,
            "accepted": None if self.accepted is None else str(self.accepted),
            "answer": self.answer,
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
        }


@dataclass(slots=True)
class FakeDisputes:
    """One partner's statements and disputes."""

    zone: ZoneInfo
    statements: dict[int, Statement] = field(default_factory=dict)
    _disputes: list[_Dispute] = field(default_factory=list)

    def open(self, body: bytes, records: Mapping[str, Record], *, now: datetime) -> tuple[int, dict[str, Any]]:
        """Return status and answer of POST /v1/disputes. Raises RequestRefusedError."""
        if len(body) > BODY_BYTES_MAX:
            raise RequestRefusedError(413, "body_too_large")
        asked, digest = _read(body), sha256(body).digest()
        known = next((one for one in self._disputes if one.digest == digest), None)
        if known is not None:
            return 200, known.document()
        _refuse_unbounded(asked, records)
        statement = self._statement(asked.window)
        today = now.astimezone(self.zone).date()
        if today > statement.calculated_at.astimezone(self.zone).date() + timedelta(days=DISPUTE_DAYS):
            raise RequestRefusedError(409, "dispute_too_late")
        of_window = [one for one in self._disputes if one.asked.window == asked.window]
        still_open = [one for one in of_window if one.state == "OPEN"]
        if len(still_open) >= OPEN_MAX or len(of_window) >= DISPUTES_MAX:
            raise RequestRefusedError(422, "invalid_dispute")
        if {operation for one in still_open for operation in one.asked.operation_ids} & set(asked.operation_ids):
            raise RequestRefusedError(409, "already_disputed")
        held = _held(asked, statement, of_window)
        dispute = _Dispute(
            number=len(self._disputes) + 1,
            asked=asked,
            digest=digest,
            received_at=now,
            held=NOTHING if statement.is_invoiced else held,
            answer_until=(today + timedelta(days=ANSWER_DAYS)).isoformat(),
        )
        self._disputes.append(dispute)
        return 201, dispute.document()

    def answer(self, number: int, *, accepted: Decimal | None, answer: str, now: datetime) -> None:
        """Answer an open dispute; `accepted` None: it is rejected. Raises ValueError."""
        dispute = next((one for one in self._disputes if one.number == number and one.state == "OPEN"), None)
        if dispute is None:
            raise ValueError(f"expected the number of an open dispute, got {number}")
        if accepted is not None and not 0 < accepted <= dispute.amount:
            raise ValueError(f"expected more than 0 and at most {dispute.amount}, as claimed, got {accepted}")
        dispute.state = "REJECTED" if accepted is None else "ACCEPTED"
        dispute.accepted = NOTHING if accepted is None else accepted.quantize(NOTHING)
        dispute.answer, dispute.resolved_at = answer, now

    def page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer of GET /v1/disputes. Raises RequestRefusedError."""
        after = _number(query.get("after", "0"), "after", least=0, most=DISPUTE_MAX)
        limit = _number(query.get("limit", str(PAGE_DEFAULT)), "limit", least=1, most=PAGE_MAX)
        found = [one for one in self._disputes if one.number > after]
        page = found[:limit]
        return {
            "disputes": [one.document() for one in page],
            "next": page[-1].number if len(found) > limit else None,
        }

    def _statement(self, window: int) -> Statement:
        if window in self.statements:
            return self.statements[window]
        raise RequestRefusedError(404, "unknown_statement" if window == WINDOW else "unknown_window")


def _read(body: bytes) -> _Asked:
    try:
        return _Asked.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults = [fault(".".join(map(str, one["loc"])) or "body", one["type"], one["msg"], "") for one in details]
    if any(one["type"] == "json_invalid" for one in details):
        raise RequestRefusedError(400, "not_json", faults)
    raise RequestRefusedError(422, "request_invalid", faults)


def _refuse_unbounded(asked: _Asked, records: Mapping[str, Record]) -> None:
    amount = Decimal(asked.amount)
    is_own = all(
        one in records and records[one].booking is not None and records[one].result["window"] == asked.window
        for one in asked.operation_ids
    )
    is_money = 0 < amount <= AMOUNT_MAX and amount == round(amount, MONEY_DECIMALS)
    if (asked.line is None and not asked.operation_ids) or not is_own or not is_money:
        raise RequestRefusedError(422, "invalid_dispute")


def _held(asked: _Asked, statement: Statement, disputes: list[_Dispute]) -> Decimal:
    """Return what is not payable before the answer: what is owed by the line, as far as it is disputed."""
    taken: dict[LineKey | None, Decimal] = {}
    for one in disputes:
        if one.state != "REJECTED":
            amount = one.amount if one.accepted is None else one.accepted
            taken[one.asked.line_key] = taken.get(one.asked.line_key, NOTHING) + amount
    amount, key = Decimal(asked.amount).quantize(NOTHING), asked.line_key
    held = sum((one for line, one in taken.items() if line is None or statement.owed.get(line, 0) > 0), NOTHING)
    most = statement.in_all - held
    if key is not None:
        if key not in statement.owed:
            raise RequestRefusedError(422, "invalid_dispute")
        if statement.owed[key] <= 0:
            return NOTHING
        most = min(most, statement.owed[key] - taken.get(key, NOTHING))
    if amount > most:
        raise RequestRefusedError(422, "invalid_dispute")
    return amount


def _number(text: str, name: str, *, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    expected = f"a whole number from {least} to {most}"
    raise RequestRefusedError(422, "number_out_of_range", [fault(name, "number_out_of_range", expected, text)])
