"""`coalition check` finds what is broken: each rule is broken once, by hand, and named."""

import pytest

from coalition.errors import NotFoundError
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import CheckReport, check_sums
from tests.http.conftest import RunningHub, now


async def history(hub: RunningHub) -> None:
    """Two windows with earns, burns, reversals, refusals, a debt."""
    shop, other, cards = await hub.shop("Shop"), await hub.shop("Other"), await hub.cards(8)
    for card in cards:
        earned = await shop.earn(card, 100)
        burned = await other.burn(card, 60)
        await other.burn(card, 1_000)
        await other.reverse(card, burned["id"], points=20)
        await close_window(hub.pool, clock=now, actor="test") if card == cards[4] else None
        await shop.reverse(card, earned["id"], points=90)


async def test_closing_a_window_by_its_number_may_be_repeated(hub: RunningHub) -> None:
    """A close whose outcome was not heard of is sent again, and closes no other window."""
    closed = [await close_window(hub.pool, clock=now, actor="test", expected=1) for _ in range(2)]
    assert closed == [1, 1]
    assert await hub.pool.fetchval("SELECT min(window_no) FROM clearing_window WHERE state = 'OPEN'") == 2
    with pytest.raises(NotFoundError):
        await close_window(hub.pool, clock=now, actor="test", expected=3)


async def test_an_honest_history_holds(hub: RunningHub) -> None:
    await history(hub)
    report = await check_sums(hub.pool)
    assert report.holds, report
    assert report.records == 8 * 5 + 4
    assert report.outstanding == 8 * -30


SECOND_LANE = """
INSERT INTO operation SELECT 3, partner, operation_id, content, leaf FROM operation WHERE lane = 0 LIMIT 1
"""
NO_EVIDENCE = "DELETE FROM message WHERE digest = (SELECT message FROM journal WHERE lane = 0 AND leaf = 0)"
OTHER_BALANCE = """
UPDATE journal SET result = replace(result, '"balance":100', '"balance":900') WHERE lane = 0 AND leaf = 0
"""
OTHER_FRONTIER = "UPDATE lane SET frontier = set_byte(frontier, 0, 255 - get_byte(frontier, 0)) WHERE lane = 3"


@pytest.mark.parametrize(
    ("tampering", "rule"),
    [
        ("UPDATE account SET balance = balance + 1, debt = debt + 1 WHERE account = 1", "sum of all balances"),
        ("UPDATE lane SET outstanding = outstanding + 1 WHERE lane = 0", "sum of all balances"),
        ("UPDATE account SET debt = debt + 1 WHERE account = 1", "balance = lots - debt"),
        ("UPDATE lot SET remaining = remaining + 1 WHERE lot.account = 1", "lots = made - taken"),
        ("UPDATE lot_use SET restored = restored + 1 WHERE lane = 0", "expiries = their lots"),
        ("UPDATE lot_restoration SET points = points + 1 WHERE lane = 0", "brought back to which lots"),
        ("UPDATE window_total SET points = points + 1 WHERE lane = 0 AND kind = 'issued'", "one statement line"),
        ("UPDATE lane_window SET outstanding = outstanding + 1 WHERE lane = 1", "growth of outstanding"),
        ("DROP INDEX operation_id_in_one_lane; " + SECOND_LANE, "each operation in one lane"),
        (NO_EVIDENCE, "signed message"),
        (OTHER_BALANCE, "hashes of lane 0"),
        ("UPDATE journal SET message_index = 1 WHERE lane = 2 AND leaf = 0", "hashes of lane 2"),
        ("UPDATE journal SET points = points + 1 WHERE lane = 0 AND leaf = 0", "hashes of lane 0"),
        (OTHER_FRONTIER, "hashes of lane 3"),
        ("UPDATE message SET body = body || ' '", "messages are as their partners signed them"),
        ("UPDATE message SET target = target || '?x'", "messages are as their partners signed them"),
    ],
)
async def test_tampering_is_found_and_named(hub: RunningHub, tampering: str, rule: str) -> None:
    await history(hub)
    assert await hub.pool.execute(tampering) not in ("UPDATE 0", "DELETE 0", "INSERT 0 0")

    report = await check_sums(hub.pool)

    assert not report.holds
    assert rule in broken_rules(report)


def broken_rules(report: CheckReport) -> str:
    return "; ".join(finding.rule for finding in report.findings if finding.broken)
