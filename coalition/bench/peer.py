"""B2's peer: how a points service is usually built, in SQL alone: one posting per transaction, a row per partner.

Each posting locks its partner's row until its commit is on disk, so postings of one partner follow one another.
No HTTP, no signature, no lots, no hash and no window is asked of it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import asyncpg

from coalition.bench.workload import BURN_POINTS, BURN_SHARE, EARN_POINTS
from coalition.database.pool import Connection

CREATE_PEER = """
CREATE TABLE IF NOT EXISTS bench_partner (partner integer PRIMARY KEY, issued bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS bench_account (account integer PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE IF NOT EXISTS bench_posting (
    posting bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, partner integer NOT NULL, operation_id text NOT NULL,
    account integer NOT NULL, points bigint NOT NULL, balance bigint NOT NULL, booked_at timestamptz NOT NULL,
    UNIQUE (partner, operation_id));
"""

FILL_PARTNERS = "INSERT INTO bench_partner SELECT n, 0 FROM generate_series(0, $1::integer - 1) AS n"
FILL_ACCOUNTS = "INSERT INTO bench_account SELECT n, 1000 FROM generate_series(0, $1::integer - 1) AS n"

UPDATE_ACCOUNT = "UPDATE bench_account SET balance = balance + $2 WHERE account = $1 RETURNING balance"
INSERT_POSTING = """
INSERT INTO bench_posting (partner, operation_id, account, points, balance, booked_at)
VALUES ($1, $2, $3, $4, $5, now())
"""
UPDATE_PARTNER = "UPDATE bench_partner SET issued = issued + $2 WHERE partner = $1"


@dataclass(frozen=True, slots=True)
class Posted:
    """So many postings in so many seconds."""

    postings: int
    seconds: float
    connections: int


async def fill_peer(url: str, *, partners: int, accounts: int) -> None:
    """Make the peer's tables and fill them."""
    connection = await asyncpg.connect(url)
    await connection.execute(CREATE_PEER)
    await connection.execute(FILL_PARTNERS, partners)
    await connection.execute(FILL_ACCOUNTS, accounts)
    await connection.execute("ANALYZE bench_partner, bench_account, bench_posting")
    await connection.close()


async def measure_peer(
    opened: Sequence[Connection], *, number: int, partners: int, accounts: int, duration_s: float
) -> Posted:
    """Post for so long over all of these connections at once; `number` tells the rounds apart."""
    started_s = time.perf_counter()

    async def work(connection: Connection, worker: int) -> int:
        random, posted = Random(number * len(opened) + worker), 0
        while time.perf_counter() < started_s + duration_s:
            await _post(connection, random, f"{number}-{worker}-{posted}", partners=partners, accounts=accounts)
            posted += 1
        return posted

    counts = await asyncio.gather(*(work(connection, worker) for worker, connection in enumerate(opened)))
    return Posted(sum(counts), time.perf_counter() - started_s, len(opened))


async def _post(connection: Connection, random: Random, operation_id: str, *, partners: int, accounts: int) -> None:
    partner, account = random.randrange(partners), random.randrange(accounts)
    is_burn = random.random() < BURN_SHARE
    points = -random.randint(*BURN_POINTS) if is_burn else random.randint(*EARN_POINTS)
    async with connection.transaction():
        balance = await connection.fetchval(UPDATE_ACCOUNT, account, points)
        await connection.execute(INSERT_POSTING, partner, operation_id, account, points, balance)
        # The contended row last, so that it is held as briefly as this design can.
        await connection.execute(UPDATE_PARTNER, partner, points)
