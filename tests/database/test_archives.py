"""Old windows leave the database for files: what was promised for ever holds, and they come back byte for byte."""

# ruff: noqa: ASYNC240
# The files are small, and nothing else waits for the event loop.

import shutil
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coalition.database.pool import Pool
from coalition.errors import ArchiveBrokenError, NotFoundError, StateConflictError, WindowArchivedError
from coalition.operations import archive_window as operation_of_archive
from coalition.operations.archive_file import verify_archive
from coalition.operations.archive_window import alone, archive_window
from coalition.operations.check_sums import check_sums
from coalition.operations.read_events import EventPage, read_events
from coalition.operations.reconcile import Days, compare_days
from coalition.operations.restore_window import restore_window
from coalition.stores.archives import Archive
from coalition.stores.cards import Place
from coalition.stores.evidence import find_record
from coalition.stores.explained import load_explained_lots
from coalition.stores.reconciliations import load_named
from settlement.operations.find_statement import find_statement
from settlement.operations.list_items import open_items
from settlement.stores.items import ItemsWanted, load_items
from tests.database.archive_story import (
    SEAL,
    KilledError,
    Story,
    archive,
    assert_promises_hold,
    checked,
    close,
    dump,
    killed_at,
    later,
    publish_key,
    settle,
)
from tests.database.command_line import Call, document_of
from tests.database.lane_books import LANES, new_cards, new_partners, now, open_hub
from tests.shop import operation


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


async def archive_through_kills(story: Story, folder: Path) -> Archive:
    """Archive the first window, killed at each kind of step, after which the database ties out, and begun again."""
    records = len((await dump(story.pool))["journal"])
    for step in ("records of lane 1 written", "records of lane 2 packed", "messages let go"):
        with pytest.raises(KilledError):
            await archive(story.pool, folder, progress=killed_at(step))
        await checked(story.pool)
        assert len((await dump(story.pool))["journal"]) <= records
    return await archive(story.pool, folder)


async def restore_through_kills(pool: Pool, path: Path) -> None:
    with pytest.raises(KilledError):
        await restore_window(pool, path, progress=killed_at("records of lane 2 put back"))
    await checked(pool)
    await restore_window(pool, path)


async def assert_first_window_left(pool: Pool, archived: Archive, *, before: dict[str, list[str]]) -> None:
    """What leaves is in the file, for its owner alone; what must be known for ever stays."""
    path = Path(archived.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # Nor does gzip write when: the same window, the same bytes.
    assert path.read_bytes()[4:8] == bytes(4)
    records = await pool.fetchval(
        "SELECT sum(end_leaf - first_leaf)::bigint FROM lane_window WHERE window_no = 1",
    )
    assert verify_archive(path).records == archived.records == records
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


async def assert_archived_items_are_refused_by_name(story: Story) -> None:
    """Who asks for single records of the archived window is told that they are archived, and what can be asked."""
    partner = story.till.partner
    async with story.pool.acquire() as connection:
        assert await load_items(connection, ItemsWanted(window_no=2, partner=partner), count_max=1)
        with pytest.raises(WindowArchivedError):
            await load_items(connection, ItemsWanted(window_no=1, partner=partner), count_max=1)
    # Before anything of a file is written.
    with pytest.raises(WindowArchivedError):
        await open_items(story.pool, 1, partner)
    today = Days(now().date(), now().date())
    tomorrow = today.first + timedelta(days=1)
    compared = {"zone": ZoneInfo("UTC"), "own": {}, "days": today, "window": None, "names_windows": False}
    with pytest.raises(WindowArchivedError, match=f"window 1 are archived.* Days from {tomorrow} on can be compared"):
        await compare_days(story.pool, partner=partner, **compared)


async def assert_file_is_looked_for(pool: Pool, archived: Archive, *, moved_to: Path) -> None:
    """A file that is not where it was written is no fault, but what it alone can prove is said to be unchecked."""
    path = Path(archived.path).rename(moved_to / Path(archived.path).name)
    report = await checked(pool)
    assert [what.partition(":")[0] for what in report.unchecked] == [
        f"{archived.messages} messages of window 1 and their signatures"
    ]
    assert (await check_sums(pool, archives_in=moved_to)).unchecked == ()
    path.rename(archived.path)
    # Copies may be of some windows only; the others are where they were written.
    assert (await check_sums(pool, archives_in=moved_to)).unchecked == ()


async def test_an_archived_window_answers_and_proves_as_before_and_comes_back_byte_for_byte(
    story: Story, data_root: Path, tmp_path: Path
) -> None:
    """Out of the tables, into a file; repeats, proofs, statement and sums stay; restored, nothing differs. A kill at
    any step leaves a database that ties out, and the command goes on from there. Neither is done twice."""
    pool = story.pool
    before, read_before = await dump(pool), await read_by_others(story)
    await checked(pool)

    archived = await archive_through_kills(story, tmp_path)
    with pytest.raises(StateConflictError, match="archived already"):
        await archive(pool, tmp_path)
    await assert_first_window_left(pool, archived, before=before)
    assert await read_by_others(story) == read_before
    await assert_archived_items_are_refused_by_name(story)
    await assert_file_is_looked_for(pool, archived, moved_to=data_root)

    await restore_through_kills(pool, Path(archived.path))
    with pytest.raises(StateConflictError, match="window 1 is not archived; all of it is in the database"):
        await restore_window(pool, Path(archived.path))
    assert await dump(pool) == before
    assert await pool.fetch("SELECT FROM journal_block") == []
    await checked(pool)
    await assert_promises_hold(story)


async def test_what_is_archived_is_undone_like_anything_else(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reversal finds the original with its lots and what others took of them, once, and not beyond its points; what
    came back for it stays, also when all of the window does."""
    pool = story.pool
    first = Path((await archive(pool, tmp_path)).path).rename(tmp_path / "first.jsonl.gz")
    shutil.copy(first, tmp_path / "window-000001.jsonl.gz")
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

    (held,) = await story.send(operation("reserve", story.cards[7], points=1))
    await close(pool)
    await settle(pool, 2)
    await settle(pool, 3)
    with pytest.raises(StateConflictError, match="window 2 is to be archived before window 3"):
        await archive(pool, tmp_path, 3)
    await archive(pool, tmp_path, 2)
    with pytest.raises(StateConflictError, match="window 3 has 1 holds that are open still"):
        await archive(pool, tmp_path, 3)
    await story.send(operation("release", story.cards[7], reserve_id=held["id"]))
    with monkeypatch.context() as patch:
        # Another one of the hub's own comes in its place before it is read back.
        patch.setattr(
            operation_of_archive,
            "verify_archive",
            lambda path, progress: verify_archive(Path(shutil.copy(tmp_path / "window-000002.jsonl.gz", path))),
        )
        with pytest.raises(ArchiveBrokenError, match="the roots read back are not those of the lanes"):
            await archive(pool, tmp_path, 3)
    (tmp_path / "window-000003.jsonl.gz").unlink()
    await archive(pool, tmp_path, 3)
    report = await checked(pool)
    # That of the release, in the window that is open.
    assert report.messages == 1
    await assert_promises_hold(story)
    for window_no in (2, 1, 3):
        await restore_window(pool, tmp_path / f"window-{window_no:06d}.jsonl.gz")
        await checked(pool)
    assert await pool.fetchval("SELECT count(*) FROM lot_use WHERE leaf < 0") == 0
    await assert_promises_hold(story)
    # Records are written with their lots, of which some were spent or came back since.
    again = await archive(pool, tmp_path)
    with pytest.raises(ArchiveBrokenError, match=f"written on .* as {again.path}; window 1 with .* came"):
        await restore_window(pool, first)
    await restore_window(pool, Path(again.path))


async def test_a_window_that_may_not_be_archived_is_refused_with_what_is_missing(story: Story, tmp_path: Path) -> None:
    async def refused(window_no: int, when: datetime) -> str:
        with pytest.raises((StateConflictError, NotFoundError)) as error:
            await archive_window(story.pool, window_no, tmp_path, seal=SEAL, now=when, actor="test")
        return str(error.value)

    assert "can be archived 410 days later" in await refused(1, now() + timedelta(days=409))
    assert await refused(2, later()) == "window 2 is CLOSED; only a window that is SETTLED can be archived"
    assert await refused(9, later()) == "there is no window 9"
    async with alone(story.pool):
        assert await refused(1, later()) == "another command archives or restores a window just now"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StateConflictError, match="nowhere is no folder"):
        await archive(story.pool, tmp_path / "nowhere")


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


async def test_a_window_is_archived_and_brought_back_from_the_shell(story: Story, call: Call, tmp_path: Path) -> None:
    """Each step says where the file lies and what it holds; what can't be is one line, and exit code 1."""
    refused = await call("archive", "window", "1", "--to", str(tmp_path))
    assert refused.exit_code == 1
    assert "it can be archived 410 days later" in refused.stderr
    assert "For trials only" in (await call("archive", "after", "0")).stdout
    assert (await call("archive", "list")).stdout == "No window is archived.\n"

    archived = await document_of(call, "archive", "window", "1", "--to", str(tmp_path))
    path = Path(archived["path"])
    assert path == tmp_path / "window-000001.jsonl.gz"
    verified = await document_of(call, "archive", "verify", str(path))
    assert (verified["sha256"], verified["records"], verified["messages"]) == (
        archived["digest"],
        archived["records"],
        archived["messages"],
    )
    assert (await document_of(call, "archive", "list"))["archives"][0]["path"] == str(path)
    moved = path.rename(tmp_path / "moved.jsonl.gz")
    assert "(the file is not there)" in (await call("archive", "list")).stdout
    broken = moved.with_name("broken.jsonl.gz")
    broken.write_bytes(moved.read_bytes()[:-100])
    told = await call("archive", "verify", str(broken))
    assert (told.exit_code, told.stderr.startswith(f"coalition: {broken}: line ")) == (1, True)

    assert (await call("archive", "restore", str(moved))).stdout.startswith("Window 1 is back: ")
    again = await call("archive", "restore", str(moved))
    assert (again.exit_code, again.stderr) == (
        1,
        "coalition: window 1 is not archived; all of it is in the database\n",
    )
    await checked(story.pool)
