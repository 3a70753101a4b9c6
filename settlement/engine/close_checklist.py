"""The close of a window as a list of what has to be done, and what stands in the way of it.

done      it is; nothing is left to do about it
next      it can be done now
waits     for something above it
stopped   something is wrong or missing, and somebody has to see to it
unused    the coalition does without it; nothing waits for it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from settlement.engine.states import WindowState, has_reached

Status = Literal["done", "next", "waits", "stopped", "unused"]
ItemKey = Literal[
    "ended",
    "lanes",
    "ties_out",
    "parties",
    "calculated",
    "disputes",
    "approved",
    "documents",
    "bank",
    "payments",
    "settled",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseFacts:
    """All that the list is made from. `differences`: where the window does not tie out. `without_...`: the names of
    parties whose data are missing; None: nobody has written down the operator's, so none are needed. `calculated_by`
    and `approved_by` None: nobody has yet. `ends_at`: when the calendar closes it; None: it is closed by hand."""

    state: WindowState
    lanes: int
    lanes_closed: int
    ends_at: datetime | None = None
    differences: tuple[str, ...] = ()
    without_legal_data: tuple[str, ...] | None = ()
    without_bank: tuple[str, ...] | None = ()
    calculated_by: str | None = None
    approved_by: str | None = None
    statements: int = 0
    documents: int = 0
    disputes_open: int = 0
    shares: int = 0
    shares_paid: int = 0
    shares_overdue: int = 0
    unpaid: Decimal = Decimal(0)


Values = Mapping[str, str | int | Decimal | datetime]


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One line of the list; `told` names the words that say how it stands, with these values."""

    key: ItemKey
    status: Status
    told: str
    values: Values = field(default_factory=dict)
    names: tuple[str, ...] = ()


def close_checklist(facts: CloseFacts) -> tuple[CheckItem, ...]:
    """Return the list in the order in which things are done."""
    return (
        _ended(facts),
        _lanes(facts),
        _ties_out(facts),
        _parties(facts),
        _calculated(facts),
        _disputes(facts),
        _approved(facts),
        _documents(facts),
        _bank(facts),
        _payments(facts),
        _settled(facts),
    )


def stopped_by(items: tuple[CheckItem, ...]) -> tuple[CheckItem, ...]:
    """Return what somebody has to see to."""
    return tuple(item for item in items if item.status == "stopped")


def _ended(facts: CloseFacts) -> CheckItem:
    if facts.state == "OPEN" and facts.ends_at is not None:
        return CheckItem("ended", "waits", "by_calendar", {"moment": facts.ends_at})
    if facts.state == "OPEN":
        return CheckItem("ended", "next", "open")
    return CheckItem("ended", "done", "closed")


def _lanes(facts: CloseFacts) -> CheckItem:
    values = {"closed": facts.lanes_closed, "count": facts.lanes}
    if facts.lanes_closed == facts.lanes:
        return CheckItem("lanes", "done", "all", values)
    # Closing ends every lane in one go: some that have ended and some that have not are a close that was cut off.
    return CheckItem("lanes", "stopped" if facts.lanes_closed else "waits", "some", values)


def _ties_out(facts: CloseFacts) -> CheckItem:
    if facts.lanes_closed < facts.lanes:
        return CheckItem("ties_out", "waits", "not_yet")
    if facts.differences:
        return CheckItem("ties_out", "stopped", "broken", names=facts.differences)
    return CheckItem("ties_out", "done", "agrees")


def _parties(facts: CloseFacts) -> CheckItem:
    if facts.without_legal_data is None:
        return CheckItem("parties", "done", "not_needed")
    if facts.without_legal_data:
        count = len(facts.without_legal_data)
        return CheckItem("parties", "stopped", "missing", {"count": count}, facts.without_legal_data)
    return CheckItem("parties", "done", "complete")


def _calculated(facts: CloseFacts) -> CheckItem:
    if has_reached(facts.state, "CALCULATED"):
        values: Values = {"actor": facts.calculated_by or "–", "count": facts.statements}
        return CheckItem("calculated", "done", "by", values)
    can = facts.state == "CLOSED" and not facts.differences
    return CheckItem("calculated", "next" if can else "waits", "not_yet")


def _disputes(facts: CloseFacts) -> CheckItem:
    if facts.disputes_open:
        return CheckItem("disputes", "stopped", "open", {"count": facts.disputes_open})
    if not has_reached(facts.state, "CALCULATED"):
        return CheckItem("disputes", "waits", "not_yet")
    return CheckItem("disputes", "done", "none")


def _approved(facts: CloseFacts) -> CheckItem:
    if has_reached(facts.state, "APPROVED"):
        # At the shell one person may do both, and nobody is told that there were two.
        told = "by_one" if facts.approved_by == facts.calculated_by else "by"
        return CheckItem("approved", "done", told, {"actor": facts.approved_by or "–"})
    if facts.state == "CALCULATED":
        return CheckItem("approved", "next", "second_person", {"actor": facts.calculated_by or "–"})
    return CheckItem("approved", "waits", "not_yet")


def _documents(facts: CloseFacts) -> CheckItem:
    if has_reached(facts.state, "INVOICED"):
        told = "none" if facts.without_legal_data is None and not facts.documents else "issued"
        return CheckItem("documents", "done", told, {"count": facts.documents})
    return CheckItem("documents", "next" if facts.state == "APPROVED" else "waits", "not_yet")


def _bank(facts: CloseFacts) -> CheckItem:
    if facts.without_bank is None:
        return CheckItem("bank", "unused", "not_needed")
    if facts.without_bank:
        return CheckItem("bank", "stopped", "missing", {"count": len(facts.without_bank)}, facts.without_bank)
    return CheckItem("bank", "done", "complete")


def _payments(facts: CloseFacts) -> CheckItem:
    values: Values = {
        "paid": facts.shares_paid,
        "count": facts.shares,
        "unpaid": facts.unpaid,
        "late": facts.shares_overdue,
    }
    if not has_reached(facts.state, "INVOICED"):
        return CheckItem("payments", "waits", "not_yet")
    if facts.shares_overdue:
        return CheckItem("payments", "stopped", "overdue", values)
    if facts.shares_paid < facts.shares:
        return CheckItem("payments", "next", "some", values)
    return CheckItem("payments", "done", "all", values)


def _settled(facts: CloseFacts) -> CheckItem:
    if facts.state == "SETTLED":
        return CheckItem("settled", "done", "settled")
    return CheckItem("settled", "waits", "not_yet")
