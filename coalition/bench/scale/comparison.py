"""The simulation beside the hub: the same messages at the same load, predicted and measured.

The machine is shared, also by the hub, the database and the load generator among themselves. The kernel counts how long
each of them could have run and waited for a core in that very run, and all of its CPU is taken to last longer by that:

    stretch of a process = (CPU + waiting for a core) / CPU

So the simulation itself has a core for everybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coalition.bench.scale.figures import Figures, FiguresError
from coalition.bench.scale.simulation import Model, Outcome, simulate_closed, simulate_open

Run = Mapping[str, Any]

# For everybody: who waited for one is told by the stretches.
CORES = 64
# Enough for a steady 99th percentile; beyond it only the simulation's time grows.
MESSAGES_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One run of the hub and what the simulation says of it. Rates are operations a second."""

    run: Run
    rate: float
    predicted_rate: float
    p50_ms: float
    predicted_p50_ms: float
    p99_ms: float
    predicted_p99_ms: float
    operations_per_batch: float
    predicted_operations_per_batch: float

    @property
    def rate_error(self) -> float:
        """Return by which share of the measured rate the prediction is off."""
        return self.predicted_rate / self.rate - 1

    @property
    def p50_error(self) -> float:
        return self.predicted_p50_ms / self.p50_ms - 1


def compare(runs: Sequence[Run], figures: Figures) -> list[Compared]:
    """Simulate each run: at the rate that was `offered_per_s`, or else as fast as messages were answered."""
    return [_compared(run, _simulated(run, model_of(figures, run))) for run in runs]


def compare_measured(measured: Mapping[str, Any], figures: Figures) -> list[Compared]:
    """Return the comparison for a file of measurements: of each kind of run the one in which others had least.

    Raises FiguresError where it lacks the runs."""
    try:
        calmest: dict[Any, Run] = {}
        for run in (*measured["runs"], *measured["loads"]):
            if run["dropped"]:
                # The simulation turns nobody away.
                continue
            per_message = run["operations"] // run["messages"]
            kind = (run["lanes"], per_message, run["in_flight"], run.get("offered_per_s"))
            if kind not in calmest or run["p99_ms"] < calmest[kind]["p99_ms"]:
                calmest[kind] = run
        return compare(list(calmest.values()), figures)
    except (KeyError, TypeError) as error:
        raise FiguresError(f"the measurements lack {error}") from error


def model_of(figures: Figures, run: Run) -> Model:
    """Return the model of one run; its costs are those of all runs, its stretches its own."""
    hub, postgres = stretch_of(run, "hub") / 1e6, stretch_of(run, "postgres") / 1e6
    per_message = run["operations"] // run["messages"]
    # All of an operation's CPU in the hub counts, wherever it is spent: its share outside the lane is the message's.
    outside_us = figures.hub.operation_us * (1 - figures.held_share) * per_message
    return Model(
        lanes=run["lanes"],
        processes=1,
        cores=CORES,
        message_s=(figures.hub.message_us + outside_us) * hub,
        batch_hub_s=figures.hub.batch_us * hub,
        operation_hub_s=figures.hub.operation_us * figures.held_share * hub,
        batch_postgres_s=figures.postgres.batch_us * postgres,
        operation_postgres_s=(figures.postgres.operation_us + figures.postgres.message_us / per_message) * postgres,
        wait_s=figures.wait_us / 1e6,
        generator_s=run["generator_cpu_s"] / run["messages"] * stretch_of(run, "generator"),
        operations_per_message=per_message,
    )


def stretch_of(run: Run, process: str) -> float:
    """Return how much longer a process's CPU lasted because it waited for a core; CPU below 10 ms is told as none."""
    cpu_s = run[f"{process}_cpu_s"]
    return float(1 + run[f"{process}_queued_s"] / cpu_s) if cpu_s else 1.0


def _simulated(run: Run, model: Model) -> Outcome:
    messages = min(run["messages"], MESSAGES_MAX)
    if "offered_per_s" in run:
        return simulate_open(model, messages_per_s=run["offered_per_s"], messages=messages)
    return simulate_closed(model, in_flight=run["in_flight"], messages=messages)


def _compared(run: Run, outcome: Outcome) -> Compared:
    return Compared(
        run=run,
        rate=run["operations"] / run["seconds"],
        predicted_rate=outcome.operations_per_s,
        p50_ms=run["p50_ms"],
        predicted_p50_ms=outcome.latency_s(0.5) * 1000,
        p99_ms=run["p99_ms"],
        predicted_p99_ms=outcome.latency_s(0.99) * 1000,
        operations_per_batch=run["operations"] / run["batches"],
        predicted_operations_per_batch=outcome.operations_per_batch,
    )
