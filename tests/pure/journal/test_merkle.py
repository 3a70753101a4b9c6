"""The frontier against the tree of RFC 6962 as its definition says it, and against the standard test tree."""

from hashlib import sha256

import pytest

from coalition.journal.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash
from tests.pure.journal.naive_merkle import tree_hash

# The leaves and roots that Certificate Transparency's implementations are tested with.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Frontier().root() == EMPTY_ROOT
    assert Frontier().to_bytes() == b""


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_standard_tree(size: int) -> None:
    """Any auditor of Certificate Transparency comes to the same roots."""
    frontier = Frontier()
    frontier.extend(leaf_hash(leaf) for leaf in CT_LEAVES[:size])
    assert frontier.root().hex() == CT_ROOTS[size - 1]
    assert tree_hash(CT_LEAVES[:size]).hex() == CT_ROOTS[size - 1]


def test_the_root_is_that_of_the_definition_at_every_size() -> None:
    entries = [number.to_bytes(3, "big") for number in range(140)]
    frontier = Frontier()
    for size, entry in enumerate(entries, start=1):
        frontier.append(leaf_hash(entry))
        assert frontier.size == size
        assert frontier.root() == tree_hash(entries[:size])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 100, 127, 128])
def test_a_frontier_goes_on_where_it_was_stored(size: int) -> None:
    """What the lane's row keeps is all that a batch needs."""
    entries = [number.to_bytes(3, "big") for number in range(size + 5)]
    before = Frontier()
    before.extend(leaf_hash(entry) for entry in entries[:size])

    stored = before.to_bytes()
    after = Frontier.parse(size, stored)
    after.extend(leaf_hash(entry) for entry in entries[size:])

    assert len(stored) == 32 * size.bit_count()
    assert after.root() == tree_hash(entries)


@pytest.mark.parametrize(("size", "stored"), [(0, bytes(32)), (1, b""), (3, bytes(32)), (4, bytes(64))])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, stored: bytes) -> None:
    with pytest.raises(ValueError, match=f"a tree of {size} leaves"):
        Frontier.parse(size, stored)


def test_leaves_and_nodes_are_kept_apart() -> None:
    """Without the prefixes, an inner node could pass for a leaf."""
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert leaf_hash(left + right) == sha256(b"\x00" + left + right).digest()
