"""Verifies that a record is in a lane's journal, and that a journal only grew: RFC 9162 sections 2.1.3 and 2.1.4.

    entry    SHA-256 of the message's body | index of the operation in it, 4 bytes, big endian | the result, as answered
    leaf     SHA-256 of 0x00 | entry
    node     SHA-256 of 0x01 | left | right

These are the checks that the RFC writes down, walking up from the leaf; the hub makes proofs from the other end.
"""

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(*, message: bytes, index: int, result: bytes) -> bytes:
    """Return the hash of a record; `message` is the SHA-256 of the body that was sent, `result` what was answered."""
    return sha256(b"\x00" + message + index.to_bytes(4, "big") + result).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def is_included(hashed_leaf: bytes, *, leaf: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether the path leads from this leaf to the root of the first `size` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= leaf < size:
        return False
    place, last, merged = leaf, size - 1, hashed_leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            merged = node_hash(sibling, merged)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            merged = node_hash(merged, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and merged == root


def is_consistent(*, first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Say whether the tree of `second` leaves begins with the one of `first` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    hashes = list(path) if first & (first - 1) else [first_root, *path]
    if not hashes:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == first_root and after == second_root
