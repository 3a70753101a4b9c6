"""What a close says is done, can be done, waits, or stands in the way."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from settlement.documents.report_wording import REPORT_WORDS
from settlement.engine.close_checklist import CheckItem, CloseFacts, close_checklist, stopped_by


def items(**facts: Any) -> dict[str, CheckItem]:
    found = close_checklist(CloseFacts(**{"state": "CLOSED", "lanes": 4, "lanes_closed": 4, **facts}))
    for item in found:
        # Every outcome has words, with the values that it brings.
        for words in REPORT_WORDS.values():
            words[f"close.{item.key}.{item.told}"].format(**item.values)
    return {item.key: item for item in found}


def statuses(**facts: Any) -> dict[str, str]:
    return {key: item.status for key, item in items(**facts).items()}


def test_one_step_can_be_done_in_each_state() -> None:
    """Until the window settles; then it is the payments, and in the end nothing."""
    found = {
        state: [key for key, status in statuses(state=state, lanes_closed=closed, **more).items() if status == "next"]
        for state, closed, more in (
            ("OPEN", 0, {}),
            ("CLOSED", 4, {}),
            ("CALCULATED", 4, {}),
            ("APPROVED", 4, {}),
            ("SETTLING", 4, {"shares": 2, "shares_paid": 1, "unpaid": Decimal(5)}),
            ("SETTLED", 4, {"shares": 2, "shares_paid": 2}),
        )
    }
    assert found == {
        "OPEN": ["ended"],
        "CLOSED": ["calculated"],
        "CALCULATED": ["approved"],
        "APPROVED": ["documents"],
        "SETTLING": ["payments"],
        "SETTLED": [],
    }
    assert set(statuses(state="SETTLED", shares=2, shares_paid=2).values()) == {"done"}


def test_an_open_window_waits_for_its_calendar() -> None:
    assert items(state="OPEN", lanes_closed=0, ends_at=datetime(2027, 4, 1, tzinfo=UTC))["ended"].status == "waits"


def test_what_is_wrong_or_missing_stands_in_the_way_and_is_named() -> None:
    found = close_checklist(
        CloseFacts(
            state="INVOICED",
            lanes=4,
            lanes_closed=4,
            differences=("points of lane 2: expected 5, got 6",),
            without_legal_data=("Bakery",),
            without_bank=("Bakery", "Garage"),
            disputes_open=1,
            shares=2,
            shares_overdue=1,
        )
    )

    assert {item.key: item.names for item in stopped_by(found)} == {
        "ties_out": ("points of lane 2: expected 5, got 6",),
        "parties": ("Bakery",),
        "disputes": (),
        "bank": ("Bakery", "Garage"),
        "payments": (),
    }


def test_a_window_that_does_not_tie_out_cannot_be_calculated() -> None:
    found = statuses(differences=("value of all lanes: expected 1, got 2",))
    assert (found["ties_out"], found["calculated"]) == ("stopped", "waits")
    # A close that was cut off between two lanes.
    assert statuses(lanes_closed=3)["lanes"] == "stopped"


def test_who_calculated_and_approved_alone_is_not_told_as_a_second_person() -> None:
    """At the shell one may do both; the checklist says so instead of claiming two."""
    told = {
        approved_by: next(
            item.told
            for item in close_checklist(
                CloseFacts(
                    state="APPROVED", lanes=4, lanes_closed=4, calculated_by="shell:root", approved_by=approved_by
                )
            )
            if item.key == "approved"
        )
        for approved_by in ("shell:root", "operator:frances")
    }
    assert told == {"shell:root": "by_one", "operator:frances": "by"}


def test_bank_details_that_nobody_gave_are_not_done() -> None:
    """The coalition does without them: nothing waits, and nobody is told that they are there."""
    bank = items(without_bank=None)["bank"]
    assert (bank.status, bank.told) == ("unused", "not_needed")
    assert stopped_by((bank,)) == ()
