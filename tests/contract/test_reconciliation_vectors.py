"""Vectors for partners that compute a day's digest in any language; the hub and the SDK must keep to them.

The digests were made by `LC_ALL=C sort | sha256sum`."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from coalition.journal import reconciliation as hub
from partner_sdk import reconciliation as sdk
from partner_sdk.books import BookLine

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "reconciliation.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["days"])
def test_a_days_digest(vector: dict[str, Any]) -> None:
    lines = vector["lines"]
    by_the_hub = hub.day_totals(hub.OwnLine(**line) for line in lines)
    by_the_sdk = sdk.day_totals(
        (BookLine(**line, day=date(2026, 1, 1)) for line in lines), names_windows=vector["names_windows"]
    )
    assert by_the_hub.digest == by_the_sdk.digest == vector["digest"]
    assert by_the_hub.count == by_the_sdk.count == len(lines)
    assert sha256(vector.get("text", "").encode()).hexdigest() == vector["digest"]
