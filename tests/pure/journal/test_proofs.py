"""The hub's proofs against the checks of RFC 9162, as the SDK has them, and against the definition of the tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalition.journal import merkle
from coalition.journal.merkle import Frontier, leaf_hash
from coalition.journal.proofs import (
    NodeKey,
    consistency_subtrees,
    inclusion_subtrees,
    kept_nodes,
    subtree_hash,
)
from partner_sdk.merkle import is_consistent, is_included
from tests.pure.journal.naive_merkle import tree_hash
from tests.pure.journal.test_merkle import CT_LEAVES, CT_ROOTS

SIZE_MAX = 70_000


class Tree:
    """A journal's leaves with what is kept of them."""

    def __init__(self, size: int) -> None:
        self.entries = [number.to_bytes(4, "big") for number in range(size)]
        frontier = Frontier()
        self.kept: dict[NodeKey, bytes] = {}
        self.roots = [b""]
        for leaf, entry in enumerate(self.entries):
            self.kept[0, leaf] = leaf_hash(entry)
            frontier.append(self.kept[0, leaf])
            self.roots.append(frontier.root())
        self.kept |= {(node.level, node.place): node.hash for node in frontier.nodes}

    def hashes(self, subtrees: list[tuple[int, int]]) -> list[bytes]:
        # Only what the store is asked for.
        wanted = {key: self.kept[key] for key in kept_nodes(subtrees)}
        assert len(wanted) <= 2_000
        return [subtree_hash(subtree, wanted) for subtree in subtrees]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(SIZE_MAX)


def test_the_standard_trees_proofs() -> None:
    """Paths that Certificate Transparency's implementations are tested with, by their subtrees' hashes."""
    assert inclusion_subtrees(0, 8) == [(1, 2), (2, 4), (4, 8)]
    assert inclusion_subtrees(5, 8) == [(4, 5), (6, 8), (0, 4)]
    assert inclusion_subtrees(2, 3) == [(0, 2)]
    assert inclusion_subtrees(1, 5) == [(0, 1), (2, 4), (4, 5)]
    assert inclusion_subtrees(0, 1) == []
    assert consistency_subtrees(1, 8) == [(1, 2), (2, 4), (4, 8)]
    assert consistency_subtrees(6, 8) == [(4, 6), (6, 8), (0, 4)]
    assert consistency_subtrees(2, 5) == [(2, 4), (4, 5)]
    assert consistency_subtrees(8, 8) == []
    kept = {(0, leaf): leaf_hash(entry) for leaf, entry in enumerate(CT_LEAVES)}
    assert subtree_hash((0, 8), kept).hex() == CT_ROOTS[7]
    assert subtree_hash((6, 8), kept).hex() == "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"


def test_subtrees_have_the_definitions_hashes() -> None:
    small = Tree(600)
    for subtree in [(0, 600), (0, 512), (512, 600), (256, 512), (4, 6), (599, 600)]:
        assert small.hashes([subtree]) == [tree_hash(small.entries[slice(*subtree)])]


@given(st.data())
def test_every_record_is_proved_to_be_there(tree: Tree, data: st.DataObject) -> None:
    """And no other record, at no other place, in no other tree."""
    size = data.draw(st.integers(1, SIZE_MAX))
    leaf = data.draw(st.integers(0, size - 1))
    path = tree.hashes(inclusion_subtrees(leaf, size))
    hashed, root = tree.kept[0, leaf], tree.roots[size]

    assert is_included(hashed, leaf=leaf, size=size, path=path, root=root)
    assert not is_included(bytes(32), leaf=leaf, size=size, path=path, root=root)
    assert not is_included(hashed, leaf=leaf, size=size, path=[*path, root], root=root)
    assert not is_included(hashed, leaf=leaf ^ 1, size=size + 2, path=path, root=root)
    assert not is_included(hashed, leaf=size, size=size, path=path, root=root)
    if path:
        assert not is_included(hashed, leaf=leaf, size=size, path=path[:-1], root=root)
        assert not is_included(hashed, leaf=leaf, size=size, path=[bytes(32), *path[1:]], root=root)


@given(st.data())
def test_every_growth_is_proved(tree: Tree, data: st.DataObject) -> None:
    """And none from another tree: what was once shown can't be taken back."""
    second = data.draw(st.integers(1, SIZE_MAX))
    first = data.draw(st.integers(1, second))
    path = tree.hashes(consistency_subtrees(first, second))
    roots = {"first_root": tree.roots[first], "second_root": tree.roots[second]}

    assert is_consistent(first=first, second=second, path=path, **roots)
    assert not is_consistent(first=first, second=second, path=path, **roots | {"first_root": bytes(32)})
    assert not is_consistent(first=first, second=second, path=path, **roots | {"second_root": bytes(32)})
    assert not is_consistent(first=first, second=second, path=[*path, bytes(32)], **roots)
    assert not is_consistent(first=0, second=second, path=path, **roots)
    if path:
        assert not is_consistent(first=first, second=second, path=path[1:], **roots)
    if first < second:
        assert not is_consistent(first=second, second=first, path=path, **roots)


def test_a_frontier_that_goes_on_keeps_the_same_nodes() -> None:
    """Wherever batches are cut: each node once, when its last leaf comes."""
    whole, parts = Tree(1_030), Frontier()
    nodes = []
    for leaf in range(1_030):
        if leaf % 77 == 0:
            nodes += parts.nodes
            parts = Frontier.parse(parts.size, parts.to_bytes())
        parts.append(whole.kept[0, leaf])
    nodes += parts.nodes
    assert [(node.level, node.place) for node in nodes] == [(8, 0), (8, 1), (8, 2), (8, 3)]
    assert {(node.level, node.place): node.hash for node in nodes}.items() <= whole.kept.items()
    assert merkle.LEVELS_APART == 8
