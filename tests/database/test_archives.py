"""Old windows leave the database for files: what was promised for ever holds, and they come back byte for byte."""

# ruff: noqa: ASYNC240
# The files are small, and nothing else waits for the event loop.

import base64
import gzip
import json
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.database.pool import Pool
from coalition.errors import ArchiveBrokenError, NotFoundError, StateConflictError, WindowArchivedError
from coalition.journal.archive import signed_content
from coalition.lanes.close_window import close_window
from coalition.operations.archive_file import Seal, verify_archive
from coalition.operations.archive_window import archive_window
from coalition.operations.check_sums import CheckReport, check_sums
from coalition.operations.prove import prove_consistency, prove_inclusions
from coalition.operations.read_events import EventPage, read_events
from coalition.operations.reconcile import Days, compare_days
from coalition.operations.restore_window import restore_window
from coalition.signatures.keys import keyid_of, raw_of_public_key
from coalition.stores.archives import Archive
from coalition.stores.cards import Place
from coalition.stores.evidence import find_record
from coalition.stores.explained import load_explained_lots
from coalition.stores.hub_keys import add_hub_key
from coalition.stores.journal import load_result
from coalition.stores.reconciliations import load_named
from partner_sdk.merkle import is_included, leaf_hash
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_statement import find_statement
from settlement.operations.settle_window import settle_window
from settlement.stores.items import ItemsWanted, load_items
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


async def read_by_others(story: Story) -> list[Any]:
    """Return what partners and operators read of single records: events, one with its proof, lots, an operation
    that a partner's books have on another day; and the statement."""
    pool, partner = story.pool, story.till.partner
    events: list[Any] = []
    page = EventPage([], (0,) * LANES, has_more=True)
    while page.has_more:
        page = await read_events(pool, partner, page.positions, count_max=500)
        events += page.events
    (burned,) = [event for event in events if event.operation_id == story.burns[7]["id"]]
    async with pool.acquire() as connection:
        record = await find_record(connection, lane=burned.lane, leaf=burned.leaf)
        assert record is not None
        assert record.account is not None
        place = Place(record.lane, record.account)
        lots = await load_explained_lots(connection, place, skipped=0, count_max=20)
        named = await load_named(connection, range(LANES), partner=partner, operation_ids=[story.burns[7]["id"]])
    statement = await find_statement(pool, 1, partner)
    return [events, record, [lot for lot in lots if lot.remaining], named, statement]


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


async def test_an_archived_window_answers_and_proves_as_before_and_comes_back_byte_for_byte(
    story: Story, data_root: Path, tmp_path: Path
) -> None:
    """Out of the tables, into a file of its owner's alone; repeats, proofs, statement and sums stay; restored, nothing
    differs. A kill at any step leaves a database that ties out, and the command goes on from there."""
    pool = story.pool
    before, read_before = await dump(pool), await read_by_others(story)
    await checked(pool)

    for step in ("records of lane 1 written", "records of lane 2 packed", "messages let go"):

        def kill(what: str, done: int, total: int, step: str = step) -> None:
            if what == step:
                raise KilledError

        with pytest.raises(KilledError):
            await archive(pool, tmp_path, progress=kill)
        await checked(pool)
        assert len((await dump(pool))["journal"]) <= len(before["journal"])
    archived = await archive(pool, tmp_path)
    with pytest.raises(StateConflictError, match="archived already"):
        await archive(pool, tmp_path)

    path = Path(archived.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (
        verify_archive(path).records
        == archived.records
        == await pool.fetchval("SELECT sum(end_leaf - first_leaf)::bigint FROM lane_window WHERE window_no = 1")
    )
    after = await dump(pool)
    assert {row for row in after["journal"] if row.split(",")[2] == "1"} == set()
    # Of the first window's messages one has an operation in the second.
    assert len(after["message"]) == len(before["message"]) - archived.messages + 1
    assert len(after["lot"]) < len(before["lot"])
    assert len(after["lot_use"]) < len(before["lot_use"])
    for table in ("operation", "reversal", "hold", "window_total", "window_share"):
        assert after[table] == before[table]
    report = await checked(pool)
    assert report.records == len(before["journal"])
    assert report.unchecked == ()

    assert await read_by_others(story) == read_before
    async with pool.acquire() as connection:
        assert await load_items(connection, ItemsWanted(window_no=2, partner=story.till.partner), count_max=1)
        with pytest.raises(WindowArchivedError):
            await load_items(connection, ItemsWanted(window_no=1, partner=story.till.partner), count_max=1)
    today = Days(now().date(), now().date())
    tomorrow = today.first + timedelta(days=1)
    with pytest.raises(WindowArchivedError, match=f"window 1 are archived.* Days from {tomorrow} on can be compared"):
        await compare_days(pool, partner=1, zone=ZoneInfo("UTC"), own={}, days=today, window=None, names_windows=False)

    moved = path.rename(data_root / path.name)
    report = await checked(pool)
    assert [what.partition(":")[0] for what in report.unchecked] == [
        f"{archived.messages} messages of window 1 and their signatures"
    ]
    assert (await check_sums(pool, archives_in=data_root)).unchecked == ()

    def kill_restore(what: str, done: int, total: int) -> None:
        if what == "records of lane 2 put back":
            raise KilledError

    with pytest.raises(KilledError):
        await restore_window(pool, moved, progress=kill_restore)
    await checked(pool)
    await restore_window(pool, moved)
    assert await dump(pool) == before
    assert await pool.fetch("SELECT FROM journal_block") == []
    await checked(pool)
    await assert_promises_hold(story)


async def test_what_is_archived_is_undone_like_anything_else(story: Story, tmp_path: Path) -> None:
    """A reversal finds the original with its lots and what others took of them, once, and not beyond its points; what
    came back for it stays, also when all of the window does."""
    pool = story.pool
    await archive(pool, tmp_path)
    results = await story.send(
        operation("reverse", story.cards[1], points=640, operation_id=story.burns[1]["id"]),
        operation("reverse", story.cards[2], operation_id=story.earns[2]["id"]),
        operation("reverse", story.cards[6], points=10, operation_id=story.late_burns[6]["id"]),
    )
    assert [(result["verdict"], result["points"]) for result in results] == [
        ("booked", 640),
        ("booked", 900),
        ("booked", 10),
    ]
    (beyond,) = await story.send(operation("reverse", story.cards[1], points=1, operation_id=story.burns[1]["id"]))
    assert beyond["verdict"] == "refused"
    await checked(pool)
    await assert_promises_hold(story)

    await close(pool)
    await settle(pool, 2)
    await settle(pool, 3)
    with pytest.raises(StateConflictError, match="window 2 is to be archived before window 3"):
        await archive(pool, tmp_path, 3)
    for window_no in (2, 3):
        await archive(pool, tmp_path, window_no)
    assert await pool.fetchval("SELECT count(*) FROM message") == 0
    report = await checked(pool)
    assert report.messages == 0
    await assert_promises_hold(story)
    for window_no in (2, 1, 3):
        await restore_window(pool, tmp_path / f"window-{window_no:06d}.jsonl.gz")
        await checked(pool)
    assert await pool.fetchval("SELECT count(*) FROM lot_use WHERE leaf < 0") == 0
    await assert_promises_hold(story)


async def test_a_window_that_may_not_be_archived_is_refused_with_what_is_missing(story: Story, tmp_path: Path) -> None:
    async def refused(window_no: int, when: datetime) -> str:
        with pytest.raises((StateConflictError, NotFoundError)) as error:
            await archive_window(story.pool, window_no, tmp_path, seal=SEAL, now=when, actor="test")
        return str(error.value)

    assert "can be archived 410 days later" in await refused(1, now() + timedelta(days=409))
    assert await refused(2, later()) == "window 2 is CLOSED; only a window that is SETTLED can be archived"
    assert await refused(9, later()) == "there is no window 9"
    assert list(tmp_path.iterdir()) == []


def resealed(lines: list[dict[str, Any]], private_key: Ed25519PrivateKey = HUB_KEY) -> bytes:
    """Return an archive of these lines, sealed as if they were the hub's; the last one is left out."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
    digest = sha256(text).digest()
    signature = base64.b64encode(private_key.sign(signed_content(1, digest))).decode()
    end = {"end": lines[-1]["end"] | {"sha256": digest.hex(), "signature": signature}}
    return gzip.compress(text + json.dumps(end).encode() + b"\n")


async def test_a_tampered_archive_is_refused_by_its_line(story: Story, tmp_path: Path) -> None:
    """Also where who changed it has the hub's key: leaves, messages and totals hold each other."""
    path = Path((await archive(story.pool, tmp_path)).path)
    packed = path.read_bytes()
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    names = [next(iter(line)) for line in lines]
    record, total = names.index("record"), names.index("window_total")
    (message,) = [
        number
        for number, line in enumerate(lines)
        if "message" in line and line["message"]["digest"] == lines[record]["record"]["message"]
    ]

    def changed(number: int, **columns: Any) -> list[dict[str, Any]]:
        (name,) = [name for name in lines[number] if name not in ("lots", "uses", "shares")]
        return [*lines[:number], lines[number] | {name: lines[number][name] | columns}, *lines[number + 1 :]]

    def without(number: int) -> list[dict[str, Any]]:
        return lines[:number] + lines[number + 1 :]

    def fault(content: bytes) -> str:
        tampered = tmp_path / "tampered.jsonl.gz"
        tampered.write_bytes(content)
        with pytest.raises(ArchiveBrokenError) as error:
            verify_archive(tampered)
        return str(error.value).removeprefix(f"{tampered}: line ")

    end = len(lines)
    ended = lines[record]["record"]
    other_result = ended["result"].replace('"balance":', '"balance":1')
    assert resealed(lines) != packed
    assert "SHA-256 of the lines" in fault(gzip.compress(gzip.decompress(packed).replace(b"Bakery", b"Bakerx")))
    assert "signature is not that" in fault(resealed(lines, Ed25519PrivateKey.generate()))
    assert "leaves and root" in fault(resealed(changed(record, result=other_result)))
    assert fault(resealed(changed(record, points=ended["points"] + 1))).startswith(f"{record + 1}: ")
    assert "expected leaf 0 of window 1" in fault(resealed(without(record)))
    assert "is not the one that the digest names" in fault(resealed(changed(message, body="{}")))
    assert "signature_wrong" in fault(resealed(changed(message, authority="other.example")))
    assert "records and messages" in fault(resealed(without(message)))
    lines[-1]["end"]["messages"] -= 1
    assert "messages that records name are not there" in fault(resealed(without(message)))
    lines[-1]["end"]["messages"] += 1
    assert "totals are not those of the records" in fault(resealed(changed(total, points=1)))
    assert fault(packed[: len(packed) // 2]).endswith("end-of-stream marker was reached")
    assert fault(gzip.compress(b"".join(gzip.decompress(packed).splitlines(keepends=True)[:-1]))).startswith(f"{end}: ")
    assert "nothing after the end" in fault(packed + gzip.compress(b'{"record":{}}\n'))
    assert fault(b"no gzip at all").startswith("1: ")
    assert "no 'card' lines" in fault(resealed([*lines[:-1], {"card": {}}, lines[-1]]))

    (tmp_path / "tampered.jsonl.gz").write_bytes(resealed(lines))
    with pytest.raises(ArchiveBrokenError):
        await restore_window(story.pool, tmp_path / "tampered.jsonl.gz")
    await story.pool.execute("UPDATE journal_block SET records = records || '\\x00'::bytea WHERE first_leaf = 0")
    await story.pool.execute("UPDATE window_total SET points = points + 1 WHERE window_no = 1 AND lane = 0")
    broken = {finding.rule for finding in (await check_sums(story.pool)).findings if finding.broken}
    assert "each booked operation of an archived window on exactly one statement line" in broken


async def test_the_tables_of_old_windows_stay_as_large_as_they_are(pool: Pool, tmp_path: Path) -> None:
    """With each window but the last two archived, what windows leave is used again; only what must be known for ever of
    an operation is added."""
    (till,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 4)
    await publish_key(pool)
    # Other tests may have left free space in the same database.
    await pool.execute("VACUUM FULL journal, message, lot, lot_use, operation, journal_block")
    sizes: list[int] = []
    kept: list[int] = []
    for window_no in range(1, 6):
        async with open_hub(pool) as hub:
            await hub.send(till, *(operation("earn", card, points=5) for card in cards for _ in range(100)))
            await hub.send(till, *(operation("burn", card, points=500) for card in cards))
        await close(pool)
        await settle(pool, window_no)
        if window_no > 1:
            await archive(pool, tmp_path, window_no - 1)
        await pool.execute("VACUUM")
        leaving, staying = ("journal", "message", "lot", "lot_use"), ("operation", "journal_block")
        for tables, into in ((leaving, sizes), (staying, kept)):
            into.append(sum([await pool.fetchval("SELECT pg_table_size($1::regclass)", table) for table in tables]))
    # Without archives each window would add what the second did: three times that by now.
    of_a_window = sizes[1] - sizes[0]
    assert of_a_window > 100_000
    assert max(sizes[2:]) < sizes[1] + 2 * of_a_window
    assert kept[4] > kept[1]
    await checked(pool)
