"""Bring an archived window back into the database, from its file and its blocks; the file stays.

First the messages, so that no record is without its evidence, then the records, from the last block to the first: what
is packed is always the beginning of a window, and either command goes on from where the other was killed."""

import json
from itertools import islice
from pathlib import Path

import asyncpg

from coalition.database.pool import Connection, Pool
from coalition.errors import StateConflictError
from coalition.operations.archive_file import Progress, verify_archive
from coalition.operations.archive_window import alone, archived_messages, hold_to
from coalition.stores.archives import (
    MESSAGES_AT_ONCE,
    Archive,
    delete_archive,
    delete_blocks,
    find_archive,
    insert_messages,
    load_last_blocks,
    load_ranges,
    mark_under_way,
)
from coalition.stores.packing import FIND_BY_KEYS, LOCK_LANE, unpack_records

BLOCKS_AT_ONCE = 2


async def restore_window(pool: Pool, path: Path, *, progress: Progress = lambda *_: None) -> Archive:
    """Put all of an archived window back; return what its archive was. May be repeated until it is done.

    Raises ArchiveBrokenError for a file that is not the one that was written, StateConflictError for a window that is
    not archived."""
    verified = verify_archive(path, progress=progress)
    async with alone(pool) as connection:
        archive = await find_archive(connection, verified.window_no)
        if archive is None:
            raise StateConflictError(f"window {verified.window_no} is not archived; all of it is in the database")
        hold_to(archive, verified)
        await mark_under_way(connection, archive.window_no)
        messages, done = archived_messages(path), 0
        while some := list(islice(messages, MESSAGES_AT_ONCE)):
            progress("messages put back", done, archive.messages)
            await insert_messages(connection, [json.loads(message.row) for message in some])
            done += len(some)
        ranges = await load_ranges(connection, archive.window_no)
        for one in ranges:
            await _unpack(connection, one, progress)
        async with connection.transaction():
            await delete_archive(connection, archive.window_no, [one["lane"] for one in ranges])
        return archive


async def _unpack(connection: Connection, one: asyncpg.Record, progress: Progress) -> None:
    lane, first, end = one["lane"], one["first_leaf"], one["end_leaf"]
    while blocks := await load_last_blocks(connection, lane, first=first, end=end, count_max=BLOCKS_AT_ONCE):
        start, stop = blocks[-1][0], blocks[0][1]
        progress(f"records of lane {lane} put back", end - stop, end - first)
        async with connection.transaction():
            await connection.execute(LOCK_LANE, lane)
            await connection.execute(FIND_BY_KEYS)
            await unpack_records(connection, lane, range(start, stop))
            await delete_blocks(connection, lane, first=start, end=stop)
