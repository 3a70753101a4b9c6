"""The outcome: a document for machines, and a table with plain words; ratios and targets, never pass or fail."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from coalition.bench.figures import ratio_of_rounds
from coalition.bench.measure import OPEN_LOOP_SHARE, Measured, Part
from coalition.bench.sizes import Sizes

VERSIONS_OF = ("coalition", "aiohttp", "asyncpg", "cryptography", "pydantic", "uvloop")


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is and which ratio is asked of it."""

    id: str
    what: str
    against: str
    first_target: float
    goal: float


COPY = "COPY of the same journal rows, 500 a commit, one connection"
PEER = "postings/s in SQL alone: one a transaction, a row per partner, 8 connections"
BARE = "messages/s of a bare handler that reads, verifies and signs"

B1 = Target("B1", "cards drawn evenly", COPY, 0.15, 0.40)
B1_ZIPF = Target("B1", "cards by Zipf 1.1", COPY, 0.15, 0.40)
B2 = Target("B2", "cards drawn evenly", PEER, 10, 20)

LEGEND = (
    f"B1: operations/s in signed messages of 500; beside it {COPY}.",
    f"B2: the same; beside it {PEER}.",
    f"B3: messages/s of a single operation; beside it {BARE}.",
)


def build_document(
    measured: Measured, sizes: Sizes, *, quick: bool, load_before: float, duration_s: float
) -> dict[str, Any]:
    """Return everything that was measured, with what it was measured on."""
    return {
        "quick": quick,
        "duration_s": round(duration_s, 1),
        "figures": _figures(measured),
        "latency": _latency(measured),
        "counts": _counts(measured),
        "raw": asdict(measured),
        "sizes": asdict(sizes),
        "settings": {"workers": sizes.workers, **measured.settings},
        "machine": _machine(load_before),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONS_OF}},
    }


def _figures(measured: Measured) -> list[dict[str, Any]]:
    rounds = measured.clearing
    figures = [
        _figure(target, [r[part] for r in rounds], [r[against] for r in rounds], "operations_per_s")
        for target, part, against in ((B1, "uniform", "copy"), (B1_ZIPF, "zipf", "copy"), (B2, "uniform", "peer"))
    ]
    for in_flight, pairs in measured.singles.items():
        target = Target("B3", f"{in_flight} in flight", BARE, 0.50, 0.80)
        figures.append(_figure(target, [p["hub"] for p in pairs], [p["bare"] for p in pairs], "messages_per_s"))
    return figures


def _figure(target: Target, parts: Sequence[Part], against: Sequence[Part], rate: str) -> dict[str, Any]:
    ratio = ratio_of_rounds([part[rate] for part in parts], reference=[part[rate] for part in against])
    return asdict(target) | asdict(ratio)


def _latency(measured: Measured) -> dict[str, dict[str, float]]:
    """Return the medians over the rounds, in milliseconds."""
    names = ("messages_per_s", "p50_ms", "p90_ms", "p99_ms")
    return {
        server: {name: median(pair[server].get(name, 0.0) for pair in measured.open_loop) for name in names}
        for server in ("hub", "bare")
    }


def _counts(measured: Measured) -> dict[str, int]:
    parts = [measured.first]
    parts += [r[name] for r in measured.clearing for name in ("uniform", "zipf")]
    parts += [pair["hub"] for pairs in measured.singles.values() for pair in pairs]
    parts += [pair["hub"] for pair in measured.open_loop]
    counted = {name: sum(part[name] for part in parts) for name in ("messages", "booked", "refused", "dropped")}
    return counted | {"answers_checked": measured.answers_checked}


def _machine(load_before: float) -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_before": round(load_before, 2),
    }


def print_table(document: dict[str, Any], console: Console) -> None:
    """Print the figures for a person, and what they mean."""
    table = Table(title="Medians of the rounds")
    for heading in ("", ""):
        table.add_column(heading, no_wrap=True)
    for heading in ("hub", "beside it", "ratio", "of rounds", "target", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in document["figures"]:
        table.add_row(
            figure["id"],
            figure["what"],
            f"{figure['measured']:,.0f}",
            f"{figure['reference']:,.0f}",
            f"{figure['ratio']:.2f}",
            f"{figure['ratio_min']:.2f}-{figure['ratio_max']:.2f}",
            f"{figure['first_target']:g}",
            f"{figure['goal']:g}",
        )
    console.print(table)
    for line in (*LEGEND, *_words(document)):
        console.print(line, highlight=False)


def _words(document: dict[str, Any]) -> list[str]:
    hub, bare, counts = document["latency"]["hub"], document["latency"]["bare"], document["counts"]
    machine, settings = document["machine"], document["settings"]
    return [
        f"At {OPEN_LOOP_SHARE:.0%} of its rate, {hub['messages_per_s']:,.0f} messages/s, a single operation was "
        f"answered after {hub['p50_ms']:.1f} ms (half of them) and {hub['p99_ms']:.1f} ms (99 %); "
        f"by the bare handler after {bare['p50_ms']:.1f} and {bare['p99_ms']:.1f} ms.",
        f"The hub answered {counts['messages']:,} messages: {counts['booked']:,} operations booked, "
        f"{counts['refused']:,} refused; {counts['dropped']:,} messages had no proper answer. "
        f"The journal agrees; the signatures of {counts['answers_checked']} answers were checked.",
        f"PostgreSQL {settings['server_version']} at full durability (fsync, synchronous_commit, full_page_writes on). "
        f"The hub's processes ({settings['workers']}), database and load generator shared {machine['cores']} cores; "
        f"load before: {machine['load_before']}.",
        "Ratios carry over to other machines, absolute figures do not. The targets are aims, not a verdict.",
    ]
