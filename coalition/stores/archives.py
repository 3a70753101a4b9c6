"""Archives of windows: which there are, what one is made of, and what leaves with it."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from coalition.database.pool import Connection
from coalition.journal.archive import Row

# Any number, the same everywhere: one window is archived or restored at a time.
ARCHIVES_LOCK = 0x61726368

MESSAGES_AT_ONCE = 200
# Hubs' clocks may be apart.
CLOCKS_APART = timedelta(hours=1)


class Archive(NamedTuple):
    """An archive as it was written; `digest` of its file's lines but the last; `archived_at` None: under way."""

    window_no: int
    path: str
    digest: bytes
    keyid: str
    records: int
    messages: int
    file_bytes: int
    written_at: datetime
    written_by: str
    archived_at: datetime | None = None


TRY_LOCK = "SELECT pg_try_advisory_lock($1)"

UNLOCK = "SELECT pg_advisory_unlock($1)"


async def try_lock_archives(connection: Connection) -> bool:
    """Take the lock for as long as the connection lasts, or until `unlock_archives`; False: another has it."""
    return await connection.fetchval(TRY_LOCK, ARCHIVES_LOCK)  # type: ignore[no-any-return]


async def unlock_archives(connection: Connection) -> None:
    await connection.execute(UNLOCK, ARCHIVES_LOCK)


SELECT_ARCHIVES = """
SELECT window_no, path, digest, keyid, records, messages, file_bytes, written_at, written_by, archived_at
FROM window_archive
WHERE $1::integer IS NULL OR window_no = $1
ORDER BY window_no
"""


async def load_archives(connection: Connection) -> list[Archive]:
    return [Archive(*row) for row in await connection.fetch(SELECT_ARCHIVES, None)]


async def find_archive(connection: Connection, window_no: int) -> Archive | None:
    row = await connection.fetchrow(SELECT_ARCHIVES, window_no)
    return None if row is None else Archive(*row)


SELECT_WINDOW = """
SELECT clearing_window.state, clearing_window.opened_at, clearing_window.closed_at, programme.name,
    programme.archive_after_days
FROM clearing_window
CROSS JOIN programme
WHERE clearing_window.window_no = $1
"""

FIND_FIRST_UNARCHIVED = """
SELECT min(clearing_window.window_no)
FROM clearing_window
WHERE clearing_window.window_no <> ALL($1::integer[])
"""

COUNT_OPEN_HOLDS = """
SELECT count(*)
FROM hold
JOIN lane_window AS ended ON ended.lane = hold.lane AND hold.leaf >= ended.first_leaf AND hold.leaf < ended.end_leaf
WHERE hold.state = 'reserved' AND ended.window_no = $1
"""


class WindowFacts(NamedTuple):
    """What decides whether a window may be archived."""

    state: str
    opened_at: datetime
    closed_at: datetime | None
    programme: str
    archive_after_days: int
    open_holds: int
    first_unarchived: int


async def find_window(connection: Connection, window_no: int) -> WindowFacts | None:
    row = await connection.fetchrow(SELECT_WINDOW, window_no)
    if row is None:
        return None
    open_holds = await connection.fetchval(COUNT_OPEN_HOLDS, window_no)
    archived = [archive.window_no for archive in await load_archives(connection)]
    first = await connection.fetchval(FIND_FIRST_UNARCHIVED, archived)
    return WindowFacts(*[*row, open_holds, first])


SET_ARCHIVE_AFTER = "UPDATE programme SET archive_after_days = $1"


async def set_archive_after(connection: Connection, days: int) -> None:
    """Write how long after its close a window may be archived."""
    await connection.execute(SET_ARCHIVE_AFTER, days)


SELECT_RANGES = """
SELECT ended.lane, ended.first_leaf, ended.end_leaf, ended.root, before.root AS root_before
FROM lane_window AS ended
LEFT JOIN lane_window AS before ON before.lane = ended.lane AND before.window_no = ended.window_no - 1
WHERE ended.window_no = $1
ORDER BY ended.lane
"""


async def load_ranges(connection: Connection, window_no: int) -> list[asyncpg.Record]:
    """Return where a closed window lies in each lane, with the journal's roots before (None: it is the first) and after
    it."""
    return await connection.fetch(SELECT_RANGES, window_no)


SELECT_KEYS = """
SELECT coalesce(json_agg(row_to_json(partner_key) ORDER BY keyid), '[]')::text FROM partner_key
"""

SELECT_PARTNERS = """
SELECT coalesce(json_agg(json_build_object('partner', partner, 'name', name) ORDER BY partner), '[]')::text FROM partner
"""

SELECT_HUB_KEYS = """
SELECT coalesce(json_agg(row_to_json(hub_key) ORDER BY keyid), '[]')::text FROM hub_key
"""


async def load_names_and_keys(connection: Connection) -> Row:
    """Return partners, their keys and the hub's, all that there ever were, for whoever reads an archive."""
    return {
        "partners": json.loads(await connection.fetchval(SELECT_PARTNERS)),
        "partner_keys": json.loads(await connection.fetchval(SELECT_KEYS)),
        "hub_keys": json.loads(await connection.fetchval(SELECT_HUB_KEYS)),
    }


SELECT_TOTALS = """
SELECT json_strip_nulls(row_to_json(window_total))::text
FROM window_total
WHERE window_no = $1
ORDER BY lane, partner, kind, terms_version, vat_rate
"""

SELECT_STATEMENTS = """
SELECT json_strip_nulls(row_to_json(window_share))::text FROM window_share WHERE window_no = $1 ORDER BY partner
"""


async def load_total_rows(connection: Connection, window_no: int) -> list[str]:
    """Return a window's totals, as JSON."""
    return [row[0] for row in await connection.fetch(SELECT_TOTALS, window_no)]


async def load_statement_rows(connection: Connection, window_no: int) -> list[str]:
    """Return each partner's share of a window with its statement, as JSON."""
    return [row[0] for row in await connection.fetch(SELECT_STATEMENTS, window_no)]


class OldMessage(NamedTuple):
    """A kept message; its `row` is as an archive tells it."""

    lane: int
    partner: int
    digest: bytes
    row: str

    @property
    def operation_ids(self) -> list[str]:
        return [operation["id"] for operation in json.loads(json.loads(self.row)["body"])["operations"]]


SELECT_OLD_MESSAGES = """
SELECT lane, partner, digest, json_build_object(
    'lane', lane, 'partner', partner, 'digest', digest, 'keyid', keyid, 'received_at', received_at,
    'authority', authority, 'target', target, 'signature_input', signature_input, 'signature', signature,
    'content_digest', content_digest, 'body', convert_from(body, 'UTF8'))::text AS row
FROM message
WHERE lane = $1 AND received_at < $2
ORDER BY partner, digest
"""


async def read_old_messages(connection: Connection, lane: int, *, before: datetime) -> AsyncIterator[list[OldMessage]]:
    """Read the messages kept in a lane that came before then, MESSAGES_AT_ONCE at a time."""
    cursor = await connection.cursor(SELECT_OLD_MESSAGES, lane, before)
    while rows := await cursor.fetch(MESSAGES_AT_ONCE):
        yield [OldMessage(*row) for row in rows]


# An operation is live as long as its record's window is neither archived nor the one that is just now.
SELECT_LIVE_OPERATIONS = """
SELECT operation.partner, operation.operation_id
FROM operation
WHERE operation.lane = ANY($1::smallint[]) AND operation.operation_id = ANY($2::text[])
    AND NOT EXISTS (
        SELECT 1 FROM archived_range AS gone
        WHERE gone.lane = operation.lane AND operation.leaf >= gone.first_leaf AND operation.leaf < gone.end_leaf)
    AND NOT EXISTS (
        SELECT 1 FROM lane_window AS going
        WHERE going.lane = operation.lane AND going.window_no = $3
            AND operation.leaf >= going.first_leaf AND operation.leaf < going.end_leaf)
"""


async def find_live_operations(
    connection: Connection, lanes: Sequence[int], operation_ids: Collection[str], *, archiving: int
) -> set[tuple[int, str]]:
    """Return which of these ids partners have booked, or were refused, in windows that are neither archived nor the
    one that is being archived: (partner, id)."""
    rows = await connection.fetch(SELECT_LIVE_OPERATIONS, lanes, sorted(operation_ids), archiving)
    return {(row["partner"], row["operation_id"]) for row in rows}


INSERT_ARCHIVE = """
INSERT INTO window_archive (window_no, path, digest, keyid, records, messages, file_bytes, written_at, written_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

INSERT_ARCHIVED_RANGES = """
INSERT INTO archived_range (lane, window_no, first_leaf, end_leaf)
SELECT lane, window_no, first_leaf, end_leaf FROM lane_window WHERE window_no = $1
"""


async def add_archive(connection: Connection, archive: Archive) -> None:
    """Keep that a window's archive is written and verified: from now on its records may leave."""
    await connection.execute(INSERT_ARCHIVE, *archive[:-1])
    await connection.execute(INSERT_ARCHIVED_RANGES, archive.window_no)


SELECT_PACKED_END = """
SELECT coalesce(max(block.end_leaf), $2)
FROM journal_block AS block
WHERE block.lane = $1 AND block.place >= $2 / 256 AND block.place <= ($3 - 1) / 256
    AND block.first_leaf >= $2 AND block.end_leaf <= $3
"""


async def find_packed_end(connection: Connection, lane: int, *, first: int, end: int) -> int:
    """Return up to where a range of leaves has been packed: records are, from the first on."""
    return await connection.fetchval(SELECT_PACKED_END, lane, first, end)  # type: ignore[no-any-return]


DELETE_MESSAGES = """
DELETE FROM message
USING unnest($2::bigint[], $3::bytea[]) AS old (partner, digest)
WHERE message.lane = $1 AND message.partner = ANY($2::bigint[]) AND message.partner = old.partner
    AND message.digest = old.digest
"""


async def delete_messages(connection: Connection, messages: Sequence[OldMessage]) -> None:
    """Let messages go, which an archive has."""
    for lane in sorted({message.lane for message in messages}):
        there = [message for message in messages if message.lane == lane]
        partners, digests = [message.partner for message in there], [message.digest for message in there]
        await connection.execute(DELETE_MESSAGES, lane, partners, digests)


MARK_ARCHIVED = "UPDATE window_archive SET archived_at = $2 WHERE window_no = $1"


async def mark_archived(connection: Connection, window_no: int, *, now: datetime) -> None:
    await connection.execute(MARK_ARCHIVED, window_no, now)


MARK_UNDER_WAY = "UPDATE window_archive SET archived_at = NULL WHERE window_no = $1"


async def mark_under_way(connection: Connection, window_no: int) -> None:
    """Mark that some of a window may be back, and some not."""
    await connection.execute(MARK_UNDER_WAY, window_no)


INSERT_MESSAGES = """
INSERT INTO message (lane, partner, digest, keyid, received_at, authority, target, signature_input, signature,
    content_digest, body)
SELECT lane, partner, digest, keyid, received_at, authority, target, signature_input, signature, content_digest,
    convert_to(body, 'UTF8')
FROM jsonb_to_recordset($1::jsonb) AS old (lane smallint, partner bigint, digest bytea, keyid text,
    received_at timestamptz, authority text, target text, signature_input text, signature text, content_digest text,
    body text)
ON CONFLICT (lane, partner, digest) DO NOTHING
"""


async def insert_messages(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put messages back as an archive tells them; those that are there stay."""
    await connection.execute(INSERT_MESSAGES, json.dumps(rows))


SELECT_LAST_BLOCKS = """
SELECT first_leaf, end_leaf FROM journal_block
WHERE lane = $1 AND place >= $2 / 256 AND place <= ($3 - 1) / 256 AND first_leaf >= $2 AND end_leaf <= $3
ORDER BY place DESC, first_leaf DESC
LIMIT $4
"""


async def load_last_blocks(
    connection: Connection, lane: int, *, first: int, end: int, count_max: int
) -> list[tuple[int, int]]:
    """Return which leaves the last blocks of a range have, the last one first."""
    rows = await connection.fetch(SELECT_LAST_BLOCKS, lane, first, end, count_max)
    return [(row["first_leaf"], row["end_leaf"]) for row in rows]


DELETE_BLOCKS = """
DELETE FROM journal_block
WHERE lane = $1 AND place >= $2 / 256 AND place <= ($3 - 1) / 256 AND first_leaf >= $2 AND end_leaf <= $3
"""


async def delete_blocks(connection: Connection, lane: int, *, first: int, end: int) -> None:
    await connection.execute(DELETE_BLOCKS, lane, first, end)


DELETE_ARCHIVED_RANGE = "DELETE FROM archived_range WHERE lane = $1 AND window_no = $2"

DELETE_ARCHIVE = "DELETE FROM window_archive WHERE window_no = $1"


async def delete_archive(connection: Connection, window_no: int, lanes: Sequence[int]) -> None:
    """Forget that a window was archived: all of it is back in its tables."""
    await connection.executemany(DELETE_ARCHIVED_RANGE, [(lane, window_no) for lane in lanes])
    await connection.execute(DELETE_ARCHIVE, window_no)
