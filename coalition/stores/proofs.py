"""The journals as Merkle trees: where they stand, and the hashes that proofs are made of."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.journal.archive import bytes_of
from coalition.journal.merkle import Node
from coalition.journal.record import record_hash
from coalition.stores.past_records import load_past_records


class LaneTree(NamedTuple):
    """A lane's size in leaves and its frontier."""

    lane: int
    size: int
    frontier: bytes


SELECT_TREES = "SELECT lane, size, frontier FROM lane ORDER BY lane"


async def load_trees(connection: Connection) -> list[LaneTree]:
    """Return where all journals stand."""
    return [LaneTree(*row) for row in await connection.fetch(SELECT_TREES)]


SELECT_SIZE = "SELECT size FROM lane WHERE lane = $1"


async def find_size(connection: Connection, lane: int) -> int | None:
    """Return a journal's size in leaves; None: there is no such lane."""
    return await connection.fetchval(SELECT_SIZE, lane)  # type: ignore[no-any-return]


SELECT_SOURCES = """
SELECT leaf, message, message_index
FROM journal
WHERE lane = $1 AND leaf = ANY($2::bigint[]) AND partner = $3 AND message IS NOT NULL
"""


async def load_sources(
    connection: Connection, lane: int, leaves: Collection[int], *, partner: int
) -> dict[int, tuple[bytes, int]]:
    """Return the digest of the message that each of a partner's own records came in, and its index there, by leaf."""
    rows = await connection.fetch(SELECT_SOURCES, lane, sorted(leaves), partner)
    sources = {row["leaf"]: (row["message"], row["message_index"]) for row in rows}
    archived = await load_past_records(connection, lane, set(leaves) - sources.keys())
    for leaf, past in archived.items():
        if past.record.get("partner") == partner and "message" in past.record:
            sources[leaf] = (bytes_of(past.record["message"]), past.record["message_index"])
    return sources


INSERT_NODES = """
INSERT INTO journal_node (lane, level, place, hash)
SELECT $1, node.level, node.place, node.hash
FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS node (level, place, hash)
"""


async def write_nodes(connection: Connection, lane: int, nodes: Sequence[Node]) -> None:
    """Keep the nodes that a batch has made whole; most make none."""
    if nodes:
        await connection.execute(
            INSERT_NODES,
            lane,
            [node.level for node in nodes],
            [node.place for node in nodes],
            [node.hash for node in nodes],
        )


SELECT_NODES = """
SELECT node.level, node.place, node.hash
FROM unnest($2::smallint[], $3::bigint[]) AS wanted (level, place)
JOIN journal_node AS node ON node.lane = $1 AND node.level = wanted.level AND node.place = wanted.place
"""

SELECT_LEAVES = """
SELECT leaf, message, message_index, result FROM journal WHERE lane = $1 AND leaf = ANY($2::bigint[])
"""


async def load_hashes(
    connection: Connection, lane: int, wanted: Collection[tuple[int, int]]
) -> Mapping[tuple[int, int], bytes]:
    """Return hashes by (level, place): of leaves, level 0, made from their records, of others as they are kept."""
    leaves = sorted(place for level, place in wanted if level == 0)
    nodes = sorted(one for one in wanted if one[0] > 0)
    hashes = {}
    for row in await connection.fetch(SELECT_LEAVES, lane, leaves) if leaves else ():
        hashes[0, row["leaf"]] = record_hash(message=row["message"], index=row["message_index"], result=row["result"])
    if len(hashes) < len(leaves):
        archived = await load_past_records(connection, lane, {leaf for leaf in leaves if (0, leaf) not in hashes})
        hashes |= {(0, leaf): past.hash for leaf, past in archived.items()}
    if nodes:
        levels, places = [level for level, _ in nodes], [place for _, place in nodes]
        for row in await connection.fetch(SELECT_NODES, lane, levels, places):
            hashes[row["level"], row["place"]] = row["hash"]
    return hashes
