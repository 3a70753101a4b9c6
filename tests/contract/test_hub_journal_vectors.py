"""Vectors for partners that recompute the journal's leaves and roots in any language; the hub must keep to them.

The file was computed with hashes alone, from the definition in its first lines."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from coalition.journal.merkle import Frontier
from coalition.journal.record import record_hash
from coalition.ledger.account import Account
from coalition.ledger.batch import Calendar, Command
from coalition.ledger.book import Book
from coalition.ledger.entries import close_record
from coalition.ledger.expiry import ExpiryRule
from coalition.ledger.operation import Message
from tests.pure.ledger.ledger_examples import make_partner

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "journal.json").read_text())
RECORDS: Sequence[dict[str, Any]] = VECTORS["records"]
BOOKED_AT = datetime(2026, 11, 21, 17, 4, 13, 120, tzinfo=UTC)


def test_the_messages_digest_is_that_of_its_bytes() -> None:
    assert sha256(VECTORS["message"].encode()).hexdigest() == VECTORS["message_digest"]


def test_the_hub_answers_these_operations_with_these_bytes() -> None:
    digest = bytes.fromhex(VECTORS["message_digest"])
    book = Book(
        lane=3,
        window_no=7,
        size=0,
        booked_at=BOOKED_AT,
        calendar=Calendar(ZoneInfo("Europe/Berlin"), ExpiryRule("end_of_month", 36)),
        accounts={1: Account(1)},
        known={},
        originals={},
    )
    operations = Message.model_validate_json(VECTORS["message"]).operations
    commands = [Command(make_partner(), one, 1, digest, index, b"") for index, one in enumerate(operations)]
    assert [book.book(command) for command in commands] == [record["result"] for record in RECORDS[:2]]
    assert [hashed.hex() for hashed in book.changes.hashed_leaves] == [record["leaf_hash"] for record in RECORDS[:2]]


def test_the_hub_ends_the_window_with_these_bytes() -> None:
    closed_at = BOOKED_AT.replace(microsecond=0) + timedelta(minutes=55, seconds=47)
    record = close_record(lane=3, window_no=7, leaf=2, booked_at=closed_at)
    assert record.result == RECORDS[2]["result"]


def test_leaves_and_roots() -> None:
    frontier = Frontier()
    for record in RECORDS:
        message = bytes.fromhex(record["message"])
        hashed = record_hash(message=message, index=record["index"], result=record["result"])
        assert hashed.hex() == record["leaf_hash"]
        frontier.append(hashed)
        assert frontier.root().hex() == record["root"]
