"""What messages cost through HTTP, by their shape and the number of lanes; and how long they take at a given load.

The hub is a process of its own, as in the benchmark. Its batches are counted afterwards: all records of one have the
same moment of booking, and no other of the lane has it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from coalition.bench.audit import check_answers
from coalition.bench.figures import percentile
from coalition.bench.generator import Prepare, SendClosed, SendOpen, Sent
from coalition.bench.processor import tree_cpu_s, tree_queued_s
from coalition.bench.sizes import QUICK
from coalition.bench.workload import Workload
from coalition.bench.world import Hub, World, open_world

Figures = dict[str, Any]

SIZES = replace(QUICK, members=5_000, workers=1)
# Lanes; then messages, operations in each, messages in flight.
SHAPES = {
    1: ((40, 500, 8), (100, 100, 8), (400, 10, 8), (400, 1, 1), (1_500, 1, 64)),
    4: ((40, 500, 4), (100, 100, 8), (1_500, 1, 16), (1_500, 1, 64)),
    32: ((40, 500, 4), (100, 100, 8), (1_500, 1, 64)),
}
LOADED_LANES = 4
FULL_IN_FLIGHT = 64
LOADS = (0.2, 0.35, 0.5, 0.7)
LOAD_S = 4.0
ROUNDS = 2

SELECT_SIZES = "SELECT lane, size FROM lane"
SELECT_BATCHES = """
SELECT count(*) FROM (
    SELECT DISTINCT journal.lane, journal.booked_at
    FROM journal JOIN unnest($1::smallint[], $2::bigint[]) AS before (lane, size) ON before.lane = journal.lane
    WHERE journal.leaf >= before.size
) AS batch
"""


class Messages:
    """Sends messages of one shape after the other to one hub, and tells what each cost."""

    def __init__(self, world: World, hub: Hub, lanes: int) -> None:
        self._world = world
        self._hub = hub
        self._lanes = lanes
        self._numbers = count(1)

    async def first_points(self) -> None:
        """Give each member points to spend; the hub's warm-up as well."""
        await self._prepare(-(-SIZES.members // 500), 500, "each")
        await self._world.generator.send(SendClosed(16))

    async def closed(self, messages: int, operations: int, in_flight: int) -> Figures:
        """Send so many, so many of them at once."""
        await self._prepare(messages, operations, "uniform")
        return await self._sent(SendClosed(in_flight), operations, in_flight)

    async def open(self, messages_per_s: float) -> Figures:
        """Send single operations at a mean rate for LOAD_S seconds, whatever comes back."""
        await self._prepare(max(int(messages_per_s * LOAD_S), 1), 1, "uniform")
        return await self._sent(SendOpen(messages_per_s), 1, 0) | {"offered_per_s": round(messages_per_s, 1)}

    async def _prepare(self, messages: int, operations: int, spread: Any) -> None:
        occurred_at = datetime.now(UTC).isoformat(timespec="seconds")
        workload = Workload(next(self._numbers), messages, operations, spread, occurred_at)
        await self._world.generator.call(Prepare(workload, self._hub.authority))

    async def _sent(self, command: SendClosed | SendOpen, operations: int, in_flight: int) -> Figures:
        sizes = {row["lane"]: row["size"] for row in await self._world.pool.fetch(SELECT_SIZES)}
        before = self._used()
        sent = await self._world.generator.send(command)
        after = self._used()
        check_answers(self._world, sent.samples)
        batches = await self._world.pool.fetchval(SELECT_BATCHES, list(sizes), list(sizes.values()))
        used = {name: round(after[name] - before[name], 3) for name in before}
        return {"lanes": self._lanes, "in_flight": in_flight, "batches": batches} | used | _told(sent, operations)

    def _used(self) -> dict[str, float]:
        assert self._world.postgres_pid is not None
        pids = {"hub": self._hub.pid, "postgres": self._world.postgres_pid, "generator": self._world.generator.pid}
        used = {f"{name}_cpu_s": tree_cpu_s(pid) for name, pid in pids.items()}
        return used | {f"{name}_queued_s": tree_queued_s(pid) for name, pid in pids.items()}


def _told(sent: Sent, operations: int) -> Figures:
    # On a busy machine the hub turns some away; what it answered counts.
    told: Figures = {
        "messages": sent.messages,
        "operations": sent.messages * operations,
        "dropped": sent.dropped,
        "seconds": round(sent.seconds, 3),
    }
    return told | {f"p{share}_ms": round(percentile(sent.latencies_ms, share / 100), 2) for share in (50, 90, 99)}


async def measure_messages() -> tuple[list[Figures], list[Figures]]:
    """Return what messages of each shape cost, and how long single operations took at each load."""
    runs, loads = list[Figures](), list[Figures]()
    for lanes, shapes in SHAPES.items():
        async with open_world(replace(SIZES, lanes=lanes), lambda *_: None) as world:
            with world.hub() as hub:
                messages = Messages(world, hub, lanes)
                await messages.first_points()
                for _ in range(ROUNDS):
                    runs += [await messages.closed(*shape) for shape in shapes]
                if lanes == LOADED_LANES:
                    loads += await _loads(messages, runs)
    return runs, loads


async def _loads(messages: Messages, runs: Sequence[Figures]) -> list[Figures]:
    """Send single operations at shares of the rate at which they were answered as fast as they could be."""
    full = [run for run in runs if run["lanes"] == LOADED_LANES and run["in_flight"] == FULL_IN_FLIGHT]
    rate = sum(run["messages"] for run in full) / sum(run["seconds"] for run in full)
    return [await messages.open(rate * share) for _ in range(ROUNDS) for share in LOADS]
