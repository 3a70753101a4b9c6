"""The append-only Merkle tree of RFC 6962 section 2.1, kept as its frontier.

The frontier holds the hashes of the perfect subtrees that a tree of `size` leaves consists of, largest first;
there is one for each 1 bit of `size`. Appending a leaf merges equal sizes from the right, like a binary counter.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
# Of perfect subtrees those of 2^8, 2^16, ... leaves are kept, for proofs.
LEVELS_APART = 8
LAST_OF_BLOCK = (1 << LEVELS_APART) - 1
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf; the 0x00 keeps leaves and nodes apart (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two children's hashes."""
    return sha256(b"\x01" + left + right).digest()


class Node(NamedTuple):
    """The hash of a perfect subtree: of the leaves place * 2^level to (place + 1) * 2^level - 1."""

    level: int
    place: int
    hash: bytes


class Frontier:
    """A tree of `size` leaves by its perfect subtrees; grows by `append`, log2(size) hashes large.

    `nodes` are those to be kept that have become whole since it was made."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees, not {len(hashes)}")
        self.size = size
        self.nodes: list[Node] = []
        self._hashes = list(hashes)

    @classmethod
    def parse(cls, size: int, stored: bytes) -> "Frontier":
        """Read back what `to_bytes` gave."""
        return cls(size, [stored[start : start + HASH_BYTES] for start in range(0, len(stored), HASH_BYTES)])

    def to_bytes(self) -> bytes:
        return b"".join(self._hashes)

    def append(self, hashed_leaf: bytes) -> None:
        """Add one leaf by its hash."""
        hashes, merged, rest = self._hashes, hashed_leaf, self.size
        if rest & LAST_OF_BLOCK == LAST_OF_BLOCK:
            self._note_nodes(hashed_leaf)
        while rest & 1:
            merged = sha256(b"\x01" + hashes.pop() + merged).digest()
            rest >>= 1
        hashes.append(merged)
        self.size += 1

    def _note_nodes(self, hashed_leaf: bytes) -> None:
        """Note which nodes the next leaf makes whole; once in 256 leaves, so that the others pay nothing for it."""
        merged, level, rest = hashed_leaf, 0, self.size
        for left in reversed(self._hashes):
            if not rest & 1:
                break
            merged, level, rest = node_hash(left, merged), level + 1, rest >> 1
            if level % LEVELS_APART == 0:
                self.nodes.append(Node(level, rest, merged))

    def extend(self, hashed_leaves: Iterable[bytes]) -> None:
        for hashed_leaf in hashed_leaves:
            self.append(hashed_leaf)

    def root(self) -> bytes:
        """Return the Merkle tree hash of all leaves so far."""
        if not self._hashes:
            return EMPTY_ROOT
        merged = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            merged = node_hash(left, merged)
        return merged
