"""Checkpoints and proofs: a partner checks with hashes alone that its receipts are in the journal, for good."""

import json
from hashlib import sha256
from itertools import pairwise
from typing import Any

from coalition.journal.record import NO_MESSAGE
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from partner_sdk.merkle import is_consistent, is_included, leaf_hash
from tests.http.conftest import RunningHub, now
from tests.shop import Shop, operation

OPERATIONS = 900


async def checkpoint(shop: Shop) -> dict[int, tuple[int, bytes]]:
    document = (await shop.get("/v1/checkpoint")).document
    return {one["lane"]: (one["size"], bytes.fromhex(one["root"])) for one in document["lanes"]}


async def path_of(shop: Shop, query: str) -> list[bytes]:
    answer = await shop.get(f"/v1/proofs/{query}")
    assert answer.status == 200, answer.body
    return [bytes.fromhex(one) for one in answer.document["path"]]


async def source_of(shop: Shop, query: str) -> tuple[str, int]:
    document = (await shop.get(f"/v1/proofs/{query}")).document
    return document["message"], document["index"]


async def send(shop: Shop, card: str, count: int) -> list[tuple[bytes, int, bytes, dict[str, Any]]]:
    """Book so many earns; return each with its message, the place in it and the result's bytes."""
    body = json.dumps({"operations": [operation("earn", card, points=1) for _ in range(count)]}).encode()
    answer = await shop.post(body)
    results = answer.results
    texts = answer.body.split(b'"results":[')[1][:-2].replace(b'},{"id"', b'}\n{"id"').split(b"\n")
    assert [json.loads(text) for text in texts] == results
    return [(body, index, text, result) for index, (text, result) in enumerate(zip(texts, results, strict=True))]


async def test_receipts_are_proved_and_journals_only_grow(hub: RunningHub) -> None:
    """From the answers' own bytes, over the nodes that are kept and beyond them, and across windows."""
    shop, card = await hub.shop(), await hub.card()
    seen, records = [await checkpoint(shop)], []
    for count in (1, OPERATIONS, 299):
        records += await send(shop, card, count)
        seen.append(await checkpoint(shop))
        await close_window(hub.pool, clock=now, actor="test")
    seen.append(await checkpoint(shop))
    lane = records[0][3]["lane"]
    size, root = seen[-1][lane]
    assert size == 1 + OPERATIONS + 299 + 3

    for message, index, text, result in records[::101] + records[-1:]:
        leaf = result["leaf"]
        path = await path_of(shop, f"inclusion?lane={lane}&leaf={leaf}&size={size}")
        digest = sha256(message).digest()
        hashed = leaf_hash(message=digest, index=index, result=text)
        source = await source_of(shop, f"inclusion?lane={lane}&leaf={leaf}&size={size}")
        assert source == (digest.hex(), index)
        assert is_included(hashed, leaf=leaf, size=size, path=path, root=root)
        changed = text.replace(b'"points":1,', b'"points":2,')
        assert not is_included(
            leaf_hash(message=digest, index=index, result=changed), leaf=leaf, size=size, path=path, root=root
        )
    leaves = [result["leaf"] for _, _, _, result in records[::101]]
    together = await shop.get(f"/v1/proofs/inclusions?lane={lane}&leaves={','.join(map(str, leaves))}&size={size}")
    for leaf, proof in zip(leaves, together.document["proofs"], strict=True):
        alone = (await shop.get(f"/v1/proofs/inclusion?lane={lane}&leaf={leaf}&size={size}")).document
        assert proof | {"lane": lane, "size": size} == alone
    for before, after in pairwise(checked[lane] for checked in seen if checked[lane][0]):
        path = await path_of(shop, f"consistency?lane={lane}&from={before[0]}&to={after[0]}")
        assert is_consistent(first=before[0], first_root=before[1], second=after[0], second_root=after[1], path=path)

    nodes = "SELECT level, place, hash FROM journal_node WHERE lane = $1 ORDER BY level, place"
    kept = [tuple(row) for row in await hub.pool.fetch(nodes, lane)]
    assert [node[:2] for node in kept] == [(8, 0), (8, 1), (8, 2), (8, 3)]
    assert (await check_sums(hub.pool)).holds
    # As a database is filled that had a journal before it kept nodes.
    await hub.pool.execute("DELETE FROM journal_node WHERE place > 0")
    assert not (await check_sums(hub.pool)).holds
    await hub.pool.execute("SELECT fill_journal_nodes()")
    assert [tuple(row) for row in await hub.pool.fetch(nodes, lane)] == kept
    assert len(NO_MESSAGE) == 32


async def test_what_no_journal_has_is_not_proved(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    lane = (await shop.earn(card, 1))["lane"]
    refused = [
        ("inclusion", ["lane", "leaf", "size"]),
        (f"inclusion?lane={lane}&leaf=-1&size=1e3", ["leaf", "size"]),
        (f"inclusion?lane={lane}&leaf=1&size=1", ["leaf"]),
        (f"inclusion?lane={lane}&leaf=0&size=2", ["size"]),
        (f"inclusion?lane={lane}&leaf=0&size=0", ["leaf"]),
        ("inclusion?lane=77&leaf=0&size=1", ["lane"]),
        (f"inclusion?lane={lane}&leaf=0&size=1&lane={lane}&leaf=0", ["lane", "leaf"]),
        (f"inclusions?lane={lane}&leaves=&size=1", ["leaves"]),
        (f"inclusions?lane={lane}&leaves=0,-1&size=1", ["leaves"]),
        (f"inclusions?lane={lane}&leaves={'0,' * 50}0&size=1", ["leaves"]),
        (f"inclusions?lane={lane}&leaves=0,1&size=1", ["leaf"]),
        (f"consistency?lane={lane}&from=0&to=1", ["from"]),
        (f"consistency?lane={lane}&from=2&to=1", ["from"]),
        (f"consistency?lane={lane}&from=1&to=99999999999999999999", ["to"]),
        (f"consistency?lane={lane}&from=1&to=2", ["to"]),
    ]
    for query, fields in refused:
        answer = await shop.get(f"/v1/proofs/{query}")
        assert answer.status == 422, (query, answer.body)
        assert [fault["field"] for fault in answer.document["errors"]] == fields
        assert answer.document["code"] in ("request_invalid", "no_such_proof")
        assert "booked" not in answer.document["detail"]
    assert await path_of(shop, f"inclusion?lane={lane}&leaf=0&size=1") == []
    other = await hub.shop("Other")
    answer = await other.get(f"/v1/proofs/inclusion?lane={lane}&leaf=0&size=1")
    assert (answer.document["message"], answer.document["index"]) == (None, None)
