"""The file of an archive: written line by line and sealed, read back with bounds, verified offline.

Verified is all that can be without a database: every line under the hub's signature, every leaf into the Merkle roots
of its window, every message with its partner's signature, every total with the records.
"""

import base64
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coalition.errors import ArchiveBrokenError
from coalition.journal.archive import (
    FORMAT,
    VERSION,
    LaneRange,
    PastRecord,
    Row,
    Tally,
    bytes_of,
    differences,
    signed_content,
    to_line,
    totals_of,
)
from coalition.journal.merkle import Frontier
from coalition.journal.record import fault_of_result
from coalition.operations.verify_message import fault_of_message

# A message has at most 1 MiB, a record a few hundred bytes; the first line has every key that there ever was.
LINE_BYTES_MAX = 64 * 1024 * 1024

# What is done, how much of it, of how much (0: not known).
Progress = Callable[[str, int, int], None]


class Seal(NamedTuple):
    """The hub's key, as far as an archive needs it."""

    keyid: str
    sign: Callable[[bytes], bytes]


class Sealed(NamedTuple):
    """A file as it was written."""

    digest: bytes
    records: int
    messages: int
    file_bytes: int


class ArchiveWriter:
    """Writes an archive's lines to a file; the last one is `seal`'s."""

    def __init__(self, lines: gzip.GzipFile) -> None:
        self.records = 0
        self.messages = 0
        self._lines = lines
        self._digest = sha256()

    def write(self, line: str) -> None:
        encoded = line.encode() + b"\n"
        self._digest.update(encoded)
        self._lines.write(encoded)

    def seal(self, window_no: int, seal: Seal) -> bytes:
        """Write the last line; return the digest of the others."""
        digest = self._digest.digest()
        end = {
            "records": self.records,
            "messages": self.messages,
            "sha256": digest.hex(),
            "keyid": seal.keyid,
            "signature": base64.b64encode(seal.sign(signed_content(window_no, digest))).decode("ascii"),
        }
        self._lines.write(to_line({"end": end}).encode() + b"\n")
        return digest


@contextmanager
def writing_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive so that it is at `path` whole and on disk, or not at all; only its owner may read it."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        # No name and no time in it: the same window, the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as lines:
            yield ArchiveWriter(lines)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_lines(path: Path) -> Iterator[tuple[str, Row, bytes]]:
    """Yield each line's name, the object that it is, and its bytes. Raises ArchiveBrokenError."""
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            while encoded := lines.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(encoded) > LINE_BYTES_MAX:
                    raise ArchiveBrokenError(path, number, f"expected at most {LINE_BYTES_MAX:,} bytes")
                document = json.loads(encoded)
                if not isinstance(document, dict) or not document:
                    raise ArchiveBrokenError(path, number, f"expected an object, {encoded[:40]!r} came")
                yield next(iter(document)), document, encoded
    except gzip.BadGzipFile as error:
        raise ArchiveBrokenError(path, number + 1, f"not gzip, or damaged: {error}") from error
    except OSError as error:
        raise ArchiveBrokenError(path, 0, error.strerror or str(error)) from error
    except (EOFError, zlib.error, ValueError, RecursionError) as error:
        raise ArchiveBrokenError(path, number + 1, f"cut off or damaged: {error}") from error


class ArchivedMessage(NamedTuple):
    """A message as an archive tells it, with the key that signed it."""

    digest: bytes
    authority: str
    target: str
    signature_input: str
    signature: str
    content_digest: str
    body: bytes
    public_key: bytes | None


@dataclass(slots=True)
class VerifiedArchive:
    """What an archive holds, all of it verified. `statements` are partners' shares."""

    path: Path
    window_no: int
    programme: str
    ranges: list[LaneRange]
    hub_keys: dict[str, bytes]
    partner_keys: dict[tuple[str, int], bytes]
    digest: bytes = b""
    keyid: str = ""
    records: int = 0
    messages: int = 0
    statements: int = 0
    file_bytes: int = 0


@dataclass(slots=True)
class _Seen:
    """What the lines so far came to."""

    trees: dict[int, Frontier]
    tally: Tally = field(default_factory=Tally)
    named: set[tuple[int, str]] = field(default_factory=set)
    messages: set[tuple[int, str]] = field(default_factory=set)
    totals: list[Row] = field(default_factory=list)


def verify_archive(path: Path, *, progress: Progress = lambda *_: None) -> VerifiedArchive:
    """Read an archive from its first byte to its last, and hold it to all that it says; no database is needed.

    That the key which signed it is the hub's, and its roots those of the hub's checkpoints, is for who knows them.
    Raises ArchiveBrokenError that names the line."""
    digest, number = sha256(), 0
    lines = read_lines(path)
    archive: VerifiedArchive | None = None
    seen = _Seen({})
    is_sealed = False
    for number, (name, document, encoded) in enumerate(lines, start=1):
        if is_sealed:
            raise ArchiveBrokenError(path, number, "expected nothing after the end")
        try:
            if archive is None:
                archive = _opened(path, name, document[name])
                seen.trees = {one.lane: one.tree_before for one in archive.ranges}
            elif name == "end":
                _hold_end(archive, seen, document[name], digest.digest())
                is_sealed = True
            else:
                _take(archive, seen, name, document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArchiveBrokenError(path, number, f"{type(error).__name__}: {error}") from error
        digest.update(encoded)
        if number % 1_000 == 0:
            progress("lines verified", number, 0)
    if archive is None or not is_sealed:
        raise ArchiveBrokenError(path, number + 1, "expected further lines: the file was cut off")
    archive.file_bytes = path.stat().st_size
    return archive


def _opened(path: Path, name: str, header: Row) -> VerifiedArchive:
    if name != "archive" or header["format"] != FORMAT or header["version"] != VERSION:
        raise ValueError(f"expected an archive of {FORMAT} version {VERSION}")
    keys = {row["keyid"]: bytes_of(row["public_key"]) for row in header["hub_keys"]}
    partner_keys = {(row["keyid"], row["partner"]): bytes_of(row["public_key"]) for row in header["partner_keys"]}
    ranges = [LaneRange.of(one) for one in header["lanes"]]
    return VerifiedArchive(path, int(header["window_no"]), str(header["programme"]), ranges, keys, partner_keys)


def _take(archive: VerifiedArchive, seen: _Seen, name: str, document: Row) -> None:
    row: Row = document[name]
    if name == "record":
        _take_record(archive, seen, PastRecord.of(document))
    elif name == "message":
        archive.messages += 1
        fault = fault_of_message(message_of(row, archive.partner_keys))
        if fault is not None:
            raise ValueError(f"message {row['digest']} of partner {row['partner']}: {fault}")
        seen.messages.add((row["partner"], row["digest"]))
    elif name == "window_total":
        seen.totals.append(row)
    elif name == "statement":
        archive.statements += 1
    else:
        raise ValueError(f"there are no {name!r} lines")


def _take_record(archive: VerifiedArchive, seen: _Seen, past: PastRecord) -> None:
    record = past.record
    tree = seen.trees[record["lane"]]
    if (record["window_no"], record["leaf"]) != (archive.window_no, tree.size):
        raise ValueError(
            f"lane {record['lane']}: expected leaf {tree.size} of window {archive.window_no}, "
            f"leaf {record['leaf']} of window {record['window_no']} came"
        )
    if (fault := fault_of_result({"code": None, **record})) is not None:
        raise ValueError(fault)
    tree.append(past.hash)
    seen.tally.add(past)
    archive.records += 1
    if "message" in record:
        seen.named.add((record["partner"], record["message"]))


def message_of(row: Row, partner_keys: dict[tuple[str, int], bytes]) -> ArchivedMessage:
    return ArchivedMessage(
        bytes_of(row["digest"]),
        row["authority"],
        row["target"],
        row["signature_input"],
        row["signature"],
        row["content_digest"],
        row["body"].encode(),
        partner_keys.get((row["keyid"], row["partner"])),
    )


def _hold_end(archive: VerifiedArchive, seen: _Seen, end: dict[str, Any], digest: bytes) -> None:
    """Hold what all lines come to against what they say, and the whole to its signature."""
    if end["sha256"] != digest.hex():
        _refuse("the SHA-256 of the lines", end["sha256"], digest.hex())
    public_key = archive.hub_keys.get(end["keyid"])
    if public_key is None:
        raise ValueError(f"the key {end['keyid']} that signed it is none of the hub's that the first line lists")
    signature = base64.b64decode(end["signature"], validate=True)
    try:
        content = signed_content(archive.window_no, digest)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except InvalidSignature:
        raise ValueError("the signature is not that of the hub's key over these lines") from None
    if (end["records"], end["messages"]) != (archive.records, archive.messages):
        _refuse("records and messages", (end["records"], end["messages"]), (archive.records, archive.messages))
    for one in archive.ranges:
        tree = seen.trees[one.lane]
        if tree.size != one.end_leaf or tree.root() != one.root:
            _refuse(f"lane {one.lane}: leaves and root", (one.end_leaf, one.root.hex()), (tree.size, tree.root().hex()))
    if missing := seen.named - seen.messages:
        raise ValueError(f"{len(missing)} messages that records name are not there, {min(missing)} among them")
    if others := differences(seen.tally.totals, totals_of(seen.totals)):
        raise ValueError(f"the totals are not those of the records: {others[0]}")
    archive.digest, archive.keyid = digest, end["keyid"]


def _refuse(what: str, expected: object, got: object) -> NoReturn:
    raise ValueError(f"{what}: expected {expected}, {got} came")
