"""Proofs over a lane's journal: RFC 6962 sections 2.1.1 (inclusion) and 2.1.2 (consistency).

A proof is a list of subtrees' hashes. Here is which subtrees, and from which hashes that are kept each is made:

    subtree      leaves start to end - 1; perfect ones, and the last ones of a tree whose size is no power of two
    kept         the leaves themselves (level 0), and perfect subtrees of 256, 65,536, ... leaves (levels 8, 16, ...)

Any perfect subtree is made from at most 128 hashes of the level kept below it, so a proof takes about 500 hashes for
each factor of 256 in the size, whatever that is.
"""

from collections.abc import Iterator, Mapping, Sequence

from coalition.journal.merkle import LEVELS_APART, node_hash

# The leaves from the first to one less than the second.
Subtree = tuple[int, int]
# A level and the place in it: the leaves place * 2^level to (place + 1) * 2^level - 1.
NodeKey = tuple[int, int]


def inclusion_subtrees(leaf: int, size: int) -> list[Subtree]:
    """Return PATH(leaf, D[size]), from the leaf's neighbour to the root's child; leaf < size."""
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if leaf < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_subtrees(before: int, size: int) -> list[Subtree]:
    """Return PROOF(before, D[size]); 0 < before <= size."""
    path = []
    start, end = 0, size
    while before < end:
        middle = start + _split(end - start)
        if before <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    # Of the smaller tree's own root nothing needs to be said.
    if start > 0:
        path.append((start, end))
    return path[::-1]


def kept_nodes(subtrees: Sequence[Subtree]) -> set[NodeKey]:
    """Return all that the hashes of these subtrees are made from."""
    return {kept for subtree in subtrees for perfect in _perfect(*subtree) for kept in _kept_below(perfect)}


def subtree_hash(subtree: Subtree, kept: Mapping[NodeKey, bytes]) -> bytes:
    """Return MTH of a subtree from what `kept_nodes` told. Raises KeyError where that is not there."""
    parts = [_perfect_hash(perfect, kept) for perfect in _perfect(*subtree)]
    merged = parts.pop()
    while parts:
        merged = node_hash(parts.pop(), merged)
    return merged


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count`, which is 2 or more."""
    return 1 << (count - 1).bit_length() - 1


def _perfect(start: int, end: int) -> Iterator[NodeKey]:
    """Yield the perfect subtrees of a subtree, the largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _kept_below(perfect: NodeKey) -> list[NodeKey]:
    level, place = perfect
    base = level - level % LEVELS_APART
    first, count = place << (level - base), 1 << (level - base)
    return [(base, first + number) for number in range(count)]


def _perfect_hash(perfect: NodeKey, kept: Mapping[NodeKey, bytes]) -> bytes:
    hashes = [kept[below] for below in _kept_below(perfect)]
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
