"""The outbox: every operation on disk before it is sent, and every signed answer kept with it.

    waiting ──▶ booked | refused     the hub's verdict, signed and final
       │ ╰────▶ rejected             the hub refused the message because of this operation; it never reached the ledger
       ╰──────▶ set_aside            answered "not yet" (unknown card, unknown original) too often
                rejected, set_aside ──▶ waiting     by `retry`

SQLite with a write-ahead log and synchronous=FULL: what `put` returned from, a power cut does not take back.
The calls block, for a commit and about 10 us per operation; that is short enough to make them from the event loop.
Several processes may share a file: the worst that happens is that an operation is sent twice, and the hub answers it
again with the same bytes.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from partner_sdk.certificate import Certificate, SignedCertificate
from partner_sdk.errors import CertificateUnusableError, OperationIdReusedError, OutboxError, UnknownOperationError
from partner_sdk.operation import Burn, Operation, list_of_operations
from partner_sdk.outbox_fault import BUSY_TIMEOUT_S, not_opened, outbox_error
from partner_sdk.outbox_layout import LAYOUT, lay_out
from partner_sdk.receipt import Receipt
from partner_sdk.result import Result
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


class Outbox:
    """One partner's operations and receipts in one SQLite file."""

    def __init__(self, path: str | Path) -> None:
        """Open the outbox, or make it, readable by its owner alone. Raises OutboxError."""
        self.path = Path(path)
        try:
            # Made before SQLite opens it: it names members' cards.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
            self._prepare()
        except OSError as fault:
            raise not_opened(self.path, fault) from fault
        except sqlite3.Error as fault:
            raise outbox_error(f"cannot open outbox {self.path}", fault) from fault

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
            if layout > LAYOUT:
                raise OutboxError(f"outbox {self.path} has layout {layout}, this SDK knows up to {LAYOUT}")
            if layout < LAYOUT:
                lay_out(self._connection, layout=layout)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do what is done within in one commit. Raises OutboxError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # Not there any more when SQLite itself rolled back, as it does on a full disk.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as fault:
            raise outbox_error(f"outbox {self.path}", fault) from fault

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return what a query finds. Raises OutboxError."""
        try:
            return self._connection.execute(query, arguments).fetchall()
        except sqlite3.Error as fault:
            raise outbox_error(f"outbox {self.path}", fault) from fault

    # An id saved before keeps its place and its bytes, so that saving again after a crash changes nothing.
    _PUT = """
        INSERT INTO operation (id, card, stream, body, saved_at, clock_offset_s, keyid) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO NOTHING
    """
    _PUT_SIGNER = "INSERT INTO signer VALUES (?) ON CONFLICT DO NOTHING"

    def put(
        self,
        operations: Iterable[Operation],
        *,
        now: datetime,
        clock_offset_s: float | None = None,
        keyid: str | None = None,
    ) -> list[str]:
        """Save the operations, of the partner whose key this is, in one commit and return their ids.

        Raises InvalidOperationError for what is no operation, OperationIdReusedError: then none is saved.
        """
        every, saved_at = list_of_operations(operations), now.timestamp()
        rows = [_operation_row(one, saved_at, clock_offset_s, keyid) for one in every]
        with self.transaction() as connection:
            if keyid is not None:
                connection.execute(self._PUT_SIGNER, (keyid,))
            inserted = connection.executemany(self._PUT, rows).rowcount
            if inserted != len(rows):
                self._refuse_other_content(every)
        return [one.id for one in every]

    def _refuse_other_content(self, operations: Sequence[Operation]) -> None:
        saved = "SELECT body FROM operation WHERE id = ?"
        reused = [one.id for one in operations if not one.is_said_by(self.rows(saved, one.id)[0][0])]
        if reused:
            raise OperationIdReusedError(reused)

    # While an unknown card is asked for again later, its younger operations stay behind it, or they would overtake.
    _DUE = """
        SELECT place, id, body, answers FROM operation AS one
        WHERE state = 'waiting' AND place > ? AND place <= ? AND stream % ? = ? AND coalesce(retry_at, 0) <= ?
          AND NOT EXISTS (
              SELECT 1 FROM operation AS older
              WHERE older.state = 'waiting' AND older.card = one.card AND older.place < one.place
                AND older.code = 'unknown_card' AND older.retry_at > ?)
        ORDER BY place LIMIT ?
    """

    def due(
        self, *, after: int, up_to: int, stream: int, streams: int, now: datetime, operations_max: int
    ) -> list[Waiting]:
        """Return the next operations of one of `streams` that may be sent, oldest first, of the places after..up_to."""
        moment = now.timestamp()
        rows = self.rows(self._DUE, after, up_to, streams, stream, moment, moment, operations_max)
        return [Waiting(*row) for row in rows]

    _WAITING_OF_CARD = """
        SELECT place, id, body, answers FROM operation
        WHERE state = 'waiting' AND card = ? AND place > ? AND place <= ? ORDER BY place LIMIT ?
    """

    def waiting_of_card(self, card: str, *, after: int, up_to: int, operations_max: int) -> list[Waiting]:
        """Return the oldest operations of this card that wait, due or not, of the places after..up_to."""
        rows = self.rows(self._WAITING_OF_CARD, same_card(card), after, up_to, operations_max)
        return [Waiting(*row) for row in rows]

    _YOUNGEST_OF_CARD = "SELECT coalesce(max(place), 0) FROM operation WHERE state = 'waiting' AND card = ?"

    def youngest_of_card(self, card: str) -> int:
        """Return the place of the youngest operation of this card that waits, or 0."""
        [(place,)] = self.rows(self._YOUNGEST_OF_CARD, same_card(card))
        return int(place)

    def waiting(self) -> tuple[int, int]:
        """Return how many operations wait, and the place of the youngest."""
        [row] = self.rows("SELECT count(*), coalesce(max(place), 0) FROM operation WHERE state = 'waiting'")
        return row

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
            marks = [(one.state, one.code, _seconds(one.retry_at), number, offset_s, one.place) for one in answered]
            connection.executemany(self._MARK, marks)

    def keep(self, connection: sqlite3.Connection, receipt: Receipt) -> int:
        """Keep a signed answer within a transaction; return its number."""
        number = connection.execute(self._KEEP_RECEIPT, _receipt_row(receipt)).lastrowid
        assert number is not None, "an INSERT has a row"
        return number

    def numbered(self, number: int) -> Receipt:
        """Return a kept answer by its number."""
        return _receipt(self.rows(self._RECEIPT, number)[0])

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
        return _receipt(rows[0])

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

    _ENTRIES = """
        SELECT id, card, state, answers, code, saved_at, retry_at, clock_offset_s, keyid, body FROM operation
        WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY place LIMIT ?3
    """

    def entries(self, *, state: str | None = None, entries_max: int = -1) -> list[Entry]:
        """Return the operations of this state, or all, oldest first."""
        return [_entry(row) for row in self.rows(self._ENTRIES, state, None, entries_max)]

    def entry(self, operation_id: str) -> Entry:
        """Return one operation. Raises UnknownOperationError."""
        rows = self.rows(self._ENTRIES, None, operation_id, 1)
        if not rows:
            raise UnknownOperationError(f"no operation {operation_id} in {self.path}")
        return _entry(rows[0])

    _BODIES = """
        SELECT body FROM operation WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR keyid = ?2) ORDER BY place
    """

    def bodies(self, *, state: str | None = None, keyid: str | None = None) -> Iterator[bytes]:
        """Yield the operations of this state that this key saved, or all, oldest first, as they are sent.

        One by one, so that of a damaged file those before the damage come. Raises OutboxError.
        """
        try:
            for (body,) in self._connection.execute(self._BODIES, (state, keyid)):
                yield body
        except sqlite3.Error as fault:
            raise outbox_error(f"outbox {self.path}", fault) from fault

    def state_of(self, operation_id: str) -> str | None:
        """Return the state of an operation; None: it is not in this outbox."""
        rows = self.rows("SELECT state FROM operation WHERE id = ?", operation_id)
        return rows[0][0] if rows else None

    def counts(self) -> dict[str, int]:
        """Return how many operations are in each state."""
        return dict(self.rows("SELECT state, count(*) FROM operation GROUP BY state ORDER BY state"))

    _RETRY = """
        UPDATE operation SET state = 'waiting', retry_at = NULL, answers = 0
        WHERE CASE WHEN ?1 IS NULL THEN state = 'set_aside' OR retry_at IS NOT NULL
                   ELSE id = ?1 AND state IN ('waiting', 'set_aside', 'rejected') END
    """

    _WAITING_SIGNERS = """
        INSERT INTO signer SELECT DISTINCT keyid FROM operation WHERE state = 'waiting' AND keyid IS NOT NULL
        ON CONFLICT DO NOTHING
    """

    def retry(self, operation_id: str | None = None) -> int:
        """Make one operation due now, or all that are deferred or set aside; return how many. No verdict is undone.

        Raises UnknownOperationError."""
        with self.transaction() as connection:
            if operation_id is not None:
                self.entry(operation_id)
            count = connection.execute(self._RETRY, (operation_id,)).rowcount
            connection.execute(self._WAITING_SIGNERS)
        return count

    def other_keys(self, keyid: str) -> list[str]:
        """Return the other keys by which something waits, or did when last looked."""
        return [other for (other,) in self.rows("SELECT keyid FROM signer WHERE keyid <> ? ORDER BY keyid", keyid)]

    def has_waiting_of(self, keyid: str) -> bool:
        """Say whether something waits that was saved with this key."""
        return bool(self.rows("SELECT 1 FROM operation WHERE state = 'waiting' AND keyid = ? LIMIT 1", keyid))

    _TAKE_OVER = "UPDATE operation SET keyid = ? WHERE state = 'waiting' AND keyid = ?"

    def take_over(self, saved_by: str, *, keyid: str) -> int:
        """Let what waits of one key be that of another, which is of the same partner; return how many operations."""
        with self.transaction() as connection:
            count = connection.execute(self._TAKE_OVER, (keyid, saved_by)).rowcount
            connection.execute("DELETE FROM signer WHERE keyid = ?", (saved_by,))
        return count

    # What the hub answers again when asked for the id: under a reused one it has decided another operation.
    _NEWEST_DECIDED = """
        SELECT id, receipt FROM operation
        WHERE (keyid = ? OR keyid IS NULL)
          AND (state = 'booked' OR state = 'refused' AND code IS NOT 'operation_id_reused')
        ORDER BY place DESC LIMIT ?
    """

    def newest_decided(self, saved_by: str, *, count_max: int) -> list[tuple[str, int]]:
        """Return id and receipt of the newest operations that the hub has decided and this key may have sent."""
        return [(operation_id, number) for operation_id, number in self.rows(self._NEWEST_DECIDED, saved_by, count_max)]

    _PUT_CERTIFICATE = """
        INSERT INTO certificate (id, card, points, text, keyid, signature, next_counter) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO NOTHING
    """

    def put_certificate(self, certificate: Certificate) -> None:
        """Keep a verified certificate; one that is kept already stays as it is."""
        signed = certificate.signed
        figures = (certificate.id, certificate.card, certificate.points)
        row = (*figures, signed.text, signed.keyid, signed.signature, certificate.next_counter)
        with self.transaction() as connection:
            connection.execute(self._PUT_CERTIFICATE, row)

    _CERTIFICATES = """
        SELECT text, keyid, signature, spent, next_counter FROM certificate
        WHERE (?1 IS NULL OR card = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY rowid
    """

    def certificates(
        self, *, card: str | None = None, certificate_id: str | None = None
    ) -> list[tuple[SignedCertificate, int, int]]:
        """Return what is kept, oldest first: each certificate, the points burned within it and its next counter."""
        rows = self.rows(self._CERTIFICATES, None if card is None else same_card(card), certificate_id)
        return [(SignedCertificate(*row[:3]), row[3], row[4]) for row in rows]

    _USE_CERTIFICATE = """
        UPDATE certificate SET spent = spent + ?, next_counter = next_counter + 1
        WHERE id = ? AND next_counter = ? AND spent + ? <= points
    """

    def put_offline(
        self,
        burn: Burn,
        *,
        fitting: Callable[[], Certificate],
        now: datetime,
        clock_offset_s: float | None = None,
        keyid: str | None = None,
    ) -> str:
        """Number a burn within its certificate, count it and save it, in one commit; return its id.

        `fitting` returns the certificate as it is kept at that moment, or raises what the burn does not fit. A burn of
        the same id that was saved before keeps its number; OperationIdReusedError if that one was another.
        """
        with self.transaction() as connection:
            saved = self.rows("SELECT body FROM operation WHERE id = ?", burn.id)
            if saved:
                if not _is_same_burn(burn, json.loads(saved[0][0])):
                    raise OperationIdReusedError([burn.id])
                return burn.id
            certificate = fitting()
            counter = certificate.next_counter
            use = (burn.points, certificate.id, counter, burn.points)
            if connection.execute(self._USE_CERTIFICATE, use).rowcount != 1:
                raise CertificateUnusableError("certificate_unknown", f"certificate {certificate.id} is not kept here")
            numbered = Burn(**{**burn.model_dump(), "counter": counter})
            if keyid is not None:
                connection.execute(self._PUT_SIGNER, (keyid,))
            connection.execute(self._PUT, _operation_row(numbered, now.timestamp(), clock_offset_s, keyid))
        return burn.id

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


def existing_outbox(path: str | Path) -> Outbox:
    """Open an outbox that is there already. Raises OutboxError."""
    if not Path(path).exists():
        raise OutboxError(f"no outbox at {path}")
    return Outbox(path)


def same_card(card: str) -> str:
    """Return the card without the spaces and dashes that people write into it, as the hub reads it."""
    return card.replace(" ", "").replace("-", "")


def _is_same_burn(burn: Burn, saved: Mapping[str, Any]) -> bool:
    """Say whether a saved operation is this burn; what the moment gave it, number and time, is left out."""
    asked = json.loads(burn.to_json())
    moment = {"occurred_at", "counter"}
    return {name: asked[name] for name in asked.keys() - moment} == {
        name: saved[name] for name in saved.keys() - moment
    }


def _operation_row(
    operation: Operation, saved_at: float, clock_offset_s: float | None, keyid: str | None
) -> tuple[str, str, int, bytes, float, float | None, str | None]:
    card = same_card(operation.card)
    # What shares a stream is sent in order, so it hangs on the card alone.
    return operation.id, card, zlib.crc32(card.encode()), operation.to_json(), saved_at, clock_offset_s, keyid


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _receipt_row(receipt: Receipt) -> tuple[object, ...]:
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


def _receipt(row: Sequence[Any]) -> Receipt:
    method, url, request_headers, request_body, status, headers, body, received_at, clock_offset_s = row
    request = SignedRequest(
        method=method,
        url=url,
        body=zlib.decompress(request_body),
        headers=json.loads(request_headers),
    )
    return Receipt(
        request=request,
        status=status,
        headers=json.loads(headers),
        body=zlib.decompress(body),
        received_at=_moment(received_at),
        clock_offset_s=clock_offset_s,
    )


def _entry(row: Sequence[Any]) -> Entry:
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
