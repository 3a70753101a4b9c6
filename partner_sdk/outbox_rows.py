"""What a row of the outbox stands for, and back."""

import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from partner_sdk.operation import Operation
from partner_sdk.receipt import Receipt
from partner_sdk.signing import SignedRequest


@dataclass(frozen=True, slots=True)
class Waiting:
    """An operation as it goes into a message."""

    place: int
    id: str
    body: bytes
    answers: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation as a person reads it in the outbox.

    `clock_offset_s`: how far the hub's clock was ahead of this machine's, as known when the operation was saved, or
    else when it was first answered. `saved_by`: the key that saved it, or to which it went over; None in older files.
    """

    id: str
    card: str
    state: str
    answers: int
    code: str | None
    saved_at: datetime
    retry_at: datetime | None
    clock_offset_s: float | None
    saved_by: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer makes of one operation."""

    place: int
    state: str
    code: str | None
    retry_at: datetime | None


def same_card(card: str) -> str:
    """Return the card without the spaces and dashes that people write into it, as the hub reads it."""
    return card.replace(" ", "").replace("-", "")


OperationRow = tuple[str, str, int, bytes, float, float | None, str | None]


def operation_row(
    operation: Operation, *, saved_at: float, clock_offset_s: float | None, keyid: str | None
) -> OperationRow:
    card = same_card(operation.card)
    # What shares a stream is sent in order, so it hangs on the card alone.
    return operation.id, card, zlib.crc32(card.encode()), operation.to_json(), saved_at, clock_offset_s, keyid


# An id saved before keeps its place and its bytes, so that saving again after a crash changes nothing.
_PUT = """
    INSERT INTO operation (id, card, stream, body, saved_at, clock_offset_s, keyid) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO NOTHING
"""
_PUT_SIGNER = "INSERT INTO signer VALUES (?) ON CONFLICT DO NOTHING"


def insert_operations(connection: sqlite3.Connection, rows: Sequence[OperationRow], *, keyid: str | None) -> int:
    """Save within a transaction those whose id is new, and that something of this key waits; return how many."""
    if keyid is not None:
        connection.execute(_PUT_SIGNER, (keyid,))
    return connection.executemany(_PUT, rows).rowcount


def receipt_row(receipt: Receipt) -> tuple[object, ...]:
    request = receipt.request
    return (
        request.method,
        request.url,
        json.dumps(request.headers),
        # Bodies are text that repeats itself: level 1 makes a message five times smaller in about a millisecond.
        zlib.compress(request.body, 1),
        receipt.status,
        json.dumps(dict(receipt.headers)),
        zlib.compress(receipt.body, 1),
        receipt.received_at.timestamp(),
        receipt.clock_offset_s,
    )


def receipt_of_row(row: Sequence[Any]) -> Receipt:
    method, url, request_headers, request_body, status, headers, body, received_at, clock_offset_s = row
    request = SignedRequest(
        method=method, url=url, body=zlib.decompress(request_body), headers=json.loads(request_headers)
    )
    return Receipt(
        request=request,
        status=status,
        headers=json.loads(headers),
        body=zlib.decompress(body),
        received_at=_moment(received_at),
        clock_offset_s=clock_offset_s,
    )


def entry_of_row(row: Sequence[Any]) -> Entry:
    operation_id, card, state, answers, code, saved_at, retry_at, clock_offset_s, saved_by, body = row
    return Entry(
        id=operation_id,
        card=card,
        state=state,
        answers=answers,
        code=code,
        saved_at=_moment(saved_at),
        retry_at=None if retry_at is None else _moment(retry_at),
        clock_offset_s=clock_offset_s,
        saved_by=saved_by,
        body=body,
    )


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
