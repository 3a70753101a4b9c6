"""Vectors for partners that check proofs in any language; the hub makes these proofs, and the SDK accepts them.

The file was computed with hashes alone, from the definitions of RFC 6962."""

import json
from pathlib import Path
from typing import Any

import pytest

from coalition.journal.merkle import Frontier, leaf_hash
from coalition.journal.proofs import NodeKey, consistency_subtrees, inclusion_subtrees, subtree_hash
from partner_sdk.merkle import is_consistent, is_included

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "proofs.json").read_text())
ROOTS = {one["size"]: bytes.fromhex(one["root"]) for one in VECTORS["roots"]}


@pytest.fixture(scope="module")
def kept() -> dict[NodeKey, bytes]:
    """The leaves, and the nodes that the hub keeps of them."""
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(max(ROOTS))]
    frontier = Frontier()
    for hashed in leaves:
        frontier.append(hashed)
        if frontier.size in ROOTS:
            assert frontier.root() == ROOTS[frontier.size]
    nodes = {(node.level, node.place): node.hash for node in frontier.nodes}
    return nodes | {(0, leaf): hashed for leaf, hashed in enumerate(leaves)}


def hashes(vector: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(one) for one in vector["path"]]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda one: f"{one['leaf']} of {one['size']}")
def test_a_record_is_there(kept: dict[NodeKey, bytes], vector: dict[str, Any]) -> None:
    leaf, size, path = vector["leaf"], vector["size"], hashes(vector)
    assert [subtree_hash(one, kept) for one in inclusion_subtrees(leaf, size)] == path
    assert is_included(kept[0, leaf], leaf=leaf, size=size, path=path, root=ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda one: f"{one['from']} to {one['to']}")
def test_a_journal_only_grew(kept: dict[NodeKey, bytes], vector: dict[str, Any]) -> None:
    first, second, path = vector["from"], vector["to"], hashes(vector)
    assert [subtree_hash(one, kept) for one in consistency_subtrees(first, second)] == path
    assert is_consistent(first=first, first_root=ROOTS[first], second=second, second_root=ROOTS[second], path=path)
