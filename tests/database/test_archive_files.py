"""The file of an archive: whatever is changed in it is found, and only the file that was written is taken."""

# The files are small, and nothing else waits for the event loop.

import base64
import gzip
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.errors import ArchiveBrokenError, StateConflictError
from coalition.journal.archive import signed_content
from coalition.operations import archive_file
from coalition.operations.archive_file import verify_archive
from coalition.operations.check_sums import check_sums
from coalition.operations.restore_window import restore_window
from tests.database.archive_story import (
    HUB_KEY,
    KilledError,
    Story,
    archive,
    checked,
    killed_at,
    settle,
)

Line = dict[str, Any]
BYTES_CHANGED = 25
# What follows it in a file's first bytes is its compressed content.
GZIP_HEADER_BYTES = 10


@dataclass
class Lines:
    """An archive's lines, to be changed and sealed again; `fault` tells what verifying finds, from its line's number
    on."""

    path: Path
    lines: list[Line]

    @classmethod
    def of(cls, path: Path) -> "Lines":
        return cls(path, [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()])

    def first(self, name: str) -> int:
        return [next(iter(line)) for line in self.lines].index(name)

    def message_of(self, record: int) -> int:
        """Return where the message stands that a record names."""
        digest = self.lines[record]["record"]["message"]
        (number,) = [at for at, line in enumerate(self.lines) if line.get("message", {}).get("digest") == digest]
        return number

    def changed(self, number: int, **columns: Any) -> list[Line]:
        (name,) = [name for name in self.lines[number] if name not in ("lots", "uses", "shares")]
        line = self.lines[number] | {name: self.lines[number][name] | columns}
        return [*self.lines[:number], line, *self.lines[number + 1 :]]

    def without(self, number: int, **counted: int) -> list[Line]:
        """Leave a line out; `counted` is what the end says of how many there are."""
        left = [*self.lines[:number], *self.lines[number + 1 :]]
        return [*left[:-1], {"end": left[-1]["end"] | counted}]

    def fault(self, content: bytes) -> str:
        tampered = self.path.with_name("tampered.jsonl.gz")
        tampered.write_bytes(content)
        with pytest.raises(ArchiveBrokenError) as error:
            verify_archive(tampered)
        return str(error.value).removeprefix(f"{tampered}: line ")


def resealed(lines: list[Line], private_key: Ed25519PrivateKey = HUB_KEY, **end: Any) -> bytes:
    """Return an archive of these lines, sealed as if they were the hub's; `end` changes what the last one says."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
    digest = sha256(text).digest()
    signature = base64.b64encode(private_key.sign(signed_content(1, digest))).decode()
    sealed = {"end": lines[-1]["end"] | {"sha256": digest.hex(), "signature": signature} | end}
    return gzip.compress(text + json.dumps(sealed).encode() + b"\n")


@pytest.fixture
async def lines(story: Story, tmp_path: Path) -> Lines:
    """The archive of the first window."""
    return Lines.of(Path((await archive(story.pool, tmp_path)).path))


async def test_a_tampered_archive_is_refused_by_its_line(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where who changed it has the hub's key: leaves, messages and totals hold each other."""
    fault, changed, without = lines.fault, lines.changed, lines.without
    packed, record, total = lines.path.read_bytes(), lines.first("record"), lines.first("window_total")
    booked, message = lines.lines[record]["record"], lines.message_of(record)

    # Without the hub's key.
    assert "SHA-256 of the lines" in fault(gzip.compress(gzip.decompress(packed).replace(b"Bakery", b"Bakerx")))
    assert "signature is not that" in fault(resealed(lines.lines, Ed25519PrivateKey.generate()))
    assert "is none of the hub's" in fault(resealed(lines.lines, keyid="another"))

    # Records, and the messages and totals that they come with.
    other_result = booked["result"].replace('"balance":', '"balance":1')
    assert "leaves and root" in fault(resealed(changed(record, result=other_result)))
    assert fault(resealed(changed(record, points=booked["points"] + 1))).startswith(f"{record + 1}: ")
    assert "expected leaf 0 of window 1" in fault(resealed(without(record)))
    assert "is not the one that the digest names" in fault(resealed(changed(message, body="{}")))
    assert "signature_wrong" in fault(resealed(changed(message, authority="other.example")))
    assert "records and messages" in fault(resealed(without(message)))
    messages = lines.lines[-1]["end"]["messages"] - 1
    assert "messages that records name are not there" in fault(resealed(without(message, messages=messages)))
    assert "totals are not those of the records" in fault(resealed(changed(total, points=1)))

    # What is no archive, or none of this kind, or not the whole of one.
    for header in ({"format": "another"}, {"version": 2}):
        assert fault(resealed(changed(0, **header))).startswith("1: ")
    assert fault(packed[: len(packed) // 2]).endswith("end-of-stream marker was reached")
    without_end = gzip.compress(b"".join(gzip.decompress(packed).splitlines(keepends=True)[:-1]))
    assert fault(without_end).startswith(f"{len(lines.lines)}: ")
    assert "nothing after the end" in fault(packed + gzip.compress(b'{"record":{}}\n'))
    assert fault(b"no gzip at all").startswith("1: ")
    assert "no 'card' lines" in fault(resealed([*lines.lines[:-1], {"card": {}}, lines.lines[-1]]))
    monkeypatch.setattr(archive_file, "LINE_BYTES_MAX", 50)
    assert fault(packed) == "1: expected at most 50 bytes"


async def test_a_byte_changed_is_found_wherever_it_is(story: Story, lines: Lines) -> None:
    """By whoever verifies the file, by `coalition check`, and before anything of it is put back; what stays packed in
    the database is held to the totals."""
    packed = lines.path.read_bytes()
    for number in range(BYTES_CHANGED):
        place = GZIP_HEADER_BYTES + number * (len(packed) - GZIP_HEADER_BYTES) // BYTES_CHANGED
        lines.path.write_bytes(packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :])
        with pytest.raises(ArchiveBrokenError):
            verify_archive(lines.path)
    assert [finding.rule for finding in (await check_sums(story.pool)).findings if finding.broken] == [
        "archive of window 1"
    ]
    with pytest.raises(ArchiveBrokenError):
        await restore_window(story.pool, lines.path)
    lines.path.write_bytes(packed)
    await checked(story.pool)

    await story.pool.execute("UPDATE journal_block SET records = records || '\\x00'::bytea WHERE first_leaf = 0")
    await story.pool.execute("UPDATE window_total SET points = points + 1 WHERE window_no = 1 AND lane = 0")
    broken = {finding.rule for finding in (await check_sums(story.pool)).findings if finding.broken}
    assert "each booked operation of an archived window on exactly one statement line" in broken


async def test_a_sound_file_that_is_not_the_one_that_was_written_is_not_taken(story: Story, tmp_path: Path) -> None:
    """Neither to go on with an archive, nor to put one back; nor is one that is gone. An archive of another journal is
    not written over."""
    pool = story.pool
    with pytest.raises(KilledError):
        await archive(pool, tmp_path, progress=killed_at("records of lane 2 packed"))
    path = tmp_path / "window-000001.jsonl.gz"
    written, other = path.read_bytes(), resealed(Lines.of(path).changed(0, programme="Another"))
    path.write_bytes(other)
    verify_archive(path)
    for act in (archive(pool, tmp_path), restore_window(pool, path)):
        with pytest.raises(ArchiveBrokenError, match="expected the archive of window 1 with SHA-256"):
            await act
    path.unlink()
    for act in (archive(pool, tmp_path), restore_window(pool, path)):
        with pytest.raises(ArchiveBrokenError, match=r"window-000001.jsonl.gz: No such file"):
            await act
    path.write_bytes(written)
    await archive(pool, tmp_path)

    await settle(pool, 2)
    second = tmp_path / "window-000002.jsonl.gz"
    second.write_bytes(written)
    with pytest.raises(StateConflictError, match="is the archive of another journal: choose another folder"):
        await archive(pool, tmp_path, 2)
    assert second.read_bytes() == written
    await checked(pool)
