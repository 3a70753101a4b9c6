"""A dispute of a share, as the hub answers it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from partner_sdk.errors import AnswerNotUnderstoodError


@dataclass(frozen=True, slots=True)
class Dispute:
    """`state` is OPEN, ACCEPTED, REJECTED, or FALLEN where the statement was replaced. Money is text: `held` is not
    payable until it is answered, `accepted` of `amount` is yours."""

    number: int
    window: int
    state: str
    amount: str
    held: str
    answer_until: date
    accepted: str | None
    answer: str | None
    raw: dict[str, Any] = field(repr=False, compare=False)


def parse_dispute(raw: Any) -> Dispute:
    """Return the dispute of the hub's answer. Raises AnswerNotUnderstoodError."""
    try:
        return Dispute(
            number=int(raw["dispute"]),
            window=int(raw["window"]),
            state=str(raw["state"]),
            amount=str(raw["amount"]),
            held=str(raw["held"]),
            answer_until=date.fromisoformat(raw["answer_until"]),
            accepted=raw["accepted"],
            answer=raw["answer"],
            raw=raw,
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a dispute", content=raw) from fault


def parse_disputes(content: Any) -> tuple[list[Dispute], str | None]:
    """Return one page of disputes and the cursor of the next page. Raises AnswerNotUnderstoodError."""
    try:
        disputes, cursor = [parse_dispute(raw) for raw in content["disputes"]], content.get("next")
    except (KeyError, TypeError, AttributeError) as fault:
        raise AnswerNotUnderstoodError("expected a list of disputes", content=content) from fault
    return disputes, None if cursor is None else str(cursor)
