"""The SDK's calls for one card at the same time, against a real hub."""

import asyncio
from pathlib import Path

from coalition.http.metrics import operations_total
from partner_sdk import Coalition
from tests.http.conftest import RunningHub


def answered() -> float:
    return sum(
        sample.value
        for metric in operations_total.collect()
        for sample in metric.samples
        if sample.name[-6:] == "_total"
    )


async def test_many_earns_of_one_card_cost_the_hub_each_operation_about_once(hub: RunningHub, tmp_path: Path) -> None:
    """A till system with fifty calls in flight for one card, one of them cancelled: all is booked, each once."""
    shop, card = await hub.shop(), await hub.card()
    before = answered()
    async with Coalition(f"http://{hub.authority}", shop.private_key, outbox=tmp_path / "outbox.sqlite") as till:
        calls = [asyncio.create_task(till.earn(card=card, points=points)) for points in range(1, 51)]
        await asyncio.sleep(0)
        calls[25].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results.pop(25), asyncio.CancelledError)
        assert (await till.flush()).answered == 0
        assert (await till.balance(card)).balance == sum(range(1, 51))
    assert [result.points for result in results if not isinstance(result, BaseException)] == [
        points for points in range(1, 51) if points != 26
    ]
    assert answered() - before == 50
