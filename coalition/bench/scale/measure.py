"""All that the plan needs, measured on this machine, one after the other; the outcome is the file `measured.json`."""

import asyncio
import gc
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coalition.bench.scale.bill import measure_bill
from coalition.bench.scale.many_lanes import measure_close, measure_lot_rows, measure_probes
from coalition.bench.scale.through_http import measure_messages
from coalition.bench.scale.write_path import (
    LOTS_PER_BURN,
    WritePath,
    count,
    measure_alone,
    measure_burns,
    measure_cards,
    measure_check,
    measure_expiry,
    measure_packed,
    measure_shape,
    open_write_path,
)

Figures = dict[str, Any]
Progress = Callable[[str], None]

MEMBERS = 10_000
BURNING = 1_000
MANY_LANES = 256
# The part of the hub's CPU of an operation that is spent while its lane is locked: load, decide, write, commit. From
# the profile in docs/benchmark.md.
HELD_SHARE = 0.56
ACCOUNT_TABLES = ("account", "card", "member")
ANALYZE = "ANALYZE"


async def measure_scale(progress: Progress) -> Figures:
    """Return the document that `Figures` are read from."""
    progress("messages through HTTP")
    runs, loads = await measure_messages()
    progress("rows, batches, lots, cards")
    with _folder() as folder:
        write_path = await _measure_write_path(folder, progress)
    progress("many lanes")
    with _folder() as folder:
        probes, close_lane_us, lot_rows = await _measure_lanes(folder)
    progress("a window's documents")
    with _folder() as folder:
        bill = {"close_lane_us": round(close_lane_us)} | await measure_bill(folder)
    return {
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)},
        "held_share": HELD_SHARE,
        "runs": runs,
        "loads": loads,
        "write_path": write_path,
        "probes": probes,
        "lot_rows": lot_rows,
        "bill": bill,
    }


@contextmanager
def _folder() -> Iterator[Path]:
    # The database's own user must be able to pass through it.
    folder = Path(tempfile.mkdtemp(prefix="coalition-scale-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure_write_path(folder: Path, progress: Progress) -> Figures:
    async with open_write_path(folder, members=MEMBERS) as path:
        # As the hub does: what lives long is not looked through for cycles.
        gc.freeze()
        gc.disable()
        try:
            return await _measure_all(path, progress)
        finally:
            gc.enable()


async def _measure_all(path: WritePath, progress: Progress) -> Figures:
    sizes = (await count(path)).sizes
    await measure_shape(path, messages=10, operations=500, in_flight=1)
    bundled = await measure_shape(path, messages=80, operations=500, in_flight=1)
    single = await measure_shape(path, messages=2_000, operations=1, in_flight=64)
    alone = await measure_alone(path, messages=500)
    # Small earns only, so many for each: a burn of all that a card has uses as many lots.
    burning = path.cards[:BURNING]
    path.cards = burning
    await measure_shape(path, messages=BURNING * LOTS_PER_BURN // 500, operations=500, in_flight=1)
    burns = await measure_burns(path, burning, operations=500)
    path.cards = await _all_cards(path)
    progress("look-ups")
    cards = await measure_cards(path, at_once=5, look_ups=200)
    await path.pool.execute(ANALYZE)
    progress("everything checked")
    packed = await measure_packed(path)
    check = await measure_check(path)
    progress("everything expired")
    expiry = await measure_expiry(path)
    return {
        "bundled": bundled,
        "single": single,
        "burns": burns,
        "alone": alone,
        "cards": cards,
        "packed": packed,
        "check": check,
        "expiry": expiry,
        "account_bytes": round(sum(sizes[table] for table in ACCOUNT_TABLES) / MEMBERS),
    }


async def _measure_lanes(folder: Path) -> tuple[list[Figures], float, Figures]:
    """Return what looking ids up in many lanes costs, closing one, and rows of `lot_total`."""
    async with open_write_path(folder, members=MANY_LANES * 10, lanes=MANY_LANES) as path:
        await path.send([path.message(path.earns(1_000)) for _ in range(20)], in_flight=4)
        probes, close_lane_us = await measure_probes(path, ids=500), await measure_close(path, lanes=MANY_LANES)
        # Last: it writes what no batch did.
        return probes, close_lane_us, await measure_lot_rows(path)


async def _all_cards(path: WritePath) -> list[str]:
    return [row["card"] for row in await path.pool.fetch("SELECT card FROM card ORDER BY card")]


def run_measurements(progress: Progress) -> Figures:
    """Measure everything on an event loop like the hub's."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure_scale(progress))
