"""What all parts of a run share: requests are prepared and sent, answers counted and looked at, CPU read."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from coalition.bench.audit import check_answers
from coalition.bench.figures import percentile
from coalition.bench.generator import Prepare, PrepareReads, SendClosed, SendOpen, Sent
from coalition.bench.processor import cpu_s, tree_cpu_s
from coalition.bench.sizes import Sizes
from coalition.bench.workload import Spread, Workload
from coalition.bench.world import Hub, Progress, World

Part = dict[str, Any]

COUNTED = ("messages", "booked", "refused", "dropped")


@dataclass(slots=True)
class Measured:
    """Raw numbers. `clearing`, `singles`, `open_loop` and `reads` hold one entry a round, by part; `windows` one a
    window. What was not asked for is empty."""

    settings: dict[str, str] = field(default_factory=dict)
    commit_ms: float = 0.0
    first: Part = field(default_factory=dict)
    clearing: list[dict[str, Part]] = field(default_factory=list)
    singles: dict[int, list[dict[str, Part]]] = field(default_factory=dict)
    open_loop: list[dict[str, Part]] = field(default_factory=list)
    reads: list[dict[str, Part]] = field(default_factory=list)
    windows: list[Part] = field(default_factory=list)
    stages: list[Part] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    answers_checked: int = 0


class Run:
    """One hub's part of a run; several share `measured` and the `numbers` of their workloads."""

    def __init__(
        self, sizes: Sizes, world: World, hub: Hub, progress: Progress, measured: Measured, numbers: "count[int]"
    ) -> None:
        self.sizes = sizes
        self.world = world
        self.hub = hub
        self.progress = progress
        self.measured = measured
        self._numbers = numbers

    def next_number(self) -> int:
        """Return the number of a workload that no other has."""
        return next(self._numbers)

    async def prepare(self, authority: str, messages: int, operations: int, spread: Spread) -> None:
        """Have messages made and signed for a server, the hub or the bare one."""
        occurred_at = datetime.now(UTC).isoformat(timespec="seconds")
        workload = Workload(self.next_number(), messages, operations, spread, occurred_at)
        await self.world.generator.call(Prepare(workload, authority))

    async def prepare_reads(self, authority: str, reads: int) -> None:
        """Have reads of balances signed for a server."""
        await self.world.generator.call(PrepareReads(self.next_number(), reads, authority))

    async def send_to_hub(self, command: SendClosed | SendOpen) -> Part:
        """Send what was prepared for the hub, and look at a sample of its answers."""
        async with self.cpu() as cpu:
            sent = await self.world.generator.send(command)
        measured, part = self.measured, _part_of(sent, cpu)
        measured.answers_checked += check_answers(self.world, sent.samples)
        for name in COUNTED:
            measured.counts[name] += part[name]
        return part

    async def send_to_bare(self, command: SendClosed | SendOpen) -> Part:
        """Send what was prepared for the bare server."""
        async with self.cpu() as cpu:
            sent = await self.world.generator.send(command)
        return _part_of(sent, cpu)

    @asynccontextmanager
    async def cpu(self) -> AsyncIterator[dict[str, float]]:
        """Give what each process uses in the block, in seconds, once it has ended."""
        used: dict[str, float] = {}
        before = self._cpu_now()
        yield used
        used |= {name: round(now - before[name], 3) for name, now in self._cpu_now().items()}

    def _cpu_now(self) -> dict[str, float]:
        world = self.world
        return {
            "hub": tree_cpu_s(self.hub.pid),
            "bare": cpu_s(world.bare_pid),
            "postgres": 0.0 if world.postgres_pid is None else tree_cpu_s(world.postgres_pid),
            "generator": cpu_s(world.generator.pid),
            "bench": time.process_time(),
        }


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
