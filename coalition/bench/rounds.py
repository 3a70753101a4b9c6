"""B1, B2, B3 and B5: rounds in which a figure's parts are measured one right after the other, so that they share the
noise."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from statistics import median

import asyncpg

from coalition.bench.ceiling import empty_copied, encoded_rows, lane_sizes, measure_copy
from coalition.bench.generator import SendClosed, SendOpen
from coalition.bench.peer import measure_peer
from coalition.bench.run import Part, Run
from coalition.bench.workload import Spread
from coalition.database.pool import Connection

OPEN_LOOP_SHARE = 0.7


async def clearing_rounds(run: Run) -> None:
    """B1 and B2: the hub, COPY, the hub with Zipf's cards, COPY over two connections, the peer."""
    for number in range(run.sizes.rounds):
        run.progress("messages of many operations", number, run.sizes.rounds)
        run.measured.clearing.append(await _clearing_round(run, number))
    run.progress("messages of many operations", run.sizes.rounds, run.sizes.rounds)


async def _clearing_round(run: Run, number: int) -> dict[str, Part]:
    parts = dict[str, Part]()
    async with run.world.pool.acquire() as connection:
        before = await lane_sizes(connection)
        parts["uniform"] = await clear(run, "uniform")
        slices = await encoded_rows(connection, since=before)
    parts["copy"] = await _copy(run, slices, connections=1)
    parts["zipf"] = await clear(run, "zipf")
    parts["copy_2"] = await _copy(run, slices, connections=2)
    parts["peer"] = await _post(run, number)
    return parts


async def clear(run: Run, spread: Spread) -> Part:
    """Send the messages of one round to the hub."""
    await run.prepare(run.hub.authority, run.sizes.messages, run.sizes.operations, spread)
    return await run.send_to_hub(SendClosed(run.sizes.messages_in_flight))


async def _copy(run: Run, slices: list[tuple[int, bytes]], *, connections: int) -> Part:
    async with _connections(run.world.url, connections) as opened:
        await empty_copied(opened[0])
        async with run.cpu() as cpu:
            copied = await measure_copy(opened, slices)
    return asdict(copied) | {"operations_per_s": copied.rows / copied.seconds, "cpu_s": cpu}


async def _post(run: Run, number: int) -> Part:
    sizes = run.sizes
    async with _connections(run.world.url, sizes.peer_connections) as opened, run.cpu() as cpu:
        posted = await measure_peer(
            opened, number=number, partners=sizes.partners, accounts=sizes.members, duration_s=sizes.peer_s
        )
    return asdict(posted) | {"operations_per_s": posted.postings / posted.seconds, "cpu_s": cpu}


async def singles_rounds(run: Run) -> None:
    """B3, throughput: the hub and the bare handler with the same messages, for each number in flight."""
    steps = [(number, n) for number in range(run.sizes.rounds) for n in run.sizes.singles_in_flight]
    for step, (_, in_flight) in enumerate(steps):
        run.progress("messages of one operation", step, len(steps))
        pair = await _hub_and_bare(run, SendClosed(in_flight), run.sizes.singles)
        run.measured.singles.setdefault(in_flight, []).append(pair)
    run.progress("messages of one operation", len(steps), len(steps))


async def open_loop_rounds(run: Run) -> None:
    """B3, latency: both at 70 % of the hub's rate."""
    singles = run.measured.singles[max(run.measured.singles)]
    rate = OPEN_LOOP_SHARE * median(part["hub"]["messages_per_s"] for part in singles)
    for number in range(run.sizes.rounds):
        run.progress("latency", number, run.sizes.rounds)
        pair = await _hub_and_bare(run, SendOpen(rate), max(int(rate * run.sizes.open_loop_s), 1))
        run.measured.open_loop.append(pair)
    run.progress("latency", run.sizes.rounds, run.sizes.rounds)


async def _hub_and_bare(run: Run, command: SendClosed | SendOpen, messages: int) -> dict[str, Part]:
    await run.prepare(run.hub.authority, messages, 1, "uniform")
    hub = await run.send_to_hub(command)
    await run.prepare(run.world.bare, messages, 1, "uniform")
    return {"hub": hub, "bare": await run.send_to_bare(command)}


async def reads_rounds(run: Run) -> None:
    """B5: balances read from the hub and from the bare handler, of cards drawn evenly."""
    command = SendClosed(max(run.sizes.singles_in_flight))
    for number in range(run.sizes.rounds):
        run.progress("reads of balances", number, run.sizes.rounds)
        await run.prepare_reads(run.hub.authority, run.sizes.singles)
        hub = await run.send_to_hub(command)
        await run.prepare_reads(run.world.bare, run.sizes.singles)
        run.measured.reads.append({"hub": hub, "bare": await run.send_to_bare(command)})
    run.progress("reads of balances", run.sizes.rounds, run.sizes.rounds)


@asynccontextmanager
async def _connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections of our own; closed last, since an ended process can't be asked for its CPU."""
    opened: list[Connection] = [await asyncpg.connect(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()
