"""The rounds: in each, every figure's parts are measured one right after the other, so that they share the noise."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from statistics import median
from typing import Any

import asyncpg

from coalition.bench.audit import check_answers, check_journalled, database_settings
from coalition.bench.ceiling import empty_copied, encoded_rows, lane_sizes, measure_copy
from coalition.bench.figures import percentile
from coalition.bench.generator import Prepare, SendClosed, SendOpen, Sent
from coalition.bench.peer import fill_peer, measure_peer
from coalition.bench.processor import cpu_s, tree_cpu_s
from coalition.bench.sizes import Sizes
from coalition.bench.workload import Spread, Workload
from coalition.bench.world import Progress, World, open_world
from coalition.database.pool import Connection

OPEN_LOOP_SHARE = 0.7

Part = dict[str, Any]


@dataclass(slots=True)
class Measured:
    """Raw numbers. `clearing` and `singles` hold one entry a round, by part; `open_loop` as well."""

    settings: dict[str, str] = field(default_factory=dict)
    first: Part = field(default_factory=dict)
    clearing: list[dict[str, Part]] = field(default_factory=list)
    singles: dict[int, list[dict[str, Part]]] = field(default_factory=dict)
    open_loop: list[dict[str, Part]] = field(default_factory=list)
    answers_checked: int = 0
    answered: int = 0


async def measure(sizes: Sizes, progress: Progress) -> Measured:
    """Run everything; raises BenchError when the outcome could not be trusted."""
    async with open_world(sizes, progress) as world:
        run = _Run(sizes, world, progress)
        async with world.pool.acquire() as connection:
            run.measured.settings = await database_settings(connection)
        await fill_peer(world.url, partners=sizes.partners, accounts=sizes.members)
        await run.first_points()
        await run.clearing_rounds()
        await run.singles_rounds()
        await run.open_loop_rounds()
        await check_journalled(world, answered=run.measured.answered)
        return run.measured


class _Run:
    def __init__(self, sizes: Sizes, world: World, progress: Progress) -> None:
        self.measured = Measured()
        self._sizes = sizes
        self._world = world
        self._progress = progress
        self._numbers = count(1)

    async def first_points(self) -> None:
        """Give each member points to spend, through the hub: this is its warm-up as well."""
        sizes = self._sizes
        messages = -(-sizes.members // sizes.operations)
        self._progress("first points for each account", 0, 1)
        await self._prepare(self._world.hub, messages, sizes.operations, "each")
        self.measured.first = await self._send_to_hub(SendClosed(sizes.in_flight))
        self._progress("first points for each account", 1, 1)

    async def clearing_rounds(self) -> None:
        """B1 and B2: the hub, COPY, the hub with Zipf's cards, COPY over two connections, the peer."""
        for number in range(self._sizes.rounds):
            self._progress("messages of many operations", number, self._sizes.rounds)
            self.measured.clearing.append(await self._clearing_round(number))
        self._progress("messages of many operations", self._sizes.rounds, self._sizes.rounds)

    async def singles_rounds(self) -> None:
        """B3, throughput: the hub and the bare handler with the same messages, for each number in flight."""
        steps = [(number, n) for number in range(self._sizes.rounds) for n in self._sizes.singles_in_flight]
        for step, (_, in_flight) in enumerate(steps):
            self._progress("messages of one operation", step, len(steps))
            hub, bare = await self._hub_and_bare(SendClosed(in_flight), self._sizes.singles)
            self.measured.singles.setdefault(in_flight, []).append({"hub": hub, "bare": bare})
        self._progress("messages of one operation", len(steps), len(steps))

    async def open_loop_rounds(self) -> None:
        """B3, latency: both at 70 % of the hub's rate."""
        singles = self.measured.singles[max(self.measured.singles)]
        rate = OPEN_LOOP_SHARE * median(part["hub"]["messages_per_s"] for part in singles)
        for number in range(self._sizes.rounds):
            self._progress("latency", number, self._sizes.rounds)
            hub, bare = await self._hub_and_bare(SendOpen(rate), max(int(rate * self._sizes.open_loop_s), 1))
            self.measured.open_loop.append({"hub": hub, "bare": bare})
        self._progress("latency", self._sizes.rounds, self._sizes.rounds)

    async def _clearing_round(self, number: int) -> dict[str, Part]:
        sizes, world, parts = self._sizes, self._world, dict[str, Part]()
        async with world.pool.acquire() as connection:
            before = await lane_sizes(connection)
            parts["uniform"] = await self._clear(SendClosed(sizes.in_flight), "uniform")
            slices = await encoded_rows(connection, since=before)
        parts["copy"] = await self._copy(slices, connections=1)
        parts["zipf"] = await self._clear(SendClosed(sizes.in_flight), "zipf")
        parts["copy_2"] = await self._copy(slices, connections=2)
        parts["peer"] = await self._post(number)
        return parts

    async def _copy(self, slices: list[tuple[int, bytes]], *, connections: int) -> Part:
        async with _connections(self._world.url, connections) as opened:
            await empty_copied(opened[0])
            async with self._cpu() as cpu:
                copied = await measure_copy(opened, slices)
        return asdict(copied) | {"operations_per_s": copied.rows / copied.seconds, "cpu_s": cpu}

    async def _post(self, number: int) -> Part:
        sizes = self._sizes
        async with _connections(self._world.url, sizes.peer_connections) as opened, self._cpu() as cpu:
            posted = await measure_peer(
                opened, number=number, partners=sizes.partners, accounts=sizes.members, duration_s=sizes.peer_s
            )
        return asdict(posted) | {"operations_per_s": posted.postings / posted.seconds, "cpu_s": cpu}

    async def _clear(self, command: SendClosed, spread: Spread) -> Part:
        await self._prepare(self._world.hub, self._sizes.messages, self._sizes.operations, spread)
        return await self._send_to_hub(command)

    async def _hub_and_bare(self, command: SendClosed | SendOpen, messages: int) -> tuple[Part, Part]:
        await self._prepare(self._world.hub, messages, 1, "uniform")
        hub = await self._send_to_hub(command)
        await self._prepare(self._world.bare, messages, 1, "uniform")
        async with self._cpu() as cpu:
            sent = await self._world.generator.send(command)
        return hub, _part_of(sent, cpu)

    async def _prepare(self, authority: str, messages: int, operations: int, spread: Spread) -> None:
        occurred_at = datetime.now(UTC).isoformat(timespec="seconds")
        workload = Workload(next(self._numbers), messages, operations, spread, occurred_at)
        await self._world.generator.call(Prepare(workload, authority))

    async def _send_to_hub(self, command: SendClosed | SendOpen) -> Part:
        async with self._cpu() as cpu:
            sent = await self._world.generator.send(command)
        self.measured.answers_checked += check_answers(self._world, sent.samples)
        self.measured.answered += sent.booked + sent.refused
        return _part_of(sent, cpu)

    @asynccontextmanager
    async def _cpu(self) -> AsyncIterator[dict[str, float]]:
        used: dict[str, float] = {}
        before = self._cpu_now()
        yield used
        used |= {name: round(now - before[name], 3) for name, now in self._cpu_now().items()}

    def _cpu_now(self) -> dict[str, float]:
        world = self._world
        return {
            "hub": tree_cpu_s(world.hub_pid),
            "bare": cpu_s(world.bare_pid),
            "postgres": tree_cpu_s(world.postgres_pid),
            "generator": cpu_s(world.generator.pid),
        }


@asynccontextmanager
async def _connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """Open connections of our own; closed last, since an ended process can't be asked for its CPU."""
    opened: list[Connection] = [await asyncpg.connect(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()


def _part_of(sent: Sent, cpu: dict[str, float]) -> Part:
    operations = sent.booked + sent.refused
    part: Part = {
        "messages": sent.messages,
        "booked": sent.booked,
        "refused": sent.refused,
        "dropped": sent.dropped,
        "seconds": sent.seconds,
        "messages_per_s": sent.messages / sent.seconds,
        "operations_per_s": operations / sent.seconds,
        "cpu_s": cpu,
    }
    if sent.latencies_ms:
        part |= {f"p{share}_ms": percentile(sent.latencies_ms, share / 100) for share in (50, 90, 99)}
    return part
