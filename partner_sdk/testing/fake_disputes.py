"""The fake hub's disputes, of windows of which a test has said what is owed: the real hub's answers and refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo

from partner_sdk.testing.fake_ledger import FIRST_WINDOW, Record
from partner_sdk.testing.read_dispute import AskedDispute, LineKey, read_dispute
from partner_sdk.testing.read_message import Fault, RequestRefusedError, fault

DISPUTE_DAYS, ANSWER_DAYS = 30, 30
OPEN_MAX = 100
DISPUTES_MAX = 500
MISSING_TOLD_MAX = 10
PAGE_DEFAULT, PAGE_MAX = 100, 1_000
DISPUTE_MAX = 2**53 - 1
AMOUNT_MAX = Decimal("10000000000000.00")
MONEY_DECIMALS = 2
NOTHING = Decimal("0.00")
# The partner whose hub this is.
PARTNER = 1


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
    asked: AskedDispute
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
            "partner": PARTNER,
            "window": asked.window,
            "state": self.state,
            "line": None if asked.line is None else asked.line.model_dump(),
            "operation_ids": asked.operations,
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
        asked, digest = read_dispute(body), sha256(body).digest()
        known = next((one for one in self._disputes if one.digest == digest), None)
        if known is not None:
            return 200, known.document()
        _refuse_unbounded(asked, records)
        statement = self._statement(asked.window)
        today = now.astimezone(self.zone).date()
        last_day = statement.calculated_at.astimezone(self.zone).date() + timedelta(days=DISPUTE_DAYS)
        if today > last_day:
            detail = f"window {asked.window} could be disputed until {last_day}"
            raise RequestRefusedError(409, "dispute_too_late", detail=detail)
        of_window = [one for one in self._disputes if one.asked.window == asked.window]
        still_open = [one for one in of_window if one.state == "OPEN"]
        if len(still_open) >= OPEN_MAX or len(of_window) >= DISPUTES_MAX:
            expected = f"at most {OPEN_MAX} open disputes of it and {DISPUTES_MAX} in all"
            raise _invalid([_fault("window", expected, "one more")])
        _refuse_disputed(asked, still_open)
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
        # The window after the last one with a statement is open.
        if window > max([FIRST_WINDOW, *(one + 1 for one in self.statements)]):
            raise RequestRefusedError(404, "unknown_window", detail=f"there is no window {window}")
        detail = f"partner {PARTNER} has no statement in window {window}, which is OPEN"
        raise RequestRefusedError(404, "unknown_statement", detail=detail)


def _refuse_unbounded(asked: AskedDispute, records: Mapping[str, Record]) -> None:
    amount, faults = Decimal(asked.amount), []
    if asked.line is None and not asked.operation_ids:
        faults.append(_fault("line", "a line, operations, or both", "neither"))
    missing = [one for one in asked.operations if not _is_booked_in(asked.window, records.get(one))]
    if missing:
        got = f"others: {', '.join(missing[:MISSING_TOLD_MAX])}"
        faults.append(_fault("operation_ids", "your own, booked in that window", got))
    if not 0 < amount <= AMOUNT_MAX or amount != round(amount, MONEY_DECIMALS):
        expected = f"more than 0, at most {AMOUNT_MAX}, with at most {MONEY_DECIMALS} decimals"
        faults.append(_fault("amount", expected, amount))
    if faults:
        raise _invalid(faults)


def _is_booked_in(window: int, record: Record | None) -> bool:
    return record is not None and record.booking is not None and record.result["window"] == window


def _refuse_disputed(asked: AskedDispute, still_open: Sequence[_Dispute]) -> None:
    disputed = {operation: one.number for one in still_open for operation in one.asked.operation_ids}
    twice = [f"{operation} (dispute {disputed[operation]})" for operation in asked.operations if operation in disputed]
    if twice:
        detail = f"operations have an open dispute already, which is answered first: {', '.join(twice)}"
        raise RequestRefusedError(409, "already_disputed", detail=detail)


def _fault(field: str, expected: str, got: object) -> Fault:
    return fault(field, "invalid_dispute", expected, got)


def _invalid(faults: Sequence[Fault]) -> RequestRefusedError:
    named = "; ".join(f"{one['field']}: expected {one['expected']}, got {one['got']}" for one in faults)
    return RequestRefusedError(422, "invalid_dispute", faults, detail=f"the dispute is not valid: {named}")


def _held(asked: AskedDispute, statement: Statement, disputes: list[_Dispute]) -> Decimal:
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
            lines_there = ", ".join(f"{code} of terms version {version}" for code, version in statement.owed)
            raise _invalid([_fault("line", f"a line of the statement ({lines_there})", f"{key[0]} of {key[1]}")])
        if statement.owed[key] <= 0:
            return NOTHING
        most = min(most, statement.owed[key] - taken.get(key, NOTHING))
    if amount > most:
        expected = f"at most {most}, what is owed by it and not disputed yet"
        raise _invalid([_fault("amount", expected, Decimal(asked.amount))])
    return amount


def _number(text: str, name: str, *, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    expected = f"a whole number from {least} to {most}"
    faults = [fault(name, "number_out_of_range", expected, text)]
    raise RequestRefusedError(422, "number_out_of_range", faults, detail=f"{name}: expected {expected}, got {text}")
