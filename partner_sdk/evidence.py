"""What a bill is checked with, kept in the outbox: signed checkpoints and statements, paths through the journals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from partner_sdk.errors import AnswerNotUnderstoodError
from partner_sdk.journalled import Journalled
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


def made_at(checkpoint: Receipt) -> datetime:
    """Return when the hub says that it made a checkpoint. Raises AnswerNotUnderstoodError."""
    content = checkpoint.content()
    try:
        made = datetime.fromisoformat(content["made_at"])
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a checkpoint with its time", content=content) from fault
    if made.tzinfo is None:
        raise AnswerNotUnderstoodError("expected a checkpoint's time with its offset", content=content)
    return made


def parse_path(content: Any) -> tuple[bytes, ...]:
    """Return the path of a proof's answer. Raises AnswerNotUnderstoodError."""
    try:
        return tuple(_hash(one) for one in content["path"])
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a path", content=content) from fault


def parse_inclusions(content: Any, *, records: Sequence[Journalled], size: int) -> list[InclusionProof]:
    """Return the answer about some own records of one lane. Raises AnswerNotUnderstoodError."""
    try:
        leaves = [int(one["leaf"]) for one in content["proofs"]]
        if leaves != [record.leaf for record in records]:
            raise AnswerNotUnderstoodError("expected the leaves asked for", content=leaves)
        return [_inclusion(one, record, size) for one, record in zip(content["proofs"], records, strict=True)]
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected paths of own records", content=content) from fault


def _inclusion(told: Any, record: Journalled, size: int) -> InclusionProof:
    message, index = told["message"], told["index"]
    if message is None and index is None:
        # What lies there now is no record of this partner's. The path is kept all the same: it shows that.
        return InclusionProof(record.lane, record.leaf, size, record.message, record.index, parse_path(told))
    return InclusionProof(record.lane, record.leaf, size, _hash(message), int(index), parse_path(told))


def _hash(text: Any) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != HASH_BYTES:
        raise ValueError(f"expected {HASH_BYTES} bytes, got {len(found)}")
    return found


def _hashes(path: bytes) -> tuple[bytes, ...]:
    return tuple(path[start : start + HASH_BYTES] for start in range(0, len(path), HASH_BYTES))
