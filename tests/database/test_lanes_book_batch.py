"""Batches on a real PostgreSQL: what the tables hold is what the auditor says, whole or not at all."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import asyncpg
import pytest

from coalition.database.pool import Pool
from coalition.journal.merkle import Frontier
from coalition.lanes.lane_queue import LaneQueue
from coalition.lanes.registry import Registry
from coalition.ledger.batch import Command
from coalition.operations.check_sums import check_sums
from tests.database.lane_books import CALENDAR, accounts_of, book, journal_root, now, read_tables, without_moment
from tests.properties.auditor import Auditor
from tests.properties.histories import STEPS, TODAY, History, example_partners, example_promotions
from tests.properties.lane_tables import assert_sums_hold

LANE = 2
# Later than the moment at which any test's database was made: no lane was booked in since.
START = now() + timedelta(days=1)


def clock() -> datetime:
    return START


OPERATIONS_IN_ORDER = """
SELECT partner, operation_id, message FROM journal WHERE lane = $1 AND operation_id IS NOT NULL ORDER BY leaf
"""

FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the test''s fault' USING ERRCODE = 'P0001'; END $$
"""

GIVE_WAY_TWICE = """
CREATE SEQUENCE test_attempt;
CREATE FUNCTION give_way_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence is not rolled back: it counts the attempts.
    IF nextval('test_attempt') <= 2 THEN RAISE EXCEPTION 'give way' USING ERRCODE = TG_ARGV[0]; END IF;
    RETURN NEW;
END $$
"""

# Every table that a batch writes, in the order of its statements, and the commit itself.
STATEMENTS = {
    "journal": "BEFORE INSERT ON journal",
    "operation": "BEFORE INSERT ON operation",
    "new lots": "BEFORE INSERT ON lot",
    "changed lots": "BEFORE UPDATE ON lot",
    "uses": "BEFORE INSERT ON lot_use",
    "reversals": "BEFORE INSERT ON reversal",
    "holds": "BEFORE INSERT ON hold",
    "accounts": "BEFORE UPDATE ON account",
    "totals": "BEFORE INSERT ON window_total",
    "lane": "BEFORE UPDATE ON lane",
}


@pytest.mark.parametrize("seed", range(5))
async def test_random_histories_leave_the_auditors_tables(pool: Pool, seed: int) -> None:
    """The whole path through SQL: operations of any kind, in batches of any size, over several windows."""
    random = Random(seed)
    accounts = await accounts_of(pool, LANE, 3)
    history, auditor = History(accounts=accounts, partners=example_partners()), Auditor(lane=LANE)

    moment = START
    for _ in range(20):
        moment += random.choice(STEPS)
        batch = history.take(random.choice([1, 2, 5, 12]), random, moment)
        expected = [auditor.expect(command, moment) for command in batch]
        assert await book(pool, LANE, batch, lambda moment=moment: moment) == expected

    tables = await read_tables(pool, LANE, accounts)
    assert tables == auditor.tables(accounts)
    assert_sums_hold(tables)


@pytest.mark.parametrize("seed", range(3))
async def test_random_histories_with_joint_promotions_leave_the_auditors_tables(pool: Pool, seed: int) -> None:
    """Several payers, returns in parts, and a budget that ends among them."""
    random, later = Random(seed), START - TODAY
    promotions = [
        replace(one, starts_at=one.starts_at + later, ends_at=one.ends_at + later) for one in example_promotions()
    ]
    accounts = await accounts_of(pool, LANE, 3)
    history = History(accounts=accounts, partners=example_partners(), promotions=promotions)
    auditor = Auditor(lane=LANE, promotions=promotions, budget=80)
    await pool.execute("INSERT INTO promotion_budget (promotion, budget) VALUES (1, 80), (2, 80)")

    moment = START
    for _ in range(20):
        moment += random.choice(STEPS)
        batch = history.take(random.choice([1, 2, 5, 12]), random, moment)
        expected = [auditor.expect(command, moment) for command in batch]
        assert await book(pool, LANE, batch, lambda moment=moment: moment, promotions=promotions) == expected

    assert await read_tables(pool, LANE, accounts) == auditor.tables(accounts)
    used = {row[0]: row[1] for row in await pool.fetch("SELECT promotion, used FROM promotion_allowance")}
    assert used == {promotion: auditor.promoted[promotion] for promotion in used}
    findings = [finding for finding in (await check_sums(pool)).findings if finding.broken]
    assert [finding.rule for finding in findings] == ["each record has its signed message"]


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_a_batch_that_fails_at_any_statement_leaves_nothing(pool: Pool, statement: str) -> None:
    """All or nothing, wherever the transaction breaks off; afterwards the same batch is booked as if nothing was."""
    accounts, auditor, batches = await batches_that_write_every_table(pool)
    before = await read_tables(pool, LANE, accounts)
    await pool.execute(FAIL)
    await pool.execute(f"CREATE TRIGGER fault {STATEMENTS[statement]} FOR EACH ROW EXECUTE FUNCTION fail()")

    with pytest.raises(asyncpg.RaiseError, match="the test's fault"):
        await book(pool, LANE, batches, clock)

    assert await read_tables(pool, LANE, accounts) == before
    await pool.execute("DROP FUNCTION fail CASCADE")
    assert await book(pool, LANE, batches, clock) == [auditor.expect(command, START) for command in batches]
    assert await read_tables(pool, LANE, accounts) == auditor.tables(accounts)


async def test_a_batch_that_fails_at_the_commit_leaves_nothing(pool: Pool) -> None:
    accounts, auditor, batch = await batches_that_write_every_table(pool)
    before = await read_tables(pool, LANE, accounts)
    await pool.execute(FAIL)
    await pool.execute(
        """CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION fail()"""
    )

    with pytest.raises(asyncpg.RaiseError, match="the test's fault"):
        await book(pool, LANE, batch, clock)

    assert await read_tables(pool, LANE, accounts) == before
    await pool.execute("DROP FUNCTION fail CASCADE")
    assert await book(pool, LANE, batch, clock) == [auditor.expect(command, START) for command in batch]


async def batches_that_write_every_table(pool: Pool) -> tuple[list[int], Auditor, list[Command]]:
    """Book a first batch; return a second one that writes to every table, not booked yet."""
    accounts = await accounts_of(pool, LANE, 3)
    history, auditor = History(accounts=accounts, partners=example_partners()), Auditor(lane=LANE)
    first, second = history.take(40, Random(1)), history.take(40, Random(2))
    assert await book(pool, LANE, first, clock) == [auditor.expect(command, START) for command in first]
    return accounts, auditor, second


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
async def test_a_batch_that_had_to_give_way_is_booked_once(pool: Pool, sqlstate: str) -> None:
    """Serialization failures and deadlocks are the database's choice of a victim: the same batch again, as a whole."""
    accounts = await accounts_of(pool, LANE, 3)
    history, auditor = History(accounts=accounts, partners=example_partners()), Auditor(lane=LANE)
    batch = history.take(30, Random(5))
    await pool.execute(GIVE_WAY_TWICE)
    await pool.execute(
        f"CREATE TRIGGER fault BEFORE UPDATE ON lane FOR EACH ROW EXECUTE FUNCTION give_way_twice('{sqlstate}')"
    )
    registry = Registry(pool)
    await registry.load()
    registry.calendar = CALENDAR
    queue = LaneQueue(pool, LANE, registry=registry, clock=clock, slots=asyncio.Semaphore(1))

    results = await queue.book(batch)
    await queue.close()

    assert [without_moment(result) for result in results] == [auditor.expect(command, START) for command in batch]
    assert await read_tables(pool, LANE, accounts) == auditor.tables(accounts)
    assert await pool.fetchval("SELECT last_value FROM test_attempt") == 3


async def test_one_parcel_that_fails_does_not_take_the_others_down(pool: Pool) -> None:
    """Parcels share a commit for speed only: one that the database refuses fails alone."""
    good, bad, _ = await accounts_of(pool, LANE, 3)
    await pool.execute(FAIL)
    await pool.execute(
        f"CREATE TRIGGER fault BEFORE INSERT ON lot FOR EACH ROW WHEN (NEW.account = {bad}) EXECUTE FUNCTION fail()"
    )
    partners = example_partners()[:1]
    parcels = [
        History(accounts=[account], partners=partners, prefix=f"p{n}") for n, account in enumerate([good, bad, good])
    ]
    registry = Registry(pool)
    await registry.load()
    registry.calendar = CALENDAR
    queue = LaneQueue(pool, LANE, registry=registry, clock=clock, slots=asyncio.Semaphore(1))

    booked = await asyncio.gather(
        *(queue.book(parcel.take(1, Random(2))) for parcel in parcels), return_exceptions=True
    )
    await queue.close()

    assert [isinstance(results, list) for results in booked] == [True, False, True]
    assert isinstance(booked[1], asyncpg.RaiseError)
    assert await pool.fetchval("SELECT count(*) FROM journal") == 2


async def test_a_batch_booked_again_answers_the_same_and_moves_nothing(pool: Pool) -> None:
    """Whoever did not hear of the commit asks again; also with the batch cut otherwise."""
    accounts = await accounts_of(pool, LANE, 3)
    history = History(accounts=accounts, partners=example_partners())
    batch = history.take(60, Random(3))
    results = await book(pool, LANE, batch, clock)
    tables = await read_tables(pool, LANE, accounts)
    # What lacked its original may be decided by now; everything else is final.
    final = [index for index, result in enumerate(results) if not result.get("retryable")]

    again = await book(pool, LANE, [batch[index] for index in final])
    one_by_one = [(await book(pool, LANE, [batch[index]]))[0] for index in final]

    assert again == one_by_one == [results[index] for index in final]
    assert await read_tables(pool, LANE, accounts) == tables


async def test_two_processes_book_one_lane_in_one_order(pool: Pool) -> None:
    """The lane's lock is the order: batches of two hubs on the same accounts never mix, and leaves have no gap."""
    accounts = await accounts_of(pool, LANE, 2)
    histories = [History(accounts=accounts, partners=example_partners(), prefix=f"hub{hub}") for hub in range(4)]
    batches = [history.take(8, Random(number)) for history in histories for number in range(4)]

    await asyncio.gather(*(book(pool, LANE, batch, clock) for batch in batches))

    tables = await read_tables(pool, LANE, accounts)
    assert_sums_hold(tables)
    # The auditor follows the journal's order and comes to the same verdicts and tables.
    auditor = Auditor(lane=LANE)
    commands = {(c.partner.partner, c.operation.id, c.message): c for batch in batches for c in batch}
    rows = await pool.fetch(OPERATIONS_IN_ORDER, LANE)
    for row in rows:
        auditor.expect(commands[tuple(row)], START)
    assert tables == auditor.tables(accounts)
    frontier = await pool.fetchrow("SELECT size, frontier FROM lane WHERE lane = $1", LANE)
    assert frontier["size"] == len(tables.journal)


async def test_the_frontier_is_the_root_of_the_journal(pool: Pool) -> None:
    history = History(accounts=await accounts_of(pool, LANE, 3), partners=example_partners())
    for number in range(5):
        await book(pool, LANE, history.take(7, Random(number)))

    size, stored = await pool.fetchrow("SELECT size, frontier FROM lane WHERE lane = $1", LANE)

    assert Frontier.parse(size, stored).root() == await journal_root(pool, LANE, size=size)


async def test_booked_times_never_run_backwards(pool: Pool) -> None:
    """Whichever hub's clock is behind: a later leaf is never earlier."""
    history = History(accounts=await accounts_of(pool, LANE, 3), partners=example_partners())
    start = now() + timedelta(days=1)
    for offset_s in (10, -5, 3, 20):
        moment = start + timedelta(seconds=offset_s)
        commands = history.take(3, Random(offset_s))
        await book(pool, LANE, commands, clock=lambda moment=moment: moment)

    moments = [row[0] for row in await pool.fetch("SELECT booked_at FROM journal WHERE lane = $1 ORDER BY leaf", LANE)]
    assert moments == sorted(moments)
    assert moments[0] == start + timedelta(seconds=10)
    assert moments[-1] == start + timedelta(seconds=20)


async def test_the_check_finds_all_sums_right_after_random_histories(pool: Pool) -> None:
    """`coalition check` reads what the auditor would; only the evidence is not there, since no message was sent."""
    for lane in range(4):
        history = History(accounts=await accounts_of(pool, lane, 3), partners=example_partners(), prefix=f"lane{lane}")
        for number in range(12):
            moment = START + timedelta(days=3 * number)
            await book(pool, lane, history.take(12, Random(number), moment), lambda moment=moment: moment)

    report = await check_sums(pool)

    assert [finding.rule for finding in report.findings if finding.broken] == ["each record has its signed message"]
