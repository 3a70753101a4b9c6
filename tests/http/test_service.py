"""What operators watch: health, readiness, figures for Prometheus."""

from aiohttp.test_utils import TestClient, TestServer

from coalition.http.metrics import build_metrics_app, registry
from tests.http.conftest import RunningHub


async def test_health_and_readiness_are_told(hub: RunningHub) -> None:
    async with hub.session.get(f"http://{hub.authority}/healthz") as healthy:
        assert (healthy.status, await healthy.json()) == (200, {"status": "ok"})
    async with hub.session.get(f"http://{hub.authority}/readyz") as ready:
        assert (ready.status, await ready.json()) == (200, {"status": "ok"})


async def test_operations_are_counted_by_verdict(hub: RunningHub) -> None:
    """The figures move with what partners send."""
    async with TestClient(TestServer(build_metrics_app(registry))) as client:
        before = await _figure(client, 'coalition_operations_total{verdict="refused"}')
        shop, card = await hub.shop(), await hub.card()
        await shop.burn(card, 5)
        after = await _figure(client, 'coalition_operations_total{verdict="refused"}')
    assert after == before + 1


async def _figure(client: TestClient, name: str) -> float:  # type: ignore[type-arg]
    text = await (await client.get("/metrics")).text()
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)), 0.0)
