"""What one of everything was measured to cost: the only figures that the plan is made of.

    measured.json --figures_of--> Figures --with_benchmark(bench --json)--> Figures of that machine

CPU is in microseconds, sizes are in bytes, of tables with all their indexes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from coalition.bench.scale.fit import fit_parts
from coalition.errors import CoalitionError

MEASURED = Path(__file__).with_name("measured.json")

# Its single messages wait in so many lanes: what waits in one is a batch.
LANES_OF_THE_BENCHMARK = 4

Run = Mapping[str, Any]

# They leave the database with their windows, but for their records' packed form. The others stay; lots and their uses
# until all that took from them has left as well, so within three years hardly any do.
ARCHIVED_TABLES = ("journal", "message")


class FiguresError(CoalitionError):
    """A file of measurements can't be used: something that the plan needs is missing."""

    code = "figures"


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of one operation, one message and one batch, in microseconds."""

    operation_us: float
    message_us: float
    batch_us: float

    def per_operation_us(self, *, operations_per_message: float, operations_per_batch: float) -> float:
        """Return the CPU of an operation with its shares of a message and a batch."""
        return self.operation_us + self.message_us / operations_per_message + self.batch_us / operations_per_batch


@dataclass(frozen=True, slots=True)
class Each:
    """CPU of one of something in the hub and in PostgreSQL, in microseconds."""

    hub_us: float
    postgres_us: float


@dataclass(frozen=True, slots=True)
class Bill:
    """What the end of a window costs, hub and PostgreSQL together, in microseconds: the close by lane; the calculation
    by partner, by row of `window_total` and of `lot_total` that is added up, and by cell of the matrix of payers and
    redeemers, which takes `calculate_cell_bytes` of memory, too; the documents by partner."""

    close_lane_us: float
    calculate_partner_us: float
    calculate_total_row_us: float
    calculate_lot_row_us: float
    calculate_cell_us: float
    calculate_cell_bytes: float
    documents_partner_us: float


@dataclass(frozen=True, slots=True)
class Figures:
    """See the module.

    `wait_us`: what a lane waited for round trips and its commit, beside all CPU. `held_share`: the part of the hub's
    CPU of an operation during which its lane is locked. `probe_us`: PostgreSQL's CPU of looking a message's ids up in
    one lane more, without an index over all lanes. `packed_bytes`: what stays of a record that is archived."""

    hub: Cost
    postgres: Cost
    wait_us: float
    held_share: float
    lot_use: Each
    lot_row_us: float
    lot_row_bytes: float
    card_look_up: Each
    expiry: Each
    check_record: Each
    probe_us: float
    bill: Bill
    operation_bytes: Mapping[str, float]
    packed_bytes: float
    message_bytes: float
    lot_use_bytes: float
    account_bytes: float
    wal_operation_bytes: float
    wal_message_bytes: float
    wal_lot_bytes: float
    request_bytes: float
    request_message_bytes: float


def load_figures(measured: Path = MEASURED, bench: Path | None = None) -> Figures:
    """Read what was measured, and correct it by a benchmark's document, if one is given.

    Raises FiguresError that names the file and what it lacks."""
    figures = _read(measured, figures_of)
    return figures if bench is None else _read(bench, lambda document: with_benchmark(figures, document))


def _read(path: Path, make: Any) -> Figures:
    try:
        figures: Figures = make(json.loads(path.read_text()))
        return figures
    except (OSError, ValueError) as error:
        raise FiguresError(f"{path}: {error}") from error
    except (KeyError, TypeError, IndexError) as error:
        raise FiguresError(f"{path}: expected what `coalition scale measure` writes; {error} is missing") from error


def figures_of(measured: Mapping[str, Any]) -> Figures:
    """Return the figures that measurements give."""
    path, bill = measured["write_path"], measured["bill"]
    bundled, single, burns = path["bundled"], path["single"], path["burns"]
    hub, postgres = cost_of(measured["runs"], "hub_cpu_s"), cost_of(measured["runs"], "postgres_cpu_s")
    # What the message itself takes is the same for one operation as for 500.
    message_bytes, body_bytes = _line(bundled, single, single["tables"]["message"], bundled["tables"]["message"])
    tables = {
        name: size / bundled["operations"] for name, size in bundled["tables"].items() if name not in ("message",)
    }
    wal_message, wal_operation = _line(bundled, single, _wal(single), _wal(bundled))
    request_message, request_operation = _line(bundled, single, single["body_bytes"], bundled["body_bytes"])
    return Figures(
        hub=hub,
        postgres=postgres,
        wait_us=_wait_us(path["alone"]),
        held_share=measured["held_share"],
        lot_use=_lot_use(burns, bundled),
        lot_row_us=measured["lot_rows"]["postgres_cpu_s"] / measured["lot_rows"]["rows"] * 1e6,
        lot_row_bytes=measured["lot_rows"]["bytes"] / measured["lot_rows"]["rows"],
        card_look_up=_each(path["cards"], "cards"),
        expiry=_each(path["expiry"], "expiries"),
        check_record=_each(path["check"], "records"),
        probe_us=_probe_us(measured["probes"]),
        bill=Bill(**{part.name: bill[part.name] for part in fields(Bill)}),
        operation_bytes=tables | {"message": body_bytes},
        packed_bytes=path["packed"]["bytes"] / path["packed"]["records"],
        message_bytes=message_bytes,
        # Its row in `lot_use`, and what new versions of the lots' rows leave behind.
        lot_use_bytes=(burns["tables"]["lot_use"] + burns["tables"].get("lot", 0)) / burns["lots"],
        account_bytes=path["account_bytes"],
        wal_operation_bytes=wal_operation,
        wal_message_bytes=wal_message,
        wal_lot_bytes=max(_wal(burns) - burns["operations"] * wal_operation, 0.0) / burns["lots"],
        request_bytes=request_operation,
        request_message_bytes=request_message,
    )


def cost_of(runs: Sequence[Run], used: str) -> Cost:
    """Return what an operation, a message and a batch use, from runs of different shapes."""
    rows = [(run["operations"], run["messages"], run["batches"]) for run in runs]
    costs = fit_parts(rows, [run[used] for run in runs])
    return Cost(*(cost * 1e6 for cost in costs))


def with_benchmark(figures: Figures, bench: Mapping[str, Any]) -> Figures:
    """Correct the CPU of operations by a benchmark's messages of 500, that of messages by its messages of one.

    Everything else a benchmark does not tell apart."""
    raw = bench["raw"]
    many = [round["uniform"] for round in raw["clearing"]]
    in_flight = max(raw["singles"], key=int)
    singles = [pair["hub"] for pair in raw["singles"][in_flight]]
    per_batch = int(in_flight) / LANES_OF_THE_BENCHMARK
    return replace(
        figures,
        hub=_corrected(figures.hub, many, singles, "hub", per_batch=per_batch),
        postgres=_corrected(figures.postgres, many, singles, "postgres", per_batch=per_batch),
    )


def _corrected(cost: Cost, many: Sequence[Run], singles: Sequence[Run], process: str, *, per_batch: float) -> Cost:
    operations = bench_us(many, process)
    single_us = bench_us(singles, process)
    operations_per_message = many[0]["booked"] / many[0]["messages"]
    operation_us = cost.operation_us
    message_us = cost.message_us
    # Each corrects the other a little; a few rounds settle it.
    for _ in range(20):
        message_us = max(single_us - operation_us - cost.batch_us / per_batch, 0.0)
        shared_us = message_us / operations_per_message + cost.batch_us / operations_per_message
        operation_us = max(operations - shared_us, 0.0)
    return replace(cost, operation_us=operation_us, message_us=message_us)


def bench_us(parts: Sequence[Run], process: str) -> float:
    """Return the median CPU of an operation of some parts of a benchmark."""
    return float(median(part["cpu_s"][process] / (part["booked"] + part["refused"]) for part in parts)) * 1e6


def _each(run: Run, counted: str) -> Each:
    return Each(run["hub_cpu_s"] / run[counted] * 1e6, run["postgres_cpu_s"] / run[counted] * 1e6)


def _lot_use(burns: Run, bundled: Run) -> Each:
    """Return what each lot costs that a burn uses: what burns cost more than as many earns."""

    def more_us(used: str) -> float:
        alike = bundled[used] / bundled["operations"] * burns["operations"]
        return float(max(burns[used] - alike, 0.0) / burns["lots"]) * 1e6

    return Each(more_us("hub_cpu_s"), more_us("postgres_cpu_s"))


def _wait_us(alone: Run) -> float:
    """Return what a message that is alone waits beside all CPU and cores: for the disk, and to be woken."""
    spent_s = alone["hub_cpu_s"] + alone["postgres_cpu_s"] + alone["queued_s"]
    return float(max(alone["seconds"] - spent_s, 0.0) / alone["messages"]) * 1e6


def _probe_us(probes: Sequence[Run]) -> float:
    """Return PostgreSQL's CPU of looking a message's ids up in one lane more."""
    rows = [(run["look_ups"], run["look_ups"] * run["lanes"]) for run in probes]
    # A call takes more than nothing, even where the clock of the CPU says so.
    return fit_parts(rows, [max(run["postgres_cpu_s"], 0.001) for run in probes])[1] * 1e6


def _wal(run: Run) -> float:
    """Return the bytes of log without whole pages, which depend on checkpoints and are counted apart."""
    return float(run["wal_bytes"] - run["page_images"] * 8_192)


def _line(bundled: Run, single: Run, single_total: float, bundled_total: float) -> tuple[float, float]:
    """Return what a message takes, and what an operation in it."""
    message, operation = fit_parts(
        [(run["messages"], run["operations"]) for run in (bundled, single)], [bundled_total, single_total]
    )
    return message, operation
