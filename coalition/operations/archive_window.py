"""Archive a settled window: its records, with all that proves them, leave the database for a file.

    write    the file whole and on disk, in one look at the database
    verify   read back to the last byte, held to the roots that the lanes had when the window closed
    note     in the database that it is there: from here on nothing is written again, the rest is gone on with
    pack     lane by lane, some hundred records at a time: what must be at hand for ever stays, packed
    let go   the messages, but those of which an operation stands in a window that is not archived

Killed anywhere, it is run again. Before `note` nothing has left; after it, all that left is in the verified file.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import asyncpg

from coalition.database.pool import PAUSE_AT_WILL, Connection, Pool
from coalition.errors import ArchiveBrokenError, NotFoundError, StateConflictError
from coalition.journal.archive import BLOCK_LEAVES, FORMAT, VERSION, LaneRange, Row, bytes_of, line_of, to_line
from coalition.journal.merkle import EMPTY_ROOT
from coalition.journal.proofs import kept_nodes, subtree_hash
from coalition.operations.archive_file import (
    ArchiveWriter,
    Progress,
    Seal,
    VerifiedArchive,
    read_lines,
    verify_archive,
    writing_archive,
)
from coalition.stores.archives import (
    CLOCKS_APART,
    MESSAGES_AT_ONCE,
    Archive,
    OldMessage,
    WindowFacts,
    add_archive,
    delete_messages,
    find_archive,
    find_live_operations,
    find_packed_end,
    find_window,
    load_names_and_keys,
    load_ranges,
    load_statement_rows,
    load_total_rows,
    mark_archived,
    read_old_messages,
    try_lock_archives,
    unlock_archives,
)
from coalition.stores.packing import FIND_BY_KEYS, WRITE_UTC, load_record_lines, pack_records
from coalition.stores.proofs import load_hashes

RECORDS_AT_ONCE = 5_000
# For so many records at a time a lane's clearing waits.
BLOCKS_AT_ONCE = 2


def archive_name(window_no: int) -> str:
    return f"window-{window_no:06d}.jsonl.gz"


async def archive_window(
    pool: Pool,
    window_no: int,
    folder: Path,
    *,
    seal: Seal,
    now: datetime,
    actor: str,
    progress: Progress = lambda *_: None,
) -> Archive:
    """Archive a window to a file in `folder`, an absolute path; go on with what an earlier call began, where it was.

    Raises NotFoundError, StateConflictError that says what is missing, ArchiveBrokenError where the file that an
    earlier call wrote is another now."""
    async with alone(pool) as connection:
        archive = await find_archive(connection, window_no)
        if archive is None:
            facts = await find_window(connection, window_no)
            _refuse_unready(window_no, facts, now=now)
            path = folder / archive_name(window_no)
            archive = await _write(connection, window_no, path, seal=seal, now=now, actor=actor, progress=progress)
        elif archive.archived_at is not None:
            raise StateConflictError(f"window {window_no} is archived already, in {archive.path}")
        else:
            hold_to(archive, verify_archive(Path(archive.path), progress=progress))
        ranges = await load_ranges(connection, window_no)
        await _pack(connection, ranges, progress)
        await _let_messages_go(connection, archive, [one["lane"] for one in ranges], progress)
        await mark_archived(connection, window_no, now=now)
        return archive._replace(archived_at=now)


@asynccontextmanager
async def alone(pool: Pool) -> AsyncIterator[Connection]:
    """Give a connection to the only one that archives or restores. Raises StateConflictError for another."""
    async with pool.acquire() as connection:
        if not await try_lock_archives(connection):
            raise StateConflictError("another command archives or restores a window just now")
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await unlock_archives(connection)


def hold_to(archive: Archive, verified: VerifiedArchive) -> None:
    """Raise ArchiveBrokenError for a file that is sound but not the one that the database knows."""
    if (verified.window_no, verified.digest) != (archive.window_no, archive.digest):
        raise ArchiveBrokenError(
            verified.path,
            0,
            f"expected the archive of window {archive.window_no} with SHA-256 {archive.digest.hex()}, written on "
            f"{archive.written_at:%Y-%m-%d} as {archive.path}; window {verified.window_no} with "
            f"{verified.digest.hex()} came",
        )


def _refuse_unready(window_no: int, facts: WindowFacts | None, *, now: datetime) -> None:
    if facts is None:
        raise NotFoundError(f"there is no window {window_no}")
    if facts.state != "SETTLED" or facts.closed_at is None:
        raise StateConflictError(f"window {window_no} is {facts.state}; only a window that is SETTLED can be archived")
    ready_at = facts.closed_at + timedelta(days=facts.archive_after_days)
    if now < ready_at:
        raise StateConflictError(
            f"window {window_no} was closed on {facts.closed_at:%Y-%m-%d}; it can be archived "
            f"{facts.archive_after_days} days later, from {ready_at:%Y-%m-%d} on (coalition archive after)"
        )
    if facts.first_unarchived < window_no:
        raise StateConflictError(f"window {facts.first_unarchived} is to be archived before window {window_no}")
    if facts.open_holds:
        raise StateConflictError(f"window {window_no} has {facts.open_holds} holds that are open still")


async def _write(
    connection: Connection,
    window_no: int,
    path: Path,
    *,
    seal: Seal,
    now: datetime,
    actor: str,
    progress: Progress,
) -> Archive:
    if not path.parent.is_dir():
        raise StateConflictError(f"{path.parent} is no folder")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(PAUSE_AT_WILL)
        await connection.execute(WRITE_UTC)
        await connection.execute(FIND_BY_KEYS)
        ranges = [await _lane_range(connection, one) for one in await load_ranges(connection, window_no)]
        _refuse_foreign(path, window_no, ranges)
        with writing_archive(path) as writer:
            await _write_lines(connection, writer, window_no, ranges, progress)
            writer.seal(window_no, seal)
    verified = verify_archive(path, progress=progress)
    if verified.ranges != ranges:
        raise ArchiveBrokenError(path, 1, "the roots read back are not those of the lanes")
    archive = Archive(
        window_no,
        str(path),
        verified.digest,
        verified.keyid,
        verified.records,
        verified.messages,
        verified.file_bytes,
        now,
        actor,
    )
    async with connection.transaction():
        await add_archive(connection, archive)
    return archive


def _refuse_foreign(path: Path, window_no: int, ranges: Sequence[LaneRange]) -> None:
    """Raise StateConflictError where another hub's archive has this name; one that was written before a kill is written
    again."""
    if path.exists():
        verified = verify_archive(path)
        if (verified.window_no, verified.ranges) != (window_no, ranges):
            raise StateConflictError(f"{path} is the archive of another journal: choose another folder")


async def _lane_range(connection: Connection, row: asyncpg.Record) -> LaneRange:
    lane, first = row["lane"], row["first_leaf"]
    trees = [bit for bit in range(first.bit_length() - 1, -1, -1) if first >> bit & 1]
    subtrees, start = [], 0
    for level in trees:
        subtrees.append((start, start + (1 << level)))
        start += 1 << level
    kept = await load_hashes(connection, lane, kept_nodes(subtrees))
    frontier = b"".join(subtree_hash(subtree, kept) for subtree in subtrees)
    return LaneRange(lane, first, row["end_leaf"], row["root_before"] or EMPTY_ROOT, frontier, row["root"])


async def _write_lines(
    connection: Connection, writer: ArchiveWriter, window_no: int, ranges: Sequence[LaneRange], progress: Progress
) -> None:
    facts = await find_window(connection, window_no)
    assert facts is not None, "the window was found before"
    assert facts.closed_at is not None, "a settled window is closed"
    header = {
        "format": FORMAT,
        "version": VERSION,
        "programme": facts.programme,
        "window_no": window_no,
        "opened_at": facts.opened_at.isoformat(),
        "closed_at": facts.closed_at.isoformat(),
        "lanes": [one.document for one in ranges],
        **await load_names_and_keys(connection),
    }
    writer.write(to_line({"archive": header}))
    named: set[tuple[int, bytes]] = set()
    for one in ranges:
        async for line, record in _record_lines(connection, one, progress):
            writer.write(line)
            writer.records += 1
            if "message" in record:
                named.add((record["partner"], bytes_of(record["message"])))
    await _write_messages(connection, writer, window_no, named, lanes=[one.lane for one in ranges], facts=facts)
    for row in await load_total_rows(connection, window_no):
        writer.write(line_of("window_total", row))
    for row in await load_statement_rows(connection, window_no):
        writer.write(line_of("statement", row))


async def _record_lines(connection: Connection, one: LaneRange, progress: Progress) -> AsyncIterator[tuple[str, Row]]:
    for first in range(one.first_leaf, one.end_leaf, RECORDS_AT_ONCE):
        end = min(first + RECORDS_AT_ONCE, one.end_leaf)
        progress(f"records of lane {one.lane} written", first - one.first_leaf, one.end_leaf - one.first_leaf)
        for line in await load_record_lines(connection, one.lane, first=first, end=end):
            yield line, json.loads(line)["record"]


async def _write_messages(
    connection: Connection,
    writer: ArchiveWriter,
    window_no: int,
    named: set[tuple[int, bytes]],
    *,
    lanes: Sequence[int],
    facts: WindowFacts,
) -> None:
    """Write the messages that records name, and those from before the close that nothing was booked of, or only what
    is archived."""
    assert facts.closed_at is not None, "a settled window is closed"
    for lane in lanes:
        async for messages in read_old_messages(connection, lane, before=facts.closed_at + CLOCKS_APART):
            others = [message for message in messages if (message.partner, message.digest) not in named]
            live = await _live_messages(connection, others, lanes, archiving=window_no)
            for message in messages:
                if (message.lane, message.partner, message.digest) not in live:
                    writer.write(line_of("message", message.row))
                    writer.messages += 1


async def _live_messages(
    connection: Connection, messages: Sequence[OldMessage], lanes: Sequence[int], *, archiving: int
) -> set[tuple[int, int, bytes]]:
    """Return which messages have an operation in a window that is not archived."""
    ids = {name for message in messages for name in message.operation_ids}
    live = await find_live_operations(connection, lanes, ids, archiving=archiving) if ids else set()
    return {
        (message.lane, message.partner, message.digest)
        for message in messages
        if any((message.partner, name) in live for name in message.operation_ids)
    }


async def _pack(connection: Connection, ranges: Sequence[asyncpg.Record], progress: Progress) -> None:
    for one in ranges:
        lane, first, end = one["lane"], one["first_leaf"], one["end_leaf"]
        start = await find_packed_end(connection, lane, first=first, end=end)
        while start < end:
            progress(f"records of lane {lane} packed", start - first, end - first)
            stop = min((start // BLOCK_LEAVES + BLOCKS_AT_ONCE) * BLOCK_LEAVES, end)
            async with connection.transaction():
                await pack_records(connection, lane, first=start, end=stop)
            start = stop


async def _let_messages_go(connection: Connection, archive: Archive, lanes: Sequence[int], progress: Progress) -> None:
    done = 0
    messages = archived_messages(Path(archive.path))
    while some := list(islice(messages, MESSAGES_AT_ONCE)):
        progress("messages let go", done, archive.messages)
        async with connection.transaction():
            live = await _live_messages(connection, some, lanes, archiving=archive.window_no)
            gone = [message for message in some if (message.lane, message.partner, message.digest) not in live]
            await delete_messages(connection, gone)
        done += len(some)


def archived_messages(path: Path) -> Iterator[OldMessage]:
    """Yield the messages of an archive that is verified."""
    for name, document, _ in read_lines(path):
        if name == "message":
            row = document[name]
            yield OldMessage(row["lane"], row["partner"], bytes_of(row["digest"]), to_line(row))
