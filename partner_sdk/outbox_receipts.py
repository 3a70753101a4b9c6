"""What the hub signed, kept in the outbox: its answers, and the keys that verify them."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from partner_sdk.errors import UnknownOperationError
from partner_sdk.outbox_file import OutboxFile
from partner_sdk.outbox_rows import Answered, receipt_of_row, receipt_row, seconds
from partner_sdk.receipt import Receipt
from partner_sdk.result import Result


class KeptReceipts(OutboxFile):
    """The signed answers with the requests that they answer, and the pinned keys of the hub."""

    _KEEP_RECEIPT = """
        INSERT INTO receipt
            (method, url, request_headers, request_body, status, answer_headers, answer_body, received_at,
             clock_offset_s)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
    # Only what still waits: a late "not yet" of another process must not undo a verdict.
    _MARK = """
        UPDATE operation
        SET state = ?, code = ?, retry_at = ?, receipt = ?, answers = answers + 1,
            clock_offset_s = coalesce(clock_offset_s, ?)
        WHERE place = ? AND state = 'waiting'
    """

    def record(self, receipt: Receipt, answered: Sequence[Answered]) -> None:
        """Keep the signed answer and mark what it answers, in one commit."""
        with self.transaction() as connection:
            number = self.keep(connection, receipt)
            offset_s = receipt.clock_offset_s
            marks = [(one.state, one.code, seconds(one.retry_at), number, offset_s, one.place) for one in answered]
            connection.executemany(self._MARK, marks)

    def keep(self, connection: sqlite3.Connection, receipt: Receipt) -> int:
        """Keep a signed answer within a transaction; return its number."""
        number = connection.execute(self._KEEP_RECEIPT, receipt_row(receipt)).lastrowid
        assert number is not None, "an INSERT has a row"
        return number

    def numbered(self, number: int) -> Receipt:
        """Return a kept answer by its number."""
        return receipt_of_row(self.rows(self._RECEIPT, number)[0])

    def clock_offset_s(self) -> float | None:
        """Return how far the hub's clock was ahead of this machine's at the newest receipt that tells."""
        newest = "SELECT clock_offset_s FROM receipt WHERE clock_offset_s IS NOT NULL ORDER BY receipt DESC LIMIT 1"
        rows = self.rows(newest)
        return rows[0][0] if rows else None

    _RECEIPT_OF = """
        SELECT method, url, request_headers, request_body, status, answer_headers, answer_body, received_at,
            clock_offset_s
        FROM receipt WHERE receipt = (SELECT receipt FROM operation WHERE id = ?)
    """

    def receipt(self, operation_id: str) -> Receipt:
        """Return the newest signed answer to this operation. Raises UnknownOperationError."""
        rows = self.rows(self._RECEIPT_OF, operation_id)
        if not rows:
            raise UnknownOperationError(f"no answer kept for operation {operation_id} in {self.path}")
        return receipt_of_row(rows[0])

    def result(self, operation_id: str) -> Result:
        """Return the newest answer to this operation, as kept. Raises UnknownOperationError."""
        return self.receipt(operation_id).result_of(operation_id)

    _RECEIPT = """
        SELECT method, url, request_headers, request_body, status, answer_headers, answer_body, received_at,
            clock_offset_s
        FROM receipt WHERE receipt = ?
    """

    def receipts(self) -> Iterator[tuple[Receipt, dict[str, str]]]:
        """Yield each receipt, oldest first, with the id and state of the operations that rest on it."""
        for (number,) in self.rows("SELECT receipt FROM receipt ORDER BY receipt"):
            rows = self.rows("SELECT id, state FROM operation WHERE receipt = ?", number)
            yield self.numbered(number), dict(rows)

    _ANSWERED = "SELECT id, body, receipt FROM operation WHERE state = 'booked' ORDER BY receipt, place"

    def booked(self) -> Iterator[tuple[bytes, Result]]:
        """Yield each booked operation as it was sent, with the hub's result. Raises UnknownOperationError."""
        number, results = None, dict[str, Result]()
        for operation_id, body, receipt_number in self.rows(self._ANSWERED):
            if receipt_number != number:
                number = receipt_number
                results = {one.id: one for one in self.numbered(receipt_number).results()}
            if operation_id not in results:
                raise UnknownOperationError(f"{self.path}: receipt {number} does not answer operation {operation_id}")
            yield body, results[operation_id]

    def hub_keys(self) -> dict[str, dict[str, Any]]:
        """Return the pinned hub keys as JSON Web Keys, by keyid."""
        rows = self.rows("SELECT keyid, jwk FROM hub_key")
        return {keyid: json.loads(jwk) for keyid, jwk in rows}

    _PIN = """
        INSERT INTO hub_key VALUES (?, ?, ?) ON CONFLICT (keyid) DO UPDATE
        SET jwk = json_set(jwk, '$.valid_until', json_extract(excluded.jwk, '$.valid_until'))
        WHERE json_extract(jwk, '$.valid_until') IS NULL AND json_extract(excluded.jwk, '$.valid_until') IS NOT NULL
    """

    def pin_hub_keys(self, keys: Mapping[str, Mapping[str, Any]], *, now: datetime) -> None:
        """Pin more hub keys; one pinned before stays as it is, but for its end, which is kept once it is told."""
        rows = [(keyid, json.dumps(jwk), now.timestamp()) for keyid, jwk in keys.items()]
        with self.transaction() as connection:
            connection.executemany(self._PIN, rows)
