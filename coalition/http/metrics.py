"""Figures for Prometheus, on an address of their own."""

from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from coalition.lanes.clearing import Clearing

registry = CollectorRegistry()

requests_total = Counter(
    "coalition_requests", "Verified requests of partners, by answered status.", ["status"], registry=registry
)
operations_total = Counter("coalition_operations", "Operations answered, by verdict.", ["verdict"], registry=registry)
request_seconds = Histogram(
    "coalition_request_seconds",
    "From the verified request of a partner to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=registry,
)
waiting_operations = Gauge(
    "coalition_waiting_operations", "Operations accepted and not yet answered.", registry=registry
)


def build_metrics_app(clearing: Clearing) -> web.Application:
    """Return the application that answers GET /metrics."""

    async def get_metrics(_: web.Request) -> web.Response:
        waiting_operations.set(clearing.waiting)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", get_metrics)
    return app


def count_results(results: Sequence[str]) -> None:
    """Count operations by the verdict in their results."""
    booked = sum('"verdict":"booked"' in result for result in results)
    operations_total.labels("booked").inc(booked)
    operations_total.labels("refused").inc(len(results) - booked)
