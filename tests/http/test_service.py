"""What operators watch: health, readiness, figures for Prometheus."""

from aiohttp.test_utils import TestClient, TestServer

from coalition.http.metrics import build_metrics_app, registry
from tests.http.conftest import RunningHub
from tests.shop import Shop


async def test_health_and_readiness_are_told(hub: RunningHub) -> None:
    async with hub.session.get(f"http://{hub.authority}/healthz") as healthy:
        assert (healthy.status, await healthy.json()) == (200, {"status": "ok"})
    async with hub.session.get(f"http://{hub.authority}/readyz") as ready:
        assert (ready.status, await ready.json()) == (200, {"status": "ok"})


async def test_what_is_open_answers_head_too_and_names_no_version(hub: RunningHub) -> None:
    for path in ("/healthz", "/readyz", "/v1/keys", "/openapi.json"):
        async with hub.session.get(f"http://{hub.authority}{path}") as full:
            length = len(await full.read())
        async with hub.session.head(f"http://{hub.authority}{path}") as head:
            assert (head.status, await head.read()) == (200, b"")
            assert head.headers["Content-Length"] == str(length)
        assert "Server" not in head.headers
        assert "Server" not in full.headers
    async with hub.session.head(f"http://{hub.authority}/v1/messages") as refused:
        assert refused.status == 405


async def test_no_cache_on_the_way_keeps_what_a_partner_is_told(hub: RunningHub) -> None:
    """It would not see the signature, and give the answer to whoever asks next."""
    shop, card = await hub.shop(), await hub.card()
    answers = [
        await shop.get(f"/v1/cards/{card}"),
        await shop.get("/v1/cards/1"),
        await shop.send(shop.operation("earn", card, points=1)),
    ]
    stranger = Shop(hub.session, hub.authority)
    answers.append(await stranger.get(f"/v1/cards/{card}"))
    assert [(answer.status, answer.headers["Cache-Control"]) for answer in answers] == [
        (status, "no-store") for status in (200, 422, 200, 401)
    ]


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
