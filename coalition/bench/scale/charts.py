"""The plan as drawings: cores by load, disk by years, latency by load as predicted and as measured."""

from collections.abc import Mapping, Sequence

from coalition.bench.scale.comparison import Compared
from coalition.bench.scale.drawing import Axis, Line, draw_lines
from coalition.bench.scale.figures import Figures, FiguresError
from coalition.bench.scale.plan import plan_of
from coalition.bench.scale.programme import Machines, Programme

FACTORS = (1, 2, 5, 10, 20, 50, 100)
YEARS = range(6)


def charts_of(
    programme: Programme, machines: Machines, figures: Figures, compared: Sequence[Compared]
) -> Mapping[str, bytes]:
    """Return each drawing by its file's name."""
    return {
        "machines.svg": _machines(programme, machines, figures),
        "disk.svg": _disk(programme, machines, figures),
        "latency.svg": _latency(compared),
    }


def _machines(programme: Programme, machines: Machines, figures: Figures) -> bytes:
    plans = [plan_of(programme.times(factor), machines, figures) for factor in FACTORS]
    peaks = [plan.demand.peak_operations_per_s for plan in plans]
    hub = [plan.clearing.hub_cores for plan in plans]
    postgres = [plan.clearing.postgres_cores for plan in plans]
    return draw_lines(
        "Cores busy in the busiest second, from 1 to 100 times Payback's size",
        Axis("operations a second", is_logarithmic=True),
        Axis("cores", is_logarithmic=True),
        [
            Line("hub", list(zip(peaks, hub, strict=True)), 0),
            Line("PostgreSQL", list(zip(peaks, postgres, strict=True)), 1),
        ],
    )


def _disk(programme: Programme, machines: Machines, figures: Figures) -> bytes:
    storage = plan_of(programme, machines, figures).storage

    def sizes(*, archived: bool) -> list[tuple[float, float]]:
        return [(year, storage.after(year, archived=archived) / 1e12) for year in YEARS]

    return draw_lines(
        "The database of Payback's size (1 x)",
        Axis("years"),
        Axis("TB"),
        [
            Line("nothing archived", sizes(archived=False), 1),
            Line("windows archived after 410 days", sizes(archived=True), 0),
        ],
    )


def _latency(compared: Sequence[Compared]) -> bytes:
    loads = sorted((one for one in compared if "offered_per_s" in one.run), key=lambda one: one.run["offered_per_s"])
    if not loads:
        raise FiguresError("no load was answered in full: measure again when the machine is calmer")

    def by_load(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(one.run["offered_per_s"], value) for one, value in zip(loads, values, strict=True)]

    return draw_lines(
        "Messages of one operation: how long until they are answered",
        Axis("messages a second offered"),
        Axis("ms", is_logarithmic=True),
        [
            Line("half, measured", by_load([one.p50_ms for one in loads]), 0),
            Line("half, predicted", by_load([one.predicted_p50_ms for one in loads]), 0, is_dashed=True),
            Line("99 %, measured", by_load([one.p99_ms for one in loads]), 1),
            Line("99 %, predicted", by_load([one.predicted_p99_ms for one in loads]), 1, is_dashed=True),
        ],
    )
