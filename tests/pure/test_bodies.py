"""What a sender is told of a bad field: what may stand there and what came, in words that follow each other."""

import json
from typing import Any

import pytest

from coalition.errors import RequestRefusedError
from coalition.http.bodies import parse_json, refused_message
from coalition.http.messages import Message

EARN: dict[str, Any] = {"id": "op-1", "type": "earn", "card": "2760000000018", "points": 5}
EARN["occurred_at"] = "2026-11-21T18:04:11Z"


@pytest.mark.parametrize(
    ("change", "field", "expected", "got"),
    [
        ({"points": 0}, "points", "greater than or equal to 1", "0"),
        ({"points": "7"}, "points", "a valid integer", '"7"'),
        ({"points": 1.5}, "points", "a valid integer", "1.5"),
        ({"colour": "red"}, "colour", "no such field", "red"),
        ({"shop": "a" * 65}, "shop", "at most 64 characters", "a" * 65),
        ({"till": ""}, "till", "at least 1 character", "an empty text"),
        ({"id": "a b"}, "id", "text that matches '^[A-Za-z0-9._:-]{1,64}$'", "a b"),
        ({"occurred_at": "2026-11-21T18:04:11"}, "occurred_at", "timezone info", "2026-11-21T18:04:11"),
        ({"id": None}, "id", "a valid string", "None"),
        ({"purchase": {"amount": 1, "currency": "EUR"}}, "purchase.amount", "a valid string", "1"),
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
    assert (unknown.field, unknown.expected, unknown.got) == ("operations.1", f"a type of {types}", "gift")


def read(*operations: dict[str, Any]) -> None:
    parse_json(Message, json.dumps({"operations": operations}).encode(), refused=refused_message)
