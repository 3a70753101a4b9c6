"""A returned sale whose points are gone: the member owes them, or by its terms the issuer bears it."""

from coalition.operations.check_sums import check_sums
from tests.http.conftest import RunningHub


async def test_the_issuer_may_bear_what_is_gone(hub: RunningHub) -> None:
    """What is there is taken, the rest stays issued: no debt, and it may be returned once there are points again."""
    shop, card = await hub.shop(), await hub.card()
    await hub.pool.execute("UPDATE terms SET return_loss = 'issuer'")
    await hub.clearing.registry.load()
    earned = await shop.earn(card, 100)
    await shop.burn(card, 70)

    part = await shop.reverse(card, earned["id"], points=90)
    nothing = await shop.reverse(card, earned["id"])
    await shop.earn(card, 25)
    later = await shop.reverse(card, earned["id"])

    assert (part["verdict"], part["points"], part["uncovered"], part["balance"]) == ("booked", 30, 60, 0)
    assert (nothing["code"], nothing["left"]) == ("points_spent", 70)
    assert (later["points"], later["uncovered"], later["balance"]) == (25, 45, 0)
    totals = await hub.pool.fetch("SELECT kind, sum(points)::int AS points FROM window_total GROUP BY kind")
    assert {row["kind"]: row["points"] for row in totals} == {"issued": 125, "issue_reversed": 55, "redeemed": 70}
    assert await hub.pool.fetchval("SELECT sum(debt) FROM account") == 0
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []
