r"""Records on their way out of the journal into blocks, and back.

Under the lane's lock, like a batch: what a reversal changes of a burn's uses or of a lot changes before it or after it.

    journal   \                          leaves with its window
    lot_use    > a record, in a block    leaves with its record; of a lot that stays, leaf -1 holds what was taken
    lot       /                          leaves when it is spent, and its earn and all that took of it are archived
"""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.journal.archive import BLOCK_LEAVES, PastRecord, Row, block_ends, line_of
from coalition.journal.record import Columns
from coalition.stores.past_records import Block, load_past_records

# The leaf of what all archived records took of a lot that is still there.
ARCHIVED = -1

# The leaf of the record that made a lot, and its part.
LotKey = tuple[int, int]

# Moments are written in the session's time zone.
WRITE_UTC = "SET LOCAL TimeZone = 'UTC'"

# A plan is made without knowing how few of the lots are named, and would read all of their accounts'.
FIND_BY_KEYS = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"

SELECT_RECORDS = """
SELECT leaf, account, json_strip_nulls(row_to_json(journal))::text AS row
FROM journal
WHERE lane = $1 AND leaf >= $2 AND leaf < $3
ORDER BY leaf
"""

SELECT_LOTS = """
SELECT lot.leaf, json_strip_nulls(row_to_json(lot))::text AS row
FROM unnest($2::bigint[], $3::bigint[]) AS made (account, leaf)
JOIN lot ON lot.lane = $1 AND lot.account = made.account AND lot.leaf = made.leaf
ORDER BY lot.leaf, lot.part
"""

SELECT_USES = """
SELECT leaf, json_strip_nulls(row_to_json(lot_use))::text AS row
FROM lot_use
WHERE lane = $1 AND leaf >= $2 AND leaf < $3
ORDER BY leaf, lot_leaf, lot_part
"""

SELECT_SHARES = """
SELECT leaf, json_strip_nulls(row_to_json(promotion_share))::text AS row
FROM promotion_share
WHERE lane = $1 AND leaf >= $2 AND leaf < $3
ORDER BY leaf, part
"""


async def load_record_lines(connection: Connection, lane: int, *, first: int, end: int) -> list[str]:
    """Return an archive's lines of the records at the leaves first to end - 1, all that the journal has, in order.

    Of lots those are told that are there still. Call WRITE_UTC in the same transaction before."""
    records = await connection.fetch(SELECT_RECORDS, lane, first, end)
    owned = [(row["account"], row["leaf"]) for row in records if row["account"] is not None]
    accounts, leaves = ([owner[column] for owner in owned] for column in (0, 1))
    lots = _by_leaf(await connection.fetch(SELECT_LOTS, lane, accounts, leaves))
    uses = _by_leaf(await connection.fetch(SELECT_USES, lane, first, end))
    shares = _by_leaf(await connection.fetch(SELECT_SHARES, lane, first, end))
    return [
        line_of("record", row["row"], lots=lots[row["leaf"]], uses=uses[row["leaf"]], shares=shares[row["leaf"]])
        for row in records
    ]


def _by_leaf(rows: Sequence[Columns]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row["leaf"]].append(row["row"])
    return found


class Taken(NamedTuple):
    """What a record took of a lot of its account and did not bring back."""

    account: int
    lot: LotKey
    points: int


def taken_by(past: PastRecord) -> list[Taken]:
    """Return what an archived record took of lots, as it was then."""
    return [
        Taken(past.record["account"], (use["lot_leaf"], use["lot_part"]), use["points"] - use["restored"])
        for use in past.uses
    ]


LOCK_LANE = "SELECT 1 FROM lane WHERE lane = $1 FOR UPDATE"

INSERT_BLOCK = """
INSERT INTO journal_block (lane, place, first_leaf, end_leaf, records) VALUES ($1, $2, $3, $4, $5)
"""

DELETE_RECORDS = "DELETE FROM journal WHERE lane = $1 AND leaf >= $2 AND leaf < $3"

DELETE_USES = "DELETE FROM lot_use WHERE lane = $1 AND leaf >= $2 AND leaf < $3"

# Lots that are gone, with all of their uses, are counted no more.
ADD_TAKEN = """
INSERT INTO lot_use (lane, leaf, lot_leaf, lot_part, points)
SELECT $1, -1, taken.leaf, taken.part, taken.points
FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[]) AS taken (account, leaf, part, points)
JOIN lot ON lot.lane = $1 AND lot.account = taken.account AND lot.leaf = taken.leaf AND lot.part = taken.part
ON CONFLICT (lane, leaf, lot_leaf, lot_part) DO UPDATE SET points = lot_use.points + excluded.points
"""

SELECT_SPENT_LOTS = """
SELECT lot.account, lot.leaf, lot.part
FROM unnest($2::bigint[], $3::bigint[]) AS touched (account, leaf)
JOIN lot ON lot.lane = $1 AND lot.account = touched.account AND lot.leaf = touched.leaf
WHERE lot.remaining = 0
    AND EXISTS (
        SELECT 1 FROM journal_block AS block
        WHERE block.lane = $1 AND block.place = lot.leaf / 256
            AND lot.leaf >= block.first_leaf AND lot.leaf < block.end_leaf)
    AND lot.points = coalesce((
        SELECT taken.points FROM lot_use AS taken
        WHERE taken.lane = $1 AND taken.leaf = -1 AND taken.lot_leaf = lot.leaf AND taken.lot_part = lot.part), 0)
"""

# One by one, pipelined: joined to an array, the planner may run a DELETE through all pairs of both.
DELETE_LOT = "DELETE FROM lot WHERE lane = $1 AND account = $2 AND leaf = $3 AND part = $4"

DELETE_TAKEN = "DELETE FROM lot_use WHERE lane = $1 AND leaf = -1 AND lot_leaf = $2 AND lot_part = $3"


async def pack_records(connection: Connection, lane: int, *, first: int, end: int) -> None:
    """Move the records at the leaves first to end - 1, all of one window, from their tables into blocks; takes the
    lane's lock until the end of the transaction."""
    await connection.execute(LOCK_LANE, lane)
    await connection.execute(WRITE_UTC)
    await connection.execute(FIND_BY_KEYS)
    lines = await load_record_lines(connection, lane, first=first, end=end)
    assert len(lines) == end - first, f"lane {lane} has {len(lines)} of the records {first} to {end - 1}"
    blocks = [Block.pack(start, lines[start - first : stop - first]) for start, stop in block_ends(first, end)]
    await connection.executemany(
        INSERT_BLOCK,
        [(lane, block.first_leaf // BLOCK_LEAVES, block.first_leaf, block.end_leaf, block.packed) for block in blocks],
    )
    await connection.execute(DELETE_RECORDS, lane, first, end)
    await connection.execute(DELETE_USES, lane, first, end)
    past = [PastRecord.of(json.loads(line)) for line in lines]
    await _let_lots_go(connection, lane, past)


async def _let_lots_go(connection: Connection, lane: int, past: Sequence[PastRecord]) -> None:
    taken: defaultdict[tuple[int, LotKey], int] = defaultdict(int)
    for record in past:
        for use in taken_by(record):
            taken[use.account, use.lot] += use.points
    places = sorted(place for place, points in taken.items() if points)
    await connection.execute(
        ADD_TAKEN,
        lane,
        [account for account, _ in places],
        [leaf for _, (leaf, _) in places],
        [part for _, (_, part) in places],
        [taken[place] for place in places],
    )
    touched = {(account, leaf) for account, (leaf, _) in taken}
    touched |= {(lot["account"], lot["leaf"]) for record in past for lot in record.lots}
    accounts, leaves = ([place[column] for place in sorted(touched)] for column in (0, 1))
    spent = [tuple(row) for row in await connection.fetch(SELECT_SPENT_LOTS, lane, accounts, leaves)]
    await connection.executemany(DELETE_LOT, [(lane, *lot) for lot in spent])
    await connection.executemany(DELETE_TAKEN, [(lane, leaf, part) for _, leaf, part in spent])


SELECT_LIVE = "SELECT leaf FROM journal WHERE lane = $1 AND leaf = ANY($2::bigint[])"

# The tables' own types read what row_to_json wrote.
INSERT_RECORDS = """
INSERT INTO journal (lane, leaf, window_no, kind, code, partner, operation_id, account, points, terms_version,
    original_leaf, shop, till, reference, occurred_at, booked_at, message, message_index, result)
SELECT $1, leaf, window_no, kind, code, partner, operation_id, account, points, terms_version, original_leaf, shop,
    till, reference, occurred_at, booked_at, message, message_index, result
FROM jsonb_populate_recordset(NULL::journal, $2::jsonb)
"""

SELECT_LOTS_THERE = """
SELECT lot.leaf, lot.part
FROM unnest($2::bigint[], $3::bigint[]) AS named (account, leaf)
JOIN lot ON lot.lane = $1 AND lot.account = named.account AND lot.leaf = named.leaf
"""

INSERT_LOTS = """
INSERT INTO lot (lane, account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining)
SELECT $1, account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
FROM jsonb_populate_recordset(NULL::lot, $2::jsonb)
"""

INSERT_USES = """
INSERT INTO lot_use (lane, leaf, lot_leaf, lot_part, points, restored)
SELECT $1, leaf, lot_leaf, lot_part, points, restored FROM jsonb_populate_recordset(NULL::lot_use, $2::jsonb)
"""

TAKE_BACK = """
UPDATE lot_use SET points = points - $4 WHERE lane = $1 AND leaf = -1 AND lot_leaf = $2 AND lot_part = $3
"""

DELETE_NOTHING_TAKEN = """
DELETE FROM lot_use WHERE lane = $1 AND leaf = -1 AND lot_leaf = ANY($2::bigint[]) AND points = 0
"""


async def unpack_records(connection: Connection, lane: int, leaves: Collection[int]) -> None:
    """Put archived records back into their tables, with their lots and uses; those that are there already stay as they
    are. The caller holds the lane's lock. The blocks keep them, too."""
    live = {row["leaf"] for row in await connection.fetch(SELECT_LIVE, lane, sorted(leaves))}
    past = await load_past_records(connection, lane, set(leaves) - live)
    if not past:
        return
    records = list(past.values())
    await connection.execute(INSERT_RECORDS, lane, json.dumps([record.record for record in records]))
    taken = [use for record in records for use in taken_by(record)]
    lots = await _missing_lots(connection, lane, records, taken)
    if lots:
        # A lot leaves only when it is spent, and all that took of it is archived.
        spent = [lot | {"remaining": 0} for lot in lots]
        await connection.execute(INSERT_LOTS, lane, json.dumps(spent))
        all_taken = [_taken_row(lot) for lot in lots]
        await connection.execute(INSERT_USES, lane, json.dumps(all_taken))
    uses = [use for record in records for use in record.uses]
    await connection.execute(INSERT_USES, lane, json.dumps(uses))
    await connection.executemany(TAKE_BACK, [(lane, *use.lot, use.points) for use in taken if use.points])
    touched = {use.lot[0] for use in taken} | {lot["leaf"] for lot in lots}
    await connection.execute(DELETE_NOTHING_TAKEN, lane, sorted(touched))


def _taken_row(lot: Row) -> Row:
    taken = {"lot_leaf": lot["leaf"], "lot_part": lot["part"], "points": lot["points"]}
    return {"leaf": ARCHIVED, "restored": 0, **taken}


SELECT_RESTORED = "SELECT leaf, lot_leaf, lot_part FROM lot_restoration WHERE lane = $1 AND leaf = ANY($2::bigint[])"


async def _missing_lots(
    connection: Connection, lane: int, records: Sequence[PastRecord], taken: Sequence[Taken]
) -> list[Row]:
    """Return the lots that some records made, took of or gave back to, and that left their table."""
    made: dict[LotKey, Row] = {(lot["leaf"], lot["part"]): lot for record in records for lot in record.lots}
    undone = {one.record["leaf"]: one.record["account"] for one in records if one.record["kind"] == "reverse_burn"}
    named = {(lot["leaf"], lot["part"]): lot["account"] for lot in made.values()}
    named |= {use.lot: use.account for use in taken}
    for row in await connection.fetch(SELECT_RESTORED, lane, list(undone)):
        named[row["lot_leaf"], row["lot_part"]] = undone[row["leaf"]]
    places = sorted({(account, leaf) for (leaf, _), account in named.items()})
    accounts, leaves = ([place[column] for place in places] for column in (0, 1))
    rows = await connection.fetch(SELECT_LOTS_THERE, lane, accounts, leaves)
    missing = named.keys() - {(row["leaf"], row["part"]) for row in rows}
    elsewhere = await load_past_records(connection, lane, {leaf for leaf, _ in missing - made.keys()})
    made |= {(lot["leaf"], lot["part"]): lot for past in elsewhere.values() for lot in past.lots}
    return [made[key] for key in sorted(missing)]
