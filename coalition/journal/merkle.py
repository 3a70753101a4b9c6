"""The append-only Merkle tree of RFC 6962 section 2.1, kept as its frontier.

The frontier holds the hashes of the perfect subtrees that a tree of `size` leaves consists of, largest first;
there is one for each 1 bit of `size`. Appending a leaf merges equal sizes from the right, like a binary counter.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf; the 0x00 keeps leaves and nodes apart (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two children's hashes."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree of `size` leaves by its perfect subtrees; grows by `append`, log2(size) hashes large."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees, not {len(hashes)}")
        self.size = size
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
        while rest & 1:
            merged = sha256(b"\x01" + hashes.pop() + merged).digest()
            rest >>= 1
        hashes.append(merged)
        self.size += 1

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
