"""The outbox: every operation on disk before it is sent, and every signed answer kept with it.

    waiting ──▶ booked | refused     the hub's verdict, signed and final
       │ ╰────▶ rejected             the hub refused the message because of this operation; it never reached the ledger
       ╰──────▶ set_aside            answered "not yet" (unknown card, unknown original) too often
                rejected, set_aside ──▶ waiting     by `retry`

SQLite with a write-ahead log and synchronous=FULL: what `put` returned from, a power cut does not take back.
The calls block, for a commit and about 10 us per operation; that is short enough to make them from the event loop.
Several processes may share a file: the worst that happens is that an operation is sent twice, and the hub answers it
again with the same bytes. What the hub signed is kept by `outbox_receipts`, certificates by `outbox_certificates`.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from partner_sdk.errors import OperationIdReusedError, OutboxError, UnknownOperationError
from partner_sdk.operation import Operation, list_of_operations
from partner_sdk.outbox_certificates import KeptCertificates
from partner_sdk.outbox_fault import outbox_error
from partner_sdk.outbox_receipts import KeptReceipts
from partner_sdk.outbox_rows import Entry, Waiting, entry_of_row, insert_operations, operation_row, same_card


class Outbox(KeptReceipts, KeptCertificates):
    """One partner's operations and receipts in one SQLite file."""

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
        rows = [operation_row(one, saved_at=saved_at, clock_offset_s=clock_offset_s, keyid=keyid) for one in every]
        with self.transaction() as connection:
            if insert_operations(connection, rows, keyid=keyid) != len(rows):
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

    _ENTRIES = """
        SELECT id, card, state, answers, code, saved_at, retry_at, clock_offset_s, keyid, body FROM operation
        WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY place LIMIT ?3
    """

    def entries(self, *, state: str | None = None, entries_max: int = -1) -> list[Entry]:
        """Return the operations of this state, or all, oldest first."""
        return [entry_of_row(row) for row in self.rows(self._ENTRIES, state, None, entries_max)]

    def entry(self, operation_id: str) -> Entry:
        """Return one operation. Raises UnknownOperationError."""
        rows = self.rows(self._ENTRIES, None, operation_id, 1)
        if not rows:
            raise UnknownOperationError(f"no operation {operation_id} in {self.path}")
        return entry_of_row(rows[0])

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

    _FORGET_KEY = """
        DELETE FROM signer
        WHERE keyid = ?1 AND NOT EXISTS (SELECT 1 FROM operation WHERE state = 'waiting' AND keyid = ?1)
    """

    def forget_key(self, saved_by: str) -> None:
        """Look no more for what waits of a key, until it saves something again; not if something waits by now."""
        with self.transaction() as connection:
            connection.execute(self._FORGET_KEY, (saved_by,))

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


def existing_outbox(path: str | Path) -> Outbox:
    """Open an outbox that is there already. Raises OutboxError."""
    if not Path(path).exists():
        raise OutboxError(f"no outbox at {path}")
    return Outbox(path)
