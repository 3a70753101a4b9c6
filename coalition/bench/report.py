"""The outcome: a document for machines, and a table with plain words; ratios and targets, never pass or fail."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median
from typing import Any, Literal

import psutil
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from coalition.bench.figures import ratio_of_rounds
from coalition.bench.rounds import OPEN_LOOP_SHARE
from coalition.bench.run import Measured, Part
from coalition.bench.sizes import Sizes

VERSIONS_OF = ("coalition", "aiohttp", "asyncpg", "cryptography", "pydantic", "uvloop")


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is, in which unit, and which ratio is asked of it: that or more, or that or less."""

    id: str
    what: str
    unit: str
    against: str
    better: Literal["more", "less"]
    first_target: float
    goal: float


COPY = "COPY of the same journal rows, 500 a commit, one connection"
PEER = "postings/s in SQL alone: one a transaction, a row per partner, 8 connections"
BARE = "a bare handler that reads, verifies and signs"
BARE_READ = "a bare handler that verifies, reads one row by its key and signs"
SMALL_WINDOW = "a window with a tenth of the operations"
BEFORE = "the same hub after a tenth of the operations"

B1 = Target("B1", "even cards", "op/s", COPY, "more", 0.15, 0.40)
B1_ZIPF = Target("B1", "Zipf 1.1", "op/s", COPY, "more", 0.15, 0.40)
B2 = Target("B2", "even cards", "op/s", PEER, "more", 10, 20)
B4 = Target("B4", "close, calculate", "ms", SMALL_WINDOW, "less", 3, 1.3)
B5 = Target("B5", "balances", "reads/s", BARE_READ, "more", 0.5, 0.8)
B6 = Target("B6", "memory", "MB", BEFORE, "less", 1.3, 1.1)

# By figure, so that only what was measured is explained.
LEGEND = {
    "B1": f"B1: operations/s in signed messages of 500; beside it {COPY}.",
    "B2": f"B2: the same; beside it {PEER}.",
    "B3": f"B3: messages/s of a single operation; beside it {BARE}.",
    "B4": "B4: a window with {large:,} operations, closed and calculated ({large_cpu_ms:.0f} ms of CPU); beside it "
    "windows with {small:,} ({small_cpu_ms:.0f} ms).",
    "B5": f"B5: signed reads of a card's balance; beside it {BARE_READ}.",
    "B6": "B6: memory of a fresh hub after {after:,} operations; beside it after {small:,}.",
}


STAGES = {
    "verify": "verify: body digest, Ed25519",
    "parse": "parse: JSON, validation, limits",
    "digest": "digest: of each content",
    "load": "load: our side of loading",
    "decide": "decide: rules, results as text",
    "hash": "hash: leaves, Merkle frontier",
    "encode": "encode: our side of writing",
    "sign": "sign: the answer",
    "rest": "rest: HTTP, queues, COMMIT",
    "database": "database: its processes",
}


def build_document(
    measured: Measured, sizes: Sizes, *, quick: bool, load_before: float, duration_s: float
) -> dict[str, Any]:
    """Return everything that was measured, with what it was measured on."""
    return {
        "quick": quick,
        "duration_s": round(duration_s, 1),
        "figures": _figures(measured),
        "latency": _latency(measured),
        "profile": _profile(measured),
        "counts": measured.counts | {"answers_checked": measured.answers_checked},
        "raw": asdict(measured),
        "sizes": asdict(sizes),
        "settings": {"workers": sizes.workers, **measured.settings},
        "machine": _machine(load_before) | {"commit_ms": round(measured.commit_ms, 3)},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONS_OF}},
    }


def _figures(measured: Measured) -> list[dict[str, Any]]:
    figures = []
    if rounds := measured.clearing:
        figures += [
            _figure(target, [r[part] for r in rounds], [r[against] for r in rounds], "operations_per_s")
            for target, part, against in ((B1, "uniform", "copy"), (B1_ZIPF, "zipf", "copy"), (B2, "uniform", "peer"))
        ]
    for in_flight, pairs in measured.singles.items():
        target = Target("B3", f"{in_flight} in flight", "msg/s", BARE, "more", 0.50, 0.80)
        figures.append(_figure(target, [p["hub"] for p in pairs], [p["bare"] for p in pairs], "messages_per_s"))
    if windows := measured.windows:
        *small, large = windows
        figures.append(_figure(B4, [large] * len(small), small, "both_ms"))
    if reads := measured.reads:
        figures.append(_figure(B5, [r["hub"] for r in reads], [r["bare"] for r in reads], "messages_per_s"))
    if windows := measured.windows:
        figures.append(_figure(B6, windows[-1:], windows[:1], "memory_mb"))
    return figures


def _figure(target: Target, parts: Sequence[Part], against: Sequence[Part], value: str) -> dict[str, Any]:
    ratio = ratio_of_rounds([part[value] for part in parts], reference=[part[value] for part in against])
    return asdict(target) | asdict(ratio)


def _latency(measured: Measured) -> dict[str, dict[str, float]]:
    """Return the medians over the rounds, in milliseconds; nothing where it was not measured."""
    names = ("messages_per_s", "p50_ms", "p90_ms", "p99_ms")
    if not measured.open_loop:
        return {}
    return {
        server: {name: median(pair[server].get(name, 0.0) for pair in measured.open_loop) for name in names}
        for server in ("hub", "bare")
    }


def _profile(measured: Measured) -> list[dict[str, Any]]:
    """Return where the CPU of an operation goes, in microseconds, for large messages and for those of one."""
    if not measured.stages:
        return []
    rounds = ([r["uniform"] for r in measured.clearing], [pair["hub"] for pair in _most_in_flight(measured)])
    profiles = []
    for timed, parts in zip(measured.stages, rounds, strict=True):
        hub, database = (_cpu_us(parts, name) for name in ("hub", "postgres"))
        rest = hub - sum(timed["us"].values())
        profiles.append({"operations": timed["operations"], "us": {**timed["us"], "rest": rest, "database": database}})
    return profiles


def _most_in_flight(measured: Measured) -> list[dict[str, Part]]:
    return measured.singles[max(measured.singles)]


def _cpu_us(parts: Sequence[Part], process: str) -> float:
    each: list[float] = [part["cpu_s"][process] / (part["booked"] + part["refused"]) * 1e6 for part in parts]
    return median(each)


def _machine(load_before: float) -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_before": round(load_before, 2),
    }


def print_table(document: dict[str, Any], console: Console) -> None:
    """Print the figures for a person, and what they mean."""
    # Narrow enough for 80 columns.
    table = Table(title="Medians of the rounds", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("", ""):
        table.add_column(heading, no_wrap=True)
    for heading in ("hub", "beside it", "ratio", "rounds", "target", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in document["figures"]:
        sign = "" if figure["better"] == "more" else "< "
        table.add_row(
            figure["id"],
            f"{figure['what']}, {figure['unit']}",
            f"{figure['measured']:,.0f}",
            f"{figure['reference']:,.0f}",
            f"{figure['ratio']:.2f}",
            f"{figure['ratio_min']:.2f}-{figure['ratio_max']:.2f}",
            f"{sign}{figure['first_target']:g}",
            f"{sign}{figure['goal']:g}",
        )
    console.print(table)
    if document["profile"]:
        console.print(_profile_table(document["profile"]))
    for line in (*_legend(document), *_words(document)):
        console.print(line, highlight=False)


def _profile_table(profiles: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="CPU of one operation, µs", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for profile in profiles:
        table.add_column(f"messages of {profile['operations']}", justify="right", no_wrap=True)
        table.add_column("share", justify="right", no_wrap=True)
    totals = [sum(profile["us"].values()) for profile in profiles]
    for stage, words in STAGES.items():
        cells = [
            cell
            for profile, total in zip(profiles, totals, strict=True)
            for cell in (f"{profile['us'][stage]:,.1f}", f"{profile['us'][stage] / total:.0%}")
        ]
        table.add_row(words, *cells)
    return table


def _legend(document: dict[str, Any]) -> list[str]:
    sizes = {}
    if windows := document["raw"]["windows"]:
        *small, large = windows
        sizes = {"small": small[0]["operations"], "large": large["operations"]}
        sizes |= {"small_cpu_ms": median(map(_close_cpu_ms, small)), "large_cpu_ms": _close_cpu_ms(large)}
        sizes |= {"after": sum(window["operations"] for window in windows)}
    told = {figure["id"] for figure in document["figures"]}
    return [text.format(**sizes) for figure, text in LEGEND.items() if figure in told]


def _close_cpu_ms(window: Part) -> float:
    cpu_s: dict[str, float] = window["cpu_s"]
    return (cpu_s["bench"] + cpu_s["postgres"]) * 1000


def _words(document: dict[str, Any]) -> list[str]:
    counts, machine, settings = document["counts"], document["machine"], document["settings"]
    return [
        *_latency_words(document["latency"]),
        f"The hub answered {counts['messages']:,} requests: {counts['booked']:,} operations booked, "
        f"{counts['refused']:,} refused; {counts['dropped']:,} had no proper answer. "
        f"The journal agrees; the signatures of {counts['answers_checked']} answers were checked.",
        f"PostgreSQL {settings['server_version']} at full durability (fsync, synchronous_commit, full_page_writes on). "
        f"The hub's processes ({settings['workers']}), database and load generator shared {machine['cores']} cores; "
        f"load before: {machine['load_before']}. A commit alone took {machine['commit_ms']:.2f} ms"
        + (f", {added_ms:g} of them added." if (added_ms := document["sizes"]["confirm_ms"]) else "."),
        "Ratios carry over to other machines, absolute figures do not. The targets are aims, not a verdict.",
    ]


def _latency_words(latency: dict[str, dict[str, float]]) -> list[str]:
    if not latency:
        return []
    hub, bare = latency["hub"], latency["bare"]
    return [
        f"At {OPEN_LOOP_SHARE:.0%} of its rate, {hub['messages_per_s']:,.0f} messages/s, a single operation was "
        f"answered after {hub['p50_ms']:.1f} ms (half of them) and {hub['p99_ms']:.1f} ms (99 %); "
        f"by the bare handler after {bare['p50_ms']:.1f} and {bare['p99_ms']:.1f} ms."
    ]
