"""Figures for Prometheus, on an address of their own.

A worker of many keeps its figures in files of its own in a folder that all workers share, and the page sums them up
(prometheus_client's multi-process mode; the environment variable FOLDER_VARIABLE, set before the process starts, turns
it on). What an ended worker has counted stays counted: see `fold_ended`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
KINDS_THAT_ADD_UP = ("counter", "histogram")

registry = CollectorRegistry()

requests_total = Counter(
    "coalition_requests", "Verified requests of partners, by answered status.", ["status"], registry=registry
)
turned_away_total = Counter(
    "coalition_turned_away", "Requests refused unread, because too much waits already.", registry=registry
)
unverified_total = Counter(
    "coalition_unverified",
    "Requests of partners refused before it was known whose they are, by code.",
    ["code"],
    registry=registry,
)
operations_total = Counter("coalition_operations", "Operations answered, by verdict.", ["verdict"], registry=registry)
request_seconds = Histogram(
    "coalition_request_seconds",
    "From the verified request of a partner to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=registry,
)
waiting_operations = Gauge(
    "coalition_waiting_operations",
    "Operations accepted and not yet answered.",
    registry=registry,
    multiprocess_mode="livesum",
)


def build_metrics_app(shown: CollectorRegistry) -> web.Application:
    """Return the application that answers GET /metrics."""

    async def get_metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(shown), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", get_metrics)
    return app


def registry_of_workers(folder: Path) -> CollectorRegistry:
    """Return what sums up the figures of all workers that keep theirs in this folder."""
    summed = CollectorRegistry()
    summed.register(FiguresOfWorkers(folder))
    return summed


class FiguresOfWorkers(Collector):
    """The sums over all files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        # A worker that starts just now has made its file and put nothing in; the library's own collector fails then.
        files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
        summed: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return summed


def fold_ended(folder: Path, pid: int) -> None:
    """Add what an ended worker has counted to the counts of those that ended before, and drop its gauges.

    One file of each kind for all of them: the folder does not grow with every reload."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    # Its own types are missing.
    file_of: Any = MmapedDict
    for kind in KINDS_THAT_ADD_UP:
        own = folder / f"{kind}_{pid}.db"
        if not own.exists():
            continue
        ended = file_of(str(folder / f"{kind}_ended.db"))
        for key, value, _, _ in file_of.read_all_values_from_file(str(own)):
            ended.write_value(key, ended.read_value(key)[0] + value, 0.0)
        ended.close()
        own.unlink()


def count_results(results: Sequence[str]) -> None:
    """Count operations by the verdict in their results."""
    booked = sum('"verdict":"booked"' in result for result in results)
    operations_total.labels("booked").inc(booked)
    operations_total.labels("refused").inc(len(results) - booked)
