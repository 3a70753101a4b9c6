"""What a bill is checked with, kept in the outbox: signed checkpoints and statements, paths through the journals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from partner_sdk.errors import AnswerNotUnderstoodError
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class LaneRoot:
    """Where a lane's journal stood: its size in leaves, and the Merkle root over them."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The path from a record to the root of the journal's first `size` leaves. `message` is the SHA-256 of the body
    that it was booked from, as the hub says, `index` its place there."""

    lane: int
    leaf: int
    size: int
    message: bytes
    index: int
    path: tuple[bytes, ...]


class Evidence:
    """The tables of evidence in one outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def keep_checkpoint(self, receipt: Receipt) -> None:
        """Keep a signed checkpoint. Raises AnswerNotUnderstoodError."""
        lane_roots(receipt)
        with self._outbox.transaction() as connection:
            number = self._outbox.keep(connection, receipt)
            connection.execute("INSERT INTO checkpoint (receipt) VALUES (?)", (number,))

    def checkpoints(self) -> list[Receipt]:
        """Return the kept checkpoints, oldest first."""
        rows = self._outbox.rows("SELECT receipt FROM checkpoint ORDER BY receipt")
        return [self._outbox.numbered(number) for (number,) in rows]

    def keep_statement(self, window: int, receipt: Receipt) -> None:
        """Keep a window's signed statement, beside those of before."""
        with self._outbox.transaction() as connection:
            number = self._outbox.keep(connection, receipt)
            connection.execute("INSERT INTO statement (receipt, window) VALUES (?, ?)", (number, window))

    def statements(self) -> Iterator[tuple[int, Receipt]]:
        """Yield the newest statement of each window that has one."""
        rows = self._outbox.rows("SELECT window, max(receipt) FROM statement GROUP BY window ORDER BY window")
        for window, number in rows:
            yield window, self._outbox.numbered(number)

    def keep_inclusions(self, proofs: Sequence[InclusionProof]) -> None:
        """Keep paths; one to a later root replaces the one before."""
        rows = [(one.lane, one.leaf, one.size, one.message, one.index, b"".join(one.path)) for one in proofs]
        with self._outbox.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO inclusion VALUES (?, ?, ?, ?, ?, ?)", rows)

    def inclusion(self, lane: int, leaf: int) -> InclusionProof | None:
        """Return the path of a record, if it is kept."""
        query = "SELECT size, message, place, path FROM inclusion WHERE lane = ? AND leaf = ?"
        for size, message, index, path in self._outbox.rows(query, lane, leaf):
            return InclusionProof(lane, leaf, size, message, index, _hashes(path))
        return None

    def keep_consistency(self, lane: int, *, first: int, second: int, path: Sequence[bytes]) -> None:
        """Keep what leads from one root to a later one."""
        row = (lane, first, second, b"".join(path))
        with self._outbox.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO consistency VALUES (?, ?, ?, ?)", row)

    def consistency(self, lane: int, *, first: int, second: int) -> tuple[bytes, ...] | None:
        """Return what leads from one root to a later one, if it is kept."""
        query = "SELECT path FROM consistency WHERE lane = ? AND first = ? AND second = ?"
        rows = self._outbox.rows(query, lane, first, second)
        return _hashes(rows[0][0]) if rows else None


def lane_roots(checkpoint: Receipt) -> dict[int, LaneRoot]:
    """Return what a checkpoint says of each lane. Raises AnswerNotUnderstoodError."""
    content = checkpoint.content()
    try:
        return {int(one["lane"]): LaneRoot(int(one["size"]), _hash(one["root"])) for one in content["lanes"]}
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a checkpoint", content=content) from fault


def parse_path(content: Any) -> tuple[bytes, ...]:
    """Return the path of a proof's answer. Raises AnswerNotUnderstoodError."""
    try:
        return tuple(_hash(one) for one in content["path"])
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a path", content=content) from fault


def parse_inclusions(content: Any, *, lane: int, leaves: Sequence[int], size: int) -> list[InclusionProof]:
    """Return the answer about some own records. Raises AnswerNotUnderstoodError."""
    try:
        proofs = [
            InclusionProof(lane, int(one["leaf"]), size, _hash(one["message"]), int(one["index"]), parse_path(one))
            for one in content["proofs"]
        ]
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected paths of own records", content=content) from fault
    if [proof.leaf for proof in proofs] != list(leaves):
        raise AnswerNotUnderstoodError("expected the leaves asked for", content=[proof.leaf for proof in proofs])
    return proofs


def _hash(text: Any) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != HASH_BYTES:
        raise ValueError(f"expected {HASH_BYTES} bytes, got {len(found)}")
    return found


def _hashes(path: bytes) -> tuple[bytes, ...]:
    return tuple(path[start : start + HASH_BYTES] for start in range(0, len(path), HASH_BYTES))
