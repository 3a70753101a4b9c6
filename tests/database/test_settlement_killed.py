"""Each step of a window's life is killed wherever it writes, and run again: it is done once, and nothing is half done.

A lock that the test holds on a table lets everything read it and nobody write it. A step that waits for it stands right
before that write, inside its transaction; there its connection is cut.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from coalition.database.pool import Pool
from coalition.lanes.close_window import close_window
from coalition.operations.manage_cap import set_cap
from settlement.engine.calendar import Calendar
from settlement.engine.dispute import Claim
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.change_rules import change_rules
from settlement.operations.correct_document import approve_correction, draft_correction
from settlement.operations.default_share import default_share, mark_overdue
from settlement.operations.follow_calendar import follow_calendar, set_calendar
from settlement.operations.invoice_window import invoice_window
from settlement.operations.leave_programme import end_exits, leave_programme
from settlement.operations.manage_collateral import change_collateral
from settlement.operations.open_dispute import open_dispute
from settlement.operations.recalculate_window import recalculate_window
from settlement.operations.record_payment import NewPayment, record_payment
from settlement.operations.resolve_dispute import accept_dispute, reject_dispute
from settlement.operations.settle_window import settle_window
from settlement.stores.disputes import Evidence
from tests.database.settlement_books import Books, now
from tests.database.test_tax_documents import know

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
CUT = """
SELECT pg_terminate_backend(pid)
FROM pg_locks
WHERE NOT granted AND locktype = 'relation' AND relation = $1::text::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
CUT_OFF = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@dataclass(frozen=True)
class Step:
    """One act, and every table that it writes. `is_whole`: in one transaction; a close is one of each lane."""

    name: str
    act: Callable[[], Awaitable[Any]]
    writes: tuple[str, ...]
    is_whole: bool = True


async def everything(pool: Pool) -> dict[str, list[str]]:
    """Return all rows of all tables, as text."""
    tables = [row["tablename"] for row in await pool.fetch(TABLES)]
    # Static but for the table's own name, which the database told.
    return {
        table: sorted(row[0] for row in await pool.fetch(f'SELECT row::text FROM "{table}" AS row')) for table in tables
    }


async def cut_before(pool: Pool, step: Step, table: str) -> None:
    """Run the step until it is about to write the table, and cut its connection there."""
    async with pool.acquire() as blocker, blocker.transaction():
        await blocker.execute(f'LOCK TABLE "{table}" IN SHARE MODE')
        running = asyncio.ensure_future(step.act())
        while not running.done() and await blocker.fetchval(CUT, table) is None:  # noqa: ASYNC110 - the server's event
            await asyncio.sleep(0.01)
        with pytest.raises(CUT_OFF):
            await running


async def kill_and_repeat(pool: Pool, step: Step) -> None:
    """Kill a step wherever it writes; then it is done, once."""
    for table in step.writes:
        before = await everything(pool)
        await cut_before(pool, step, table)
        if step.is_whole:
            assert await everything(pool) == before, f"{step.name}, killed before it writes {table}"
    before = await everything(pool)
    await step.act()
    done = await everything(pool)
    written = {table for table in done if done[table] != before[table]}
    assert written <= set(step.writes) or not step.is_whole, f"{step.name} writes more: {written}"
    await step.act()
    assert await everything(pool) == done, f"{step.name}, run again"


def evidence(digest: bytes) -> Evidence:
    rest = dict.fromkeys(("keyid", "authority", "target", "signature_input", "signature", "content_digest"), "")
    return Evidence(digest=digest * 32, received_at=now(), body=b"{}", **rest)


async def test_every_step_is_killed_wherever_it_writes_and_done_once(pool: Pool) -> None:
    books = Books(pool)
    a, b, c = await books.partner("A", service_fee="0.001"), await books.partner("B"), await books.partner("C")
    for partner in (None, a, b, c):
        await know(books, partner)
    for partner, issued, redeemed in ((a, 1_200, 450), (b, 300, 800), (c, 500, 350)):
        await books.book(partner, "issued", issued)
        await books.book(partner, "redeemed", redeemed, lane=1)
    await set_cap(pool, "A", 100_000, now=now(), actor="test")
    await change_rules(pool, {"payment_days": 0, "default_after_days": 0})
    await change_collateral(pool, a, "deposit", Decimal("1.00"), reference="d1", now=now(), actor="test")
    charge = Claim(line=("issue_charge", 1), operation_ids=(), amount=Decimal("2.00"), reason="Not ours.")
    later = now() + timedelta(days=3)

    async def pay(partner: int, amount: str) -> None:
        payment = NewPayment(amount=Decimal(amount), reference=f"bank {partner}", paid_on=now().date())
        await record_payment(pool, 1, partner, payment, now=now(), actor="test")

    async def dispute(partner: int, digest: bytes) -> None:
        await open_dispute(pool, partner, 1, charge, evidence=evidence(digest))

    async def close(window_no: int) -> None:
        await close_window(pool, clock=now, actor="test", expected=window_no)

    steps = [
        Step(
            "close",
            lambda: close(1),
            ("clearing_window", "lane_window", "journal", "lane", "window_move"),
            is_whole=False,
        ),
        Step(
            "calculate",
            lambda: calculate_window(pool, 1, now=now(), actor="anna"),
            ("clearing_window", "window_move", "window_share"),
        ),
        Step("dispute", lambda: dispute(b, b"b"), ("window_share", "share_move", "dispute")),
        Step("another dispute", lambda: dispute(a, b"a"), ("window_share", "share_move", "dispute")),
    ]
    for step in steps:
        await kill_and_repeat(pool, step)
    await pool.execute("UPDATE terms SET service_fee = 0.002 WHERE partner = $1", a)
    steps = [
        Step(
            "recalculate",
            lambda: recalculate_window(pool, 1, now=now(), actor="anna"),
            ("clearing_window", "window_move", "window_share", "dispute"),
        ),
        Step("dispute anew", lambda: dispute(a, b"c"), ("window_share", "share_move", "dispute")),
        Step(
            "approve",
            lambda: approve_window(pool, 1, now=now(), actor="bert"),
            ("clearing_window", "window_move", "window_share", "share_move"),
        ),
        Step(
            "reject",
            lambda: reject_dispute(pool, 1, answer="It is yours.", now=now(), actor="dora"),
            ("dispute", "window_share", "share_move"),
        ),
        Step(
            "invoice",
            lambda: invoice_window(pool, 1, now=now(), actor="bert"),
            ("clearing_window", "window_move", "document_series", "tax_document", "window_share", "share_move"),
        ),
        Step(
            "accept",
            lambda: accept_dispute(pool, 3, answer="Half.", amount=Decimal("1.00"), now=now(), actor="dora"),
            ("dispute", "share_adjustment"),
        ),
    ]
    for step in steps:
        await kill_and_repeat(pool, step)
    number = f"INV-{now().year}-000001"
    draft = await draft_correction(pool, number, reason="Dispute", taken_back=None, now=now(), actor="anna")
    steps = [
        Step(
            "correct",
            lambda: approve_correction(pool, draft.correction, now=now(), actor="bert"),
            ("document_series", "tax_document", "document_correction", "share_adjustment"),
        ),
        Step(
            "pay",
            lambda: pay(b, "-5.00"),
            ("share_payment", "window_share", "clearing_window", "window_move", "share_move"),
        ),
        Step(
            "overdue",
            lambda: mark_overdue(pool, now=later, actor="clock"),
            ("window_share", "share_move"),
        ),
        Step(
            "default",
            lambda: default_share(pool, 1, a, now=later, actor="dora"),
            ("window_share", "share_move", "collateral_movement", "collateral", "share_payment", "share_adjustment"),
        ),
        Step(
            "settle",
            lambda: settle_window(pool, 1, now=now(), actor="dora"),
            ("share_payment", "window_share", "share_move", "clearing_window", "window_move"),
        ),
    ]
    for step in steps:
        await kill_and_repeat(pool, step)
    assert [state for state, _ in await books.moves(1)] == [
        *("CLOSED", "CALCULATED", "CLOSED", "CALCULATED", "APPROVED", "INVOICED", "SETTLING", "SETTLED")
    ]
    assert await books.share_states(1) == {a: "CARRIED_FORWARD", b: "PAID", c: "PAID"}
    await leave_programme(pool, c, tail_months=0, now=now(), actor="test")
    await set_calendar(pool, Calendar(frequency="daily"), is_calculated=True, now=now(), actor="test")
    moment = now() + timedelta(days=2)
    steps = [
        Step("leave", lambda: end_exits(pool, now=now()), ("partner_exit", "partner")),
        Step(
            "calendar",
            lambda: follow_calendar(pool, clock=lambda: moment),
            ("calendar_close", "clearing_window", "lane_window", "window_move", "window_share"),
            is_whole=False,
        ),
    ]
    for step in steps:
        await kill_and_repeat(pool, step)
    assert [state for state, _ in await books.moves(2)] == ["CLOSED", "CALCULATED"]


async def test_a_command_killed_by_the_kernel_is_run_again(pool: Pool, database_url: str) -> None:
    """kill -9 of `coalition window settle 1`, right before it writes that the window is paid."""
    books = Books(pool)
    a, b, c = await books.worked_example_1()

    async def command() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "coalition", "window", "settle", "1", "--json"),
            env={**os.environ, "COALITION_DATABASE_URL": database_url},
            stdout=asyncio.subprocess.DEVNULL,
        )

    async with pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE share_payment IN SHARE MODE")
        killed = await command()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'share_payment'::regclass"
        while not await blocker.fetchval(waits):
            assert killed.returncode is None
            await asyncio.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
    # What it had committed stands, the rest is as if it had never begun.
    while await pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert await books.share_states(1) == dict.fromkeys((a, b, c), "ACCEPTED")
    assert await (await command()).wait() == 0
    assert await books.share_states(1) == dict.fromkeys((a, b, c), "PAID")
    assert [state for state, _ in await books.moves(1)] == [
        *("CLOSED", "CALCULATED", "APPROVED", "INVOICED", "SETTLING", "SETTLED")
    ]
    assert await books.fetch("SELECT count(*) FROM share_payment") == [(3,)]
