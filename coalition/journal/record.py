"""What a journal record's leaf is made of.

    entry = SHA-256 of the message's body (32 bytes; zeros for the hub's own records)
          | index of the operation in the message (4 bytes, big endian)
          | result, as answered (UTF-8 JSON)

No card, name or address is in it: personal data can be erased, and every proof stays valid.
"""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

from coalition.journal.merkle import leaf_hash


class Columns(Protocol):
    """A row, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...


NO_MESSAGE = bytes(32)
CONTENT_BYTES = 16


def record_hash(*, message: bytes | None, index: int | None, result: str) -> bytes:
    """Return the leaf hash of one journal record."""
    return leaf_hash((message or NO_MESSAGE) + (index or 0).to_bytes(4, "big") + result.encode())


def fault_of_result(record: Columns) -> str | None:
    """Return why a record's columns are not what its result, which the leaf is made of, says; None: they are."""
    result = json.loads(record["result"])
    is_same = result["leaf"] == record["leaf"] and result.get("code") == record["code"]
    if record["code"] is None and record["kind"] != "close":
        is_same = is_same and result["points"] == record["points"]
    return None if is_same else f"the result at leaf {record['leaf']} says other than its columns"


def content_digest(content: bytes) -> bytes:
    """Return what tells two contents under one operation id apart; 128 bits, since only its sender could collide it."""
    return sha256(content).digest()[:CONTENT_BYTES]


def timestamp(moment: datetime) -> str:
    """Return a UTC moment as results write it: RFC 3339 with microseconds and Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
