"""What a sender is told of a bad field: what may stand there and what came, in words that follow each other."""

import json
from typing import Any

import pytest

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.bodies import FAULTS_MAX, MOMENT
from coalition.http.messages import read_message

EARN: dict[str, Any] = {"id": "op-1", "type": "earn", "card": "2760000000018", "points": 5}
EARN["occurred_at"] = "2026-11-21T18:04:11Z"


@pytest.mark.parametrize(
    ("change", "field", "expected", "got"),
    [
        ({"points": 0}, "points", "greater than or equal to 1", "0"),
        ({"points": "7"}, "points", "a whole number", '"7"'),
        ({"points": 1.5}, "points", "a whole number", "1.5"),
        ({"points": True}, "points", "a whole number", "true"),
        ({"colour": "red"}, "colour", "no such field", "red"),
        ({"shop": "a" * 65}, "shop", "at most 64 characters", "a" * 65),
        ({"till": ""}, "till", "at least 1 character", "an empty text"),
        ({"id": "a b"}, "id", "text that matches '^[A-Za-z0-9._:-]{1,64}$'", "a b"),
        ({"occurred_at": "2026-11-21T18:04:11"}, "occurred_at", MOMENT, "2026-11-21T18:04:11"),
        ({"occurred_at": 7}, "occurred_at", MOMENT, "7"),
        ({"occurred_at": "yesterday"}, "occurred_at", MOMENT, "yesterday"),
        ({"id": None}, "id", "a text", "null"),
        ({"card": {"née": "é"}}, "card", "a text", '{"née": "é"}'),
        ({"vat": []}, "vat", "at least 1 item", "0 items"),
        ({"purchase": {"amount": 1, "currency": "EUR"}}, "purchase.amount", "a text", "1"),
    ],
)
def test_expected_and_got_make_a_sentence(change: dict[str, Any], field: str, expected: str, got: str) -> None:
    with pytest.raises(RequestRefusedError) as refusal:
        read(EARN | change)
    (fault,) = refusal.value.faults
    assert (fault.field, fault.expected, fault.got) == (f"operations.0.{field}", expected, got)


def test_a_field_that_is_missing_and_a_type_that_is_none() -> None:
    without = {name: value for name, value in EARN.items() if name != "card"}
    with pytest.raises(RequestRefusedError) as refusal:
        read(without, EARN | {"type": "gift"})
    missing, unknown = refusal.value.faults
    assert (missing.field, missing.expected, missing.got) == ("operations.0.card", "the field", "nothing")
    types = "'earn', 'burn', 'reverse', 'reserve', 'capture', 'release'"
    assert (unknown.field, unknown.expected, unknown.got) == ("operations.1.type", f"one of {types}", "gift")

    without = {name: value for name, value in EARN.items() if name != "type"}
    (no_type,) = faults_of(without)
    assert (no_type.field, no_type.expected, no_type.got) == ("operations.0.type", "the field", "nothing")


def test_what_is_no_json_is_told_by_its_beginning() -> None:
    with pytest.raises(RequestRefusedError) as refusal:
        read_message(b"caf\xe9" + b"!" * 1_000_000)
    (fault,) = refusal.value.faults
    told = (refusal.value.status, fault.field, fault.expected, fault.got)
    assert told == (400, "body", "JSON; expected value at line 1 column 1", "caf\\xe9" + "!" * 113 + "…")


def test_each_bad_operation_is_named_by_its_place() -> None:
    """The model stops at the first; what is wrong with the others is found all the same, as it would be said of it."""
    alone = faults_of(EARN | {"points": float("inf"), "colour": {"a": [1]}, "vat": [{"rate": "x", "points": 0}]})
    bad = [EARN | {"points": float("inf"), "colour": {"a": [1]}, "vat": [{"rate": "x", "points": 0}]}, {}, 7]
    faults = faults_of(EARN, *bad, EARN, *bad, more="red")
    own = [fault for fault in faults if fault.field.startswith("operations.5.")]
    assert [(one.field.replace("5", "0", 1), one.code, one.expected, one.got) for one in own] == [
        (one.field, one.code, one.expected, one.got) for one in alone
    ]
    places = dict.fromkeys(".".join(fault.field.split(".")[:2]) for fault in faults)
    assert sorted(places) == ["more", *(f"operations.{place}" for place in (1, 2, 3, 5, 6, 7))]


def test_a_flood_of_bad_fields_is_judged_as_far_as_it_is_told() -> None:
    """Of operations up to so many faults, of one that is nothing else their number; too many of them stay too many."""
    unknown = {f"{number:x}": 0 for number in range(FAULTS_MAX // 100)}
    faults = faults_of(*[{"type": "earn"} | unknown] * 999)
    assert (len(faults), {fault.code for fault in faults}) == (FAULTS_MAX, {"missing", "extra_forbidden"})
    assert faults[-1].field.startswith(f"operations.{FAULTS_MAX // (len(unknown) + 3)}.")

    flood = EARN | {f"{number:x}": 0 for number in range(FAULTS_MAX + 1)}
    (told,) = faults_of(flood)
    expected = f"at most {FAULTS_MAX:,} bad fields, to name each"
    assert (told.field, told.code, told.expected, told.got) == ("body", "too_many_faults", expected, "5,001")
    first, then = faults_of(EARN | {"points": 0}, flood)
    assert (first.field, then.field, then.code) == ("operations.0.points", "operations.1", "too_many_faults")

    with pytest.raises(RequestRefusedError) as refusal:
        read(*[{}] * 1_001)
    assert (refusal.value.status, refusal.value.code) == (413, "too_many_operations")
    fault = refusal.value.faults[-1]
    assert (fault.field, fault.expected, fault.got) == ("operations", "at most 1000 items", "1,001 items")


def faults_of(*operations: Any, **more: Any) -> tuple[FieldFault, ...]:
    with pytest.raises(RequestRefusedError) as refusal:
        read(*operations, **more)
    return refusal.value.faults


def read(*operations: Any, **more: Any) -> None:
    read_message(json.dumps({"operations": operations} | more).encode())
