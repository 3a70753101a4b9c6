"""Windows to archive: what was sent in them with the answers, and what must hold of them whatever is archived."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.database.pool import Pool
from coalition.lanes.close_window import close_window
from coalition.operations.archive_file import Seal
from coalition.operations.archive_window import archive_window
from coalition.operations.check_sums import CheckReport, check_sums
from coalition.operations.prove import prove_consistency, prove_inclusions
from coalition.signatures.keys import keyid_of, raw_of_public_key
from coalition.stores.archives import Archive
from coalition.stores.hub_keys import add_hub_key
from coalition.stores.journal import load_result
from partner_sdk.merkle import is_included, leaf_hash
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.settle_window import settle_window
from tests.database.lane_books import LANES, Hub, Till, new_cards, new_partners, now, open_hub
from tests.shop import operation

HUB_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
SEAL = Seal(keyid_of(HUB_KEY.public_key()), HUB_KEY.sign)

TABLES = ("journal", "message", "operation", "lot", "lot_use", "reversal", "hold", "window_total", "window_share")


class KilledError(Exception):
    """What a test calls a kill."""


def later() -> datetime:
    """Return a moment at which windows that were closed just now are old enough."""
    return now() + timedelta(days=411)


async def dump(pool: Pool) -> dict[str, list[str]]:
    """Return every row of the tables that an archive concerns, as text."""
    return {table: sorted(row[0] for row in await pool.fetch(f"SELECT {table}::text FROM {table}")) for table in TABLES}


async def settle(pool: Pool, window_no: int) -> None:
    await calculate_window(pool, window_no, now=now(), actor="anna")
    await approve_window(pool, window_no, now=now(), actor="bert")
    await settle_window(pool, window_no, now=now(), actor="bert")


async def close(pool: Pool) -> int:
    return await close_window(pool, clock=now, actor="test")


async def archive(
    pool: Pool, folder: Path, window_no: int = 1, progress: Callable[[str, int, int], None] = lambda *_: None
) -> Archive:
    return await archive_window(pool, window_no, folder, seal=SEAL, now=later(), actor="test", progress=progress)


def killed_at(step: str) -> Callable[[str, int, int], None]:
    """Return what ends a command at a step that it tells of."""

    def progress(what: str, done: int, total: int) -> None:
        if what == step:
            raise KilledError

    return progress


async def checked(pool: Pool) -> CheckReport:
    report = await check_sums(pool)
    assert [finding for finding in report.findings if finding.broken] == []
    return report


@dataclass
class Story:
    """What was sent, with the answers, message by message."""

    pool: Pool
    hub: Hub
    till: Till
    cards: list[str]
    sent: list[tuple[tuple[dict[str, Any], ...], list[str]]] = field(default_factory=list)

    async def send(self, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        results = await self.hub.send(self.till, *operations)
        self.sent.append((operations, results))
        return [json.loads(result) for result in results]

    async def first_window(self) -> None:
        """Earns of more than one block a lane, some spent, some undone, a hold captured; a message that stays half
        unknown, and one of an unknown card alone."""
        for points in (10, 20, 30):
            await self.send(*(operation("earn", card, points=points) for card in self.cards for _ in range(50)))
        self.earns = [operation("earn", card, points=1_000) for card in self.cards]
        self.burns = [operation("burn", card, points=700) for card in self.cards]
        reserve = operation("reserve", self.cards[0], points=90)
        await self.send(*self.earns, *self.burns, reserve)
        await self.send(
            operation("capture", self.cards[0], points=80, reserve_id=reserve["id"]),
            operation("reverse", self.cards[1], points=60, operation_id=self.burns[1]["id"]),
            operation("reverse", self.cards[2], points=100, operation_id=self.earns[2]["id"]),
            operation("burn", self.cards[3], points=10**9),
        )
        self.original = operation("earn", self.cards[4], points=5)
        self.half_known = (
            operation("earn", self.cards[4], points=6),
            operation("reverse", self.cards[4], operation_id=self.original["id"]),
        )
        (_, unknown) = await self.send(*self.half_known)
        assert unknown["code"] == "unknown_original"
        await self.hub.send(self.till, operation("earn", "2760 9999 9999 5", points=1))

    async def second_window(self) -> None:
        """Burns that empty lots of the first window, and what the first left open."""
        self.late_burns = [operation("burn", card, points=3_000) for card in self.cards]
        results = await self.send(self.original, *self.late_burns)
        assert {result["verdict"] for result in results} == {"booked"}
        (_, undone) = await self.send(*self.half_known)
        assert undone["verdict"] == "booked"
        await self.send(operation("reverse", self.cards[5], points=50, operation_id=self.burns[5]["id"]))


async def publish_key(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await add_hub_key(connection, SEAL.keyid, raw_of_public_key(HUB_KEY.public_key()), valid_from=now())


@pytest.fixture
async def story(pool: Pool) -> Any:
    """Two closed windows, the first one settled, and one that is open."""
    (till,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 8)
    await publish_key(pool)
    async with open_hub(pool) as hub:
        story = Story(pool, hub, till, cards)
        await story.first_window()
        await close(pool)
        await settle(pool, 1)
        await story.second_window()
        await close(pool)
        yield story


async def assert_promises_hold(story: Story) -> None:
    """Whatever was answered is answered again, and proved."""
    pool = story.pool
    sizes = dict(await pool.fetch("SELECT lane, size FROM lane"))
    roots = dict(await pool.fetch("SELECT lane, root FROM lane_window WHERE window_no = 2"))
    ends = dict(await pool.fetch("SELECT lane, end_leaf FROM lane_window WHERE window_no = 2"))
    # The answer of a message that was sent before the one that it names is not the last word on it.
    final = {json.loads(result)["id"]: result for _, results in story.sent for result in results}
    for operations, _ in story.sent:
        assert await story.hub.send(story.till, *operations) == [final[one["id"]] for one in operations]
    assert dict(await pool.fetch("SELECT lane, size FROM lane")) == sizes
    changed = story.burns[0] | {"points": 1}
    (reused,) = await story.hub.send(story.till, changed)
    assert json.loads(reused)["code"] == "operation_id_reused"
    first = json.loads(final[story.burns[0]["id"]])
    async with pool.acquire() as connection:
        partner = story.till.partner
        asked = await load_result(connection, range(LANES), partner=partner, operation_id=first["id"])
        assert asked == final[first["id"]]
    lane, leaf = first["lane"], first["leaf"]
    (proof,) = await prove_inclusions(pool, lane=lane, leaves=[leaf], size=ends[lane], partner=story.till.partner)
    assert proof.source is not None
    hashed = leaf_hash(message=proof.source[0], index=proof.source[1], result=final[first["id"]].encode())
    assert is_included(hashed, leaf=leaf, size=ends[lane], path=proof.path, root=roots[lane])
    assert await prove_consistency(pool, lane=lane, before=leaf, size=sizes[lane])
