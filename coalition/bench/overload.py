"""What a hub does with more than it can take: its rate, then 70 % of it, then several times as much, then 70 % again.

Health is asked all the while. Nothing here is judged; the ratios and counts are told.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import aiohttp

from coalition.bench.audit import SELECT_JOURNALLED, database_settings
from coalition.bench.figures import percentile
from coalition.bench.generator import Prepare, SendClosed, SendOpen, Sent
from coalition.bench.processor import tree_cpu_s
from coalition.bench.sizes import Sizes
from coalition.bench.workload import Workload
from coalition.bench.world import BenchError, Hub, Progress, World, open_world

CALM_SHARE = 0.7
HEALTH_EVERY_S = 0.1
WARM_UP_OPERATIONS = 2_000
FULL_OPERATIONS = 6_000


@dataclass(frozen=True, slots=True)
class Load:
    """Messages of so many `operations`; the hub's rate is what it answers with `in_flight` of them at once, and
    `times` that is sent for `seconds`."""

    operations: int = 1
    in_flight: int = 64
    times: float = 3.0
    seconds: float = 8.0


@dataclass(slots=True)
class Health:
    """Answers of /healthz and /readyz; those that were not 200, and the slowest."""

    asked: int = 0
    not_ok: int = 0
    slowest_ms: float = 0.0


@dataclass(slots=True)
class Overload:
    """One part by its name, in the order in which they were run."""

    load: Load
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def p99_ratio(self) -> float:
        """How much longer what is accepted waits, at the 99th percentile, than at 70 % of the hub's rate."""
        heavy, calm = (self.parts[name].get("accepted_p99_ms", 0.0) for name in ("overload", "calm"))
        return heavy / calm if calm else 0.0


async def measure_overload(sizes: Sizes, progress: Progress, load: Load) -> Overload:
    """Measure on a database and a hub of its own. Raises BenchError when the journal is not what was answered."""
    measured = Overload(load)
    async with open_world(sizes, progress) as world:
        async with world.pool.acquire() as connection:
            measured.settings = await database_settings(connection)
        with world.hub() as hub:
            await _measure_parts(world, hub, measured, progress)
        await _check_journalled(world, decided=sum(one["decided"] for one in measured.parts.values()))
    return measured


async def _measure_parts(world: World, hub: Hub, measured: Overload, progress: Progress) -> None:
    load, numbers = measured.load, count(1)

    async def part(name: str, command: SendClosed | SendOpen, messages: int) -> dict[str, Any]:
        progress(name, 0, 1)
        occurred_at = datetime.now(UTC).isoformat(timespec="seconds")
        workload = Workload(next(numbers), messages, load.operations, "uniform", occurred_at)
        await world.generator.call(Prepare(workload, hub.authority))
        cpu_before_s = tree_cpu_s(hub.pid)
        async with _asking_health(hub) as health:
            sent = await world.generator.send(command)
        measured.parts[name] = _part(sent, messages, health) | {"hub_cpu_s": tree_cpu_s(hub.pid) - cpu_before_s}
        progress(name, 1, 1)
        return measured.parts[name]

    await part("warm-up", SendClosed(load.in_flight), max(WARM_UP_OPERATIONS // load.operations, 50))
    full = await part("full", SendClosed(load.in_flight), max(FULL_OPERATIONS // load.operations, 100))
    calm, heavy = (SendOpen(share * full["accepted_per_s"]) for share in (CALM_SHARE, load.times))
    for name, command in (("calm", calm), ("overload", heavy), ("after", calm)):
        await part(name, command, max(int(command.messages_per_s * load.seconds), 1))


@asynccontextmanager
async def _asking_health(hub: Hub) -> AsyncIterator[Health]:
    health = Health()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:

        async def ask() -> None:
            while True:
                for path in ("/healthz", "/readyz"):
                    started_s = time.perf_counter()
                    async with session.get(f"http://{hub.authority}{path}") as answer:
                        health.asked += 1
                        health.not_ok += answer.status != 200
                    health.slowest_ms = max(health.slowest_ms, (time.perf_counter() - started_s) * 1_000)
                await asyncio.sleep(HEALTH_EVERY_S)

        asking = asyncio.create_task(ask())
        try:
            yield health
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


def _part(sent: Sent, messages: int, health: Health) -> dict[str, Any]:
    part: dict[str, Any] = {
        "messages": messages,
        "offered_per_s": messages / sent.seconds,
        "accepted": sent.messages,
        "accepted_per_s": sent.messages / sent.seconds,
        "refused": len(sent.turned_away_ms),
        "failed": sent.failed,
        "decided": sent.booked + sent.refused,
        "health": asdict(health),
    }
    for name, values in (("accepted", sent.latencies_ms), ("refused", sent.turned_away_ms)):
        if values:
            part |= {f"{name}_p{share}_ms": percentile(values, share / 100) for share in (50, 99)}
    if sent.retry_after_s:
        told = sorted(sent.retry_after_s)
        part["retry_after_s"] = {"min": told[0], "median": told[len(told) // 2], "max": told[-1]}
    return part


async def _check_journalled(world: World, *, decided: int) -> None:
    async with world.pool.acquire() as connection:
        journalled = await connection.fetchval(SELECT_JOURNALLED)
    if journalled != decided:
        raise BenchError(f"{decided} operations were answered, {journalled} are in the journal")
