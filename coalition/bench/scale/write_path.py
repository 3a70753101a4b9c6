"""What the write path costs, measured on it: CPU by shape of message and batch, bytes by table, lots, cards, expiry.

The clearing runs in this process, on an embedded database of its own with one lane, so that a message that is sent
alone is one batch. CPU seconds are told, not rates: they hardly depend on what else the machine does.
"""

import asyncio
import json
import os
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.processor import tree_cpu_s, tree_queued_s
from coalition.bench.workload import operation_id
from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.database.pool import Pool, open_pool
from coalition.lanes.clearing import Clearing, SignedMessage
from coalition.lanes.settle_due import settle_due
from coalition.ledger.operation import Message
from coalition.ledger.participant import Participant
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import generate_private_key, keyid_of, public_key_pem
from coalition.signatures.sign import sign_request
from coalition.stores.cards import load_card_places

Figures = dict[str, Any]

MEMBERS_PER_STEP = 5_000
EARN_POINTS = (5, 20)
# So that burns find nothing but small earns, each used up whole.
LOTS_PER_BURN = 20
# Records in a row of `journal_block`.
PACKED = 256
PACKED_ROWS = 8

SELECT_SIZES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
SELECT_BATCHES = "SELECT count(*) FROM (SELECT DISTINCT lane, booked_at FROM journal WHERE leaf >= $1) AS batch"
SELECT_BALANCES = "SELECT card, balance FROM card JOIN account USING (lane, account) WHERE card = ANY($1)"
SELECT_LEAVES = "SELECT sum(size)::bigint FROM lane"
SELECT_RECORDS = "SELECT to_json(journal)::text FROM journal WHERE lane = 0 ORDER BY leaf LIMIT $1"
SELECT_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
SELECT_PAGE_IMAGES = "SELECT wal_fpi FROM pg_stat_wal"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the database and the processes had used by a moment."""

    hub_cpu_s: float
    postgres_cpu_s: float
    wal_bytes: int
    page_images: int
    sizes: dict[str, int]
    at_s: float


@dataclass(slots=True)
class WritePath:
    """A clearing with members and one partner, and what sends it messages."""

    pool: Pool
    clearing: Clearing
    postgres_pid: int
    participant: Participant
    key: Ed25519PrivateKey
    cards: list[str]
    random: Random
    sent: int = 0

    def message(self, operations: Sequence[tuple[str, str, int]]) -> SignedMessage:
        """Return a verified message of operations given as (type, card, points)."""
        body = json.dumps({"operations": [self._operation(*operation) for operation in operations]}).encode()
        keyid = keyid_of(self.key.public_key())
        headers = sign_request(
            private_key=self.key,
            keyid=keyid,
            method="POST",
            authority="hub.shop.example",
            path="/v1/messages",
            body=body,
            created_s=int(time.time()),
        )
        return SignedMessage(
            partner=self.participant,
            keyid=keyid,
            authority="hub.shop.example",
            target="/v1/messages",
            signature_input=headers["Signature-Input"],
            signature=headers["Signature"],
            content_digest=headers["Content-Digest"],
            body=body,
            digest=sha256(body).digest(),
        )

    def _operation(self, kind: str, card: str, points: int) -> dict[str, Any]:
        self.sent += 1
        operation = {
            "id": operation_id(1, self.sent, self.random),
            "type": kind,
            "card": card,
            "points": points,
            "occurred_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "shop": f"{self.sent % 400:04d}",
            "till": str(self.sent % 6 + 1),
            "reference": f"{self.sent:06d}",
        }
        if kind == "earn":
            operation["purchase"] = {"amount": f"{points * 2}.90", "currency": "EUR"}
        return operation

    def earns(self, count: int) -> list[tuple[str, str, int]]:
        """Return so many earns, the cards drawn evenly."""
        return [("earn", card, self.random.randint(*EARN_POINTS)) for card in self.random.choices(self.cards, k=count)]

    async def send(self, messages: Sequence[SignedMessage], *, in_flight: int) -> list[str]:
        """Clear messages, so many at a time; return their results."""
        waiting, results = iter(messages), list[str]()

        async def work() -> None:
            for message in waiting:
                results.extend(await self.clearing.clear(message, Message.model_validate_json(message.body).operations))

        await asyncio.gather(*(work() for _ in range(in_flight)))
        return results


@asynccontextmanager
async def open_write_path(folder: Path, *, members: int, lanes: int = 1) -> AsyncIterator[WritePath]:
    """Make a database of one lane (or more) with members and a partner, and a clearing on it."""
    with EmbeddedPostgres(folder) as server:
        await migrate(server.url, ProgrammeSettings(lanes=lanes))
        pool = await open_pool(server.url)
        key = generate_private_key()
        added = await add_partner(
            pool,
            name="Partner",
            key_pem=public_key_pem(key.public_key()),
            terms=FirstTerms(),
            now=datetime.now(UTC),
            actor="scale",
        )
        cards = await _add_members(pool, members)
        clearing = Clearing(pool, clock=lambda: datetime.now(UTC))
        await clearing.open()
        pid = int((server.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        try:
            participant = clearing.registry.participants[added.partner]
            yield WritePath(pool, clearing, pid, participant, key, cards, Random(1))
        finally:
            await clearing.close()
            await pool.close()


async def _add_members(pool: Pool, count: int) -> list[str]:
    cards: list[str] = []
    while len(cards) < count:
        numbers = range(len(cards), min(len(cards) + MEMBERS_PER_STEP, count))
        members = [NewMember(f"member{number}@shop.example", f"Member {number}") for number in numbers]
        cards += [opened.card for opened in await add_members(pool, members, now=datetime.now(UTC))]
    return cards


async def count(path: WritePath) -> Counted:
    """Return what was used so far."""
    async with path.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        sizes = {row[0]: row[1] for row in await connection.fetch(SELECT_SIZES)}
        wal_bytes = int(await connection.fetchval(SELECT_WAL))
        page_images = int(await connection.fetchval(SELECT_PAGE_IMAGES))
    return Counted(
        time.process_time(), tree_cpu_s(path.postgres_pid), wal_bytes, page_images, sizes, time.perf_counter()
    )


def used_between(before: Counted, after: Counted) -> Figures:
    """Return the differences."""
    return {
        "hub_cpu_s": round(after.hub_cpu_s - before.hub_cpu_s, 4),
        "postgres_cpu_s": round(after.postgres_cpu_s - before.postgres_cpu_s, 4),
        "seconds": round(after.at_s - before.at_s, 4),
        "wal_bytes": after.wal_bytes - before.wal_bytes,
        "page_images": after.page_images - before.page_images,
        "tables": {
            name: size - before.sizes.get(name, 0)
            for name, size in after.sizes.items()
            if size != before.sizes.get(name, 0)
        },
    }


@asynccontextmanager
async def counting(path: WritePath) -> AsyncIterator[Figures]:
    """Give figures that are filled in at the block's end with what it used."""
    used: Figures = {}
    before = await count(path)
    yield used
    used |= used_between(before, await count(path))


async def measure_shape(path: WritePath, *, messages: int, operations: int, in_flight: int) -> Figures:
    """Send earns in messages of one shape; return what they cost, with the batches that they became."""
    signed = [path.message(path.earns(operations)) for _ in range(messages)]
    leaves = await path.pool.fetchval(SELECT_LEAVES)
    async with counting(path) as used:
        await path.send(signed, in_flight=in_flight)
    batches = await path.pool.fetchval(SELECT_BATCHES, leaves)
    return {
        "messages": messages,
        "operations": messages * operations,
        "in_flight": in_flight,
        "batches": batches,
        "body_bytes": sum(len(message.body) for message in signed),
    } | used


async def measure_alone(path: WritePath, *, messages: int) -> Figures:
    """Send single earns one after the other; return what they cost, and how long they waited for a core."""
    signed = [path.message(path.earns(1)) for _ in range(messages)]
    queued_s = _queued_s(path)
    async with counting(path) as used:
        await path.send(signed, in_flight=1)
    return {"messages": messages, "queued_s": round(_queued_s(path) - queued_s, 4)} | used


def _queued_s(path: WritePath) -> float:
    return tree_queued_s(os.getpid()) + tree_queued_s(path.postgres_pid)


async def measure_burns(path: WritePath, cards: Sequence[str], *, operations: int) -> Figures:
    """Spend all that some cards have earned; return what it cost, with the lots that were used."""
    balances = {row["card"]: row["balance"] for row in await path.pool.fetch(SELECT_BALANCES, list(cards))}
    burns = [("burn", card, balances[card]) for card in cards if balances[card] > 0]
    signed = [path.message(burns[start : start + operations]) for start in range(0, len(burns), operations)]
    async with counting(path) as used:
        results = await path.send(signed, in_flight=1)
    assert all('"verdict":"booked"' in result for result in results)
    lots = await path.pool.fetchval("SELECT count(*) FROM lot_use")
    return {"messages": len(signed), "operations": len(burns), "lots": lots} | used


async def measure_packed(path: WritePath) -> Figures:
    """Return what records take that are packed, PACKED in a row: what stays of them when their window is archived."""
    rows = [row[0] for row in await path.pool.fetch(SELECT_RECORDS, PACKED_ROWS * PACKED)]
    packed = [zlib.compress("\n".join(rows[start : start + PACKED]).encode()) for start in range(0, len(rows), PACKED)]
    return {"records": len(rows), "bytes": sum(len(row) for row in packed)}


async def measure_cards(path: WritePath, *, at_once: int, look_ups: int) -> Figures:
    """Look cards up that no hub remembers, so many at once; return what it cost."""
    async with path.pool.acquire() as connection:
        await load_card_places(connection, path.cards[:at_once])
        hub_s, postgres_s = time.process_time(), tree_cpu_s(path.postgres_pid)
        for _ in range(look_ups):
            await load_card_places(connection, path.random.sample(path.cards, at_once))
        hub_s, postgres_s = time.process_time() - hub_s, tree_cpu_s(path.postgres_pid) - postgres_s
    return {
        "cards": at_once * look_ups,
        "look_ups": look_ups,
        "hub_cpu_s": round(hub_s, 4),
        "postgres_cpu_s": round(postgres_s, 4),
    }


async def measure_expiry(path: WritePath) -> Figures:
    """Let every point expire, as a night does on which all of them do; return what it cost."""
    later = datetime.now(UTC) + timedelta(days=1_500)
    leaves = await path.pool.fetchval(SELECT_LEAVES)
    lots = await path.pool.fetchval("SELECT count(*) FROM lot WHERE remaining > 0")
    async with counting(path) as used:
        settled = await settle_due(path.pool, calendar=path.clearing.registry.calendar, clock=lambda: later)
    records = await path.pool.fetchval(SELECT_LEAVES) - leaves
    return {"records": records, "expiries": settled.expiries, "lots": lots} | used


async def measure_check(path: WritePath) -> Figures:
    """Verify every sum and every hash; return what it cost by record."""
    async with counting(path) as used:
        report = await check_sums(path.pool)
    assert report.holds, [finding for finding in report.findings if finding.broken]
    return {"records": report.records} | used
