"""The limits of the protocol, checked when an operation is made."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from partner_sdk import (
    Burn,
    Earn,
    InvalidOperationError,
    Outbox,
    Purchase,
    Reserve,
    Reverse,
    VatShare,
    new_operation_id,
    parse_operation,
)

CARD = "2760 0000 0001 8"


@pytest.mark.parametrize("points", [0, -1, 1_000_000_001, 1.5, 7.0, "7", True, None, 2**53 + 1, 2**63])
def test_points_outside_the_limits(points):
    with pytest.raises(InvalidOperationError) as fault:
        Burn(card=CARD, points=points)
    assert [one.field for one in fault.value.faults] == ["points"]


@pytest.mark.parametrize("points", [1, 1_000_000_000])
def test_points_at_the_limits(points):
    assert json.loads(Burn(card=CARD, points=points).to_json())["points"] == points


@pytest.mark.parametrize("timeout_s", [0, 604_801, 900.0, "900", None])
def test_a_hold_longer_than_a_week_or_of_no_time(timeout_s):
    with pytest.raises(InvalidOperationError) as fault:
        Reserve(card=CARD, points=1, timeout_s=timeout_s)
    assert [one.field for one in fault.value.faults] == ["timeout_s"]


def test_a_hold_is_for_a_quarter_of_an_hour_unless_said_otherwise():
    assert json.loads(Reserve(card=CARD, points=1).to_json())["timeout_s"] == 900


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), "2026-01-01T00:00:00", "yesterday", 1767225600, "1767225600"])  # noqa: DTZ001
def test_a_moment_without_a_zone(moment):
    with pytest.raises(InvalidOperationError) as fault:
        Earn(card=CARD, points=1, occurred_at=moment)
    assert [one.field for one in fault.value.faults] == ["occurred_at"]
    assert "with a zone, such as 2026-" in str(fault.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([{"type": "earn", "card": CARD}], "0: expected an operation, such as Earn.*, got dict: parse_operation"),
        ([Earn(card=CARD, points=1), None, 7], "1: .* got None; 2: .* got int$"),
        (Earn(card=CARD, points=1), "expected a list of operations, got Earn$"),
        ({"card": CARD}, "expected a list of operations, got dict$"),
        (CARD, "expected a list of operations, got str$"),
        (None, "expected a list of operations, got None$"),
    ],
)
def test_what_is_no_list_of_operations_is_named_by_its_type(outbox_path, given, told):
    """One operation instead of a list above all, which can be gone through, field by field; no card is told."""
    outbox = Outbox(outbox_path)
    with pytest.raises(InvalidOperationError, match=r"^operations: ") as fault:
        outbox.put(given, now=datetime.now(UTC))
    assert re.search(told, str(fault.value))
    assert CARD not in str(fault.value)
    assert outbox.counts() == {}
    outbox.close()


def test_the_zone_of_the_till_is_kept():
    zone = timezone(timedelta(hours=1))
    sent = json.loads(Earn(card=CARD, points=1, occurred_at=datetime(2026, 11, 21, 18, 4, 11, tzinfo=zone)).to_json())
    assert sent["occurred_at"] == "2026-11-21T18:04:11+01:00"


def test_every_bad_field_is_named():
    with pytest.raises(InvalidOperationError) as fault:
        Reverse(card="", operation_id="a b", points=0, colour="red")
    assert {one.field for one in fault.value.faults} == {"card", "operation_id", "points", "colour"}


def test_a_card_is_kept_out_of_the_message():
    with pytest.raises(InvalidOperationError) as fault:
        Burn(card=CARD * 9, points=1)
    assert CARD not in str(fault.value)


def test_an_earn_needs_points_or_a_purchase():
    with pytest.raises(InvalidOperationError, match="points"):
        Earn(card=CARD)


@pytest.mark.parametrize("amount", [59.9, True, "x", "-1", "NaN", "Infinity", "1.2345", "1000000000"])
def test_money_is_exact_or_refused(amount):
    with pytest.raises(InvalidOperationError) as fault:
        Purchase(amount=amount, currency="EUR")
    assert [one.field for one in fault.value.faults] == ["purchase.amount"]


def test_decimals_travel_as_written():
    earn = Earn(
        card=CARD,
        points=120,
        occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
        purchase=Purchase(amount=Decimal("1E+2"), currency="EUR"),
        vat=[VatShare(rate="19", points=80), VatShare(rate=Decimal("7.0"), points=40)],
    )
    sent = json.loads(earn.to_json())
    assert sent["purchase"]["amount"] == "100"
    assert sent["vat"] == [{"rate": "19", "points": 80}, {"rate": "7.0", "points": 40}]


def test_an_operation_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Earn(card=CARD, points=1).points = 2


def test_parsed_from_fields_it_has_the_type_that_it_names():
    operation_id = new_operation_id()
    fields = {"type": "burn", "id": operation_id, "card": CARD, "points": 5, "occurred_at": "2026-11-21T18:04:11Z"}
    parsed = parse_operation(fields)
    assert isinstance(parsed, Burn)
    assert json.loads(parsed.to_json()) == fields
    with pytest.raises(InvalidOperationError, match="type"):
        parse_operation({"type": "gift"})
