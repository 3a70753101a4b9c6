"""Prove what is in the journals: checkpoints, that a record is there, that a journal only grew; nothing is written."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from coalition.database.pool import Connection, Pool
from coalition.journal.merkle import Frontier
from coalition.journal.proofs import Subtree, consistency_subtrees, inclusion_subtrees, kept_nodes, subtree_hash
from coalition.stores.proofs import find_size, load_hashes, load_sources, load_trees

# A lane, its size in leaves, its root.
LaneRoot = tuple[int, int, bytes]


class Inclusion(NamedTuple):
    """A path, and for a partner's own record the digest of the message that it came in, with its index there."""

    leaf: int
    source: tuple[bytes, int] | None
    path: list[bytes]


class ProofRefusedError(ValueError):
    """A proof is asked for that no journal has; `field` is at fault."""

    def __init__(self, field: str, expected: str, got: int) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got


async def take_checkpoint(pool: Pool) -> list[LaneRoot]:
    """Return size and root of every lane's journal, each as committed."""
    async with pool.acquire() as connection:
        trees = await load_trees(connection)
    return [(tree.lane, tree.size, Frontier.parse(tree.size, tree.frontier).root()) for tree in trees]


async def prove_inclusions(pool: Pool, *, lane: int, leaves: Sequence[int], size: int, partner: int) -> list[Inclusion]:
    """Return the path from each leaf to the root of the lane's first `size` leaves. Raises ProofRefusedError."""
    async with pool.acquire() as connection:
        await _refuse_beyond(connection, lane, "size", size)
        if max(leaves) >= size:
            raise ProofRefusedError("leaf", f"leaves below the size, {size}", max(leaves))
        sources = await load_sources(connection, lane, leaves, partner=partner)
        paths = [inclusion_subtrees(leaf, size) for leaf in leaves]
        # Leaves that lie close to each other are proved by the same hashes.
        kept = await load_hashes(connection, lane, kept_nodes(sorted({one for path in paths for one in path})))
    # Off the event loop, which has tills waiting for it.
    hashes = await asyncio.to_thread(lambda: [[subtree_hash(subtree, kept) for subtree in path] for path in paths])
    return [Inclusion(leaf, sources.get(leaf), path) for leaf, path in zip(leaves, hashes, strict=True)]


async def prove_consistency(pool: Pool, *, lane: int, before: int, size: int) -> list[bytes]:
    """Return what leads from the root of a lane's first `before` leaves to that of its first `size`.

    Raises ProofRefusedError."""
    async with pool.acquire() as connection:
        await _refuse_beyond(connection, lane, "to", size)
        if not 0 < before <= size:
            raise ProofRefusedError("from", f"a size from 1 to {size}", before)
        return await _hashes(connection, lane, consistency_subtrees(before, size))


async def _refuse_beyond(connection: Connection, lane: int, field: str, size: int) -> None:
    there = await find_size(connection, lane)
    if there is None:
        raise ProofRefusedError("lane", "a lane of this hub", lane)
    if size > there:
        raise ProofRefusedError(field, f"at most {there}, the journal's size", size)


async def _hashes(connection: Connection, lane: int, subtrees: Sequence[Subtree]) -> list[bytes]:
    kept = await load_hashes(connection, lane, kept_nodes(subtrees))
    return [subtree_hash(subtree, kept) for subtree in subtrees]
