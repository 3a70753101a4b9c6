"""Joint promotions over HTTP: several payers of one earn, budgets that are never passed and always reached."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
import typer
from click.testing import Result
from typer.testing import CliRunner

from coalition.cli.partner import partner_app
from coalition.cli.promotion import promotion_app
from coalition.errors import AlreadyThereError, NotFoundError, SettingError
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_promotion import NewPromotion, add_promotion, end_promotion
from settlement.operations.calculate_window import calculate_window
from settlement.operations.report_window import report_window
from tests.http.conftest import RunningHub, now
from tests.shop import Shop

app = typer.Typer()
app.add_typer(promotion_app, name="promotion")
app.add_typer(partner_app, name="partner")

Call = Callable[..., Awaitable[Result]]


async def promote(hub: RunningHub, *payers: tuple[str, int], **changes: Any) -> str:
    """Define a promotion that runs now, and wait until the hub has heard of it; return its name."""
    fields: dict[str, Any] = {
        "name": "double-points",
        "payers": payers,
        "starts_at": now() - timedelta(days=1),
        "ends_at": now() + timedelta(days=1),
        "budget": 1_000_000,
        **changes,
    }
    number = await add_promotion(hub.pool, NewPromotion(**fields), now=now(), actor="test")
    async with asyncio.timeout(20):
        while str(number) not in hub.clearing.registry.promotions:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return str(fields["name"])


async def three_shops(hub: RunningHub) -> list[Shop]:
    return [await hub.shop(name) for name in ("Bakery", "Garage", "Cinema")]


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def billed(hub: RunningHub) -> dict[tuple[str, str], int]:
    """Return the points on each partner's statement lines by kind."""
    rows = await hub.pool.fetch(
        """SELECT name, kind, sum(points)::bigint AS points FROM window_total JOIN partner USING (partner)
        GROUP BY name, kind"""
    )
    return {(row["name"], row["kind"]): row["points"] for row in rows}


async def test_each_payer_is_billed_its_share_and_has_a_lot_of_its_own(hub: RunningHub) -> None:
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Bakery", 50), ("Garage", 30), ("Cinema", 20))

    earned = await bakery.earn(card, 101, promotion=promotion)

    assert (earned["verdict"], earned["points"], earned["balance"]) == ("booked", 101, 101)
    issued = {("Bakery", "issued"): 51, ("Garage", "issued"): 30, ("Cinema", "issued"): 20}
    assert await billed(hub) == issued
    lots = await hub.pool.fetch("SELECT part, issuer, payer, points FROM lot ORDER BY part")
    issuer = lots[0]["issuer"]
    assert [tuple(lot.values()) for lot in lots] == [
        (0, issuer, issuer, 51),
        (1, issuer, issuer + 1, 30),
        (2, issuer, issuer + 2, 20),
    ]
    await assert_sums_hold(hub)


async def test_partial_returns_undo_the_shares_in_proportion_and_add_up(hub: RunningHub) -> None:
    """Each payer gets back its part of each return to the point, and in the end exactly what it was billed."""
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1))
    vat = [{"rate": "19", "points": 61}, {"rate": "7", "points": 40}]
    earned = await bakery.earn(card, 101, vat=vat, promotion=promotion)
    issued = {name: points for (name, _), points in (await billed(hub)).items()}
    assert sorted(issued.values()) == [50, 51]

    undone = []
    for points in (50, 1, 49, None):
        assert (await bakery.reverse(card, earned["id"], points=points))["verdict"] == "booked"
        undone.append({name: points for (name, kind), points in (await billed(hub)).items() if kind != "issued"})

    assert undone[0] == {"Bakery": 25, "Garage": 25}
    for before, after in pairwise(undone):
        assert all(before[name] <= after[name] for name in before)
    assert undone[-1] == issued
    assert await hub.pool.fetchval("SELECT sum(used) FROM promotion_allowance") == 0
    await assert_sums_hold(hub)


async def test_what_is_earned_and_returned_in_one_message_is_billed_alike(hub: RunningHub) -> None:
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Garage", 2), ("Cinema", 1), issuers=("Bakery",))
    earn = bakery.operation("earn", card, points=9, promotion=promotion)
    await bakery.send(earn, bakery.operation("reverse", card, operation_id=earn["id"], points=6))
    assert await billed(hub) == {
        ("Garage", "issued"): 6,
        ("Cinema", "issued"): 3,
        ("Garage", "issue_reversed"): 4,
        ("Cinema", "issue_reversed"): 2,
    }
    await assert_sums_hold(hub)


async def test_what_is_no_part_of_a_promotion_says_why(hub: RunningHub) -> None:
    bakery, garage, cinema = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1), budget=100)

    async def code(shop: Shop, **fields: Any) -> Any:
        return (await shop.operate("earn", card, **{"points": 10, "promotion": promotion, **fields})).get("code")

    assert await code(bakery, promotion="other") == "unknown_promotion"
    assert await code(cinema) == "unknown_promotion", "only the payers may name it, unless others were named"
    two_days_ago = (now() - timedelta(days=2)).isoformat()
    assert await code(bakery, occurred_at=two_days_ago) == "promotion_not_running"
    assert await code(garage) is None
    by_number = str(await hub.pool.fetchval("SELECT promotion FROM promotion"))
    assert await code(bakery, promotion=by_number) is None
    spent = await bakery.earn(card, 81, promotion=promotion)
    assert (spent["code"], spent["left"]) == ("promotion_budget_spent", 80)
    assert await code(bakery, points=80) is None
    await assert_sums_hold(hub)


async def test_a_payer_without_terms_at_that_time_pays_nothing(hub: RunningHub) -> None:
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1))
    await hub.pool.execute("UPDATE terms SET valid_from = '2100-01-01' WHERE partner = 2")
    await hub.clearing.registry.load()
    assert (await bakery.earn(card, 10, promotion=promotion))["code"] == "no_terms_of_payer"


async def test_an_ended_promotion_still_takes_what_was_sold_before(hub: RunningHub) -> None:
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1))
    sold_at = now().isoformat()
    ended_at = await end_promotion(hub.pool, promotion, now=now())
    await hub.clearing.registry.load()
    assert (await bakery.earn(card, 10, promotion=promotion))["code"] == "promotion_not_running"
    assert (await bakery.earn(card, 10, promotion=promotion, occurred_at=sold_at))["verdict"] == "booked"
    assert await end_promotion(hub.pool, promotion, now=now()) == ended_at


async def test_many_tills_over_all_lanes_never_pass_the_budget_and_reach_it(hub: RunningHub) -> None:
    """Whoever races: the points booked are the budget, whichever lanes had allowances of it."""
    bakery, garage, cinema = await three_shops(hub)
    cards = await hub.cards(8)
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1), ("Cinema", 1), budget=1_000)
    jobs = [
        till.earn(card, 7, promotion=promotion) for _ in range(8) for card in cards for till in (bakery, garage, cinema)
    ]

    results = await asyncio.gather(*jobs)

    booked = [result for result in results if result["verdict"] == "booked"]
    refused = [result for result in results if result["verdict"] == "refused"]
    assert sum(result["points"] for result in booked) == 994
    assert {result["code"] for result in refused} == {"promotion_budget_spent"}
    assert len({result["lane"] for result in booked}) == 4
    last = await bakery.earn(cards[0], 7, promotion=promotion)
    assert last["left"] == 6
    assert (await bakery.earn(cards[1], 6, promotion=promotion))["verdict"] == "booked", "left in whichever lane"
    assert (await bakery.earn(cards[2], 1, promotion=promotion))["left"] == 0
    await assert_sums_hold(hub)


async def test_what_is_returned_in_one_lane_may_be_earned_in_another(hub: RunningHub) -> None:
    bakery, *_ = await three_shops(hub)
    cards = await hub.cards(2)
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1), budget=100)
    earned = await bakery.earn(cards[0], 100, promotion=promotion)
    assert (await bakery.earn(cards[1], 1, promotion=promotion))["left"] == 0
    await bakery.reverse(cards[0], earned["id"], points=60)
    again = await bakery.earn(cards[1], 60, promotion=promotion)
    assert (again["verdict"], again["lane"] == earned["lane"]) == ("booked", False)
    await assert_sums_hold(hub)


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"budget": 0, "name": "7"}, SettingError, "a name that is no number.*budget"),
        ({"payers": [("Bakery", 0), ("Bakery", 1)]}, SettingError, "each once.*share of Bakery"),
        ({"payers": []}, SettingError, "payers: expected 1 to 20"),
        ({"ends_at": now() - timedelta(days=2)}, SettingError, "until: expected later"),
        ({"payers": [("Nobody", 1)]}, NotFoundError, "Nobody"),
        ({"name": "taken"}, AlreadyThereError, "taken"),
    ],
)
async def test_promotions_that_can_not_be_are_refused(
    hub: RunningHub, changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    await hub.shop("Bakery")
    await promote(hub, ("Bakery", 1), name="taken")
    with pytest.raises(error, match=told):
        await promote(hub, ("Bakery", 1), **changes)


@pytest.mark.parametrize(
    ("tampering", "rule"),
    [
        ("UPDATE promotion_share SET points = points + 1 WHERE part = 0", "payers' lots and shares"),
        ("UPDATE promotion_share SET payer = 3 WHERE part = 0", "payers' lots and shares"),
        ("UPDATE promotion_share SET payer = 3 WHERE part = 0", "one statement line"),
        ("UPDATE promotion_allowance SET granted = granted + 1", "budgets = allowances granted"),
        ("UPDATE promotion_allowance SET used = used - 1", "budgets = allowances granted"),
        ("UPDATE window_total SET points = points + 1 WHERE partner = 2", "one statement line"),
    ],
)
async def test_tampering_with_shares_and_budgets_is_found(hub: RunningHub, tampering: str, rule: str) -> None:
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1))
    await bakery.earn(card, 100, promotion=promotion)
    assert await hub.pool.execute(tampering) != "UPDATE 0"
    broken = [finding.rule for finding in (await check_sums(hub.pool)).findings if finding.broken]
    assert any(rule in one for one in broken), broken


async def test_each_payers_statement_has_its_share_at_its_own_prices_and_the_window_ties_out(hub: RunningHub) -> None:
    """Bakery issues at 0.010 + 0.002, Garage pays 0.008; Cinema redeems. Half of it comes back in the next window."""
    bakery = await hub.shop("Bakery", issue_price="0.010", service_fee="0.002")
    await hub.shop("Garage", issue_price="0.008")
    cinema, card = await hub.shop("Cinema"), await hub.card()
    promotion = await promote(hub, ("Bakery", 3), ("Garage", 2))
    earned = await bakery.earn(card, 1_000, promotion=promotion)
    await cinema.burn(card, 300)
    assert await settled(hub) == {"Bakery": "7.20", "Garage": "3.20", "Cinema": "-3.00"}
    await bakery.reverse(card, earned["id"], points=500)
    assert await settled(hub) == {"Bakery": "-3.60", "Garage": "-1.60"}
    await assert_sums_hold(hub)


async def settled(hub: RunningHub) -> dict[str, str]:
    """Close and calculate the open window, which is refused if it does not tie out; return the partners' nets."""
    window_no = await close_window(hub.pool, clock=now, actor="test")
    await calculate_window(hub.pool, window_no, now=now(), actor="anna")
    return {partner.name: str(partner.net) for partner in (await report_window(hub.pool, window_no)).partners}


@pytest.fixture
def call(database_url: str) -> Iterator[Call]:
    async def call(*arguments: str) -> Result:
        # A command runs a loop of its own, so it gets a thread of its own.
        environment = {"COALITION_DATABASE_URL": database_url}
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)

    yield call
    # A command sets the logging up for its process, onto streams that end with it.
    structlog.reset_defaults()


async def test_promotions_are_defined_listed_and_ended_from_the_shell(hub: RunningHub, call: Call) -> None:
    """Moments are those of the programme's time zone; a running hub hears of each change."""
    bakery, *_ = await three_shops(hub)
    card = await hub.card()
    payers = ("--payer", "Bakery:60", "--payer", "Cinema:40")
    added = await call(
        "promotion",
        "add",
        "winter",
        *payers,
        "--from",
        "2026-01-01",
        "--until",
        "2100-01-01",
        "--budget",
        "500",
        "--json",
    )
    assert json.loads(added.stdout) == {"promotion": 1, "name": "winter"}
    async with asyncio.timeout(20):
        while "winter" not in hub.clearing.registry.promotions:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await bakery.earn(card, 100, promotion="winter"))["verdict"] == "booked"

    (listed,) = json.loads((await call("promotion", "list", "--json")).stdout)
    assert (listed["budget"], listed["used"]) == (500, 100)
    assert listed["payers"] == [{"partner": "Bakery", "share": 60}, {"partner": "Cinema", "share": 40}]
    assert listed["issuers"] == ["Bakery", "Cinema"]
    assert datetime.fromisoformat(listed["from"]) == datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert "100 of 500 points" in (await call("promotion", "list")).stdout

    assert (await call("promotion", "end", "winter")).exit_code == 0
    assert (await call("promotion", "end", "summer")).exit_code == 1
    wrong = await call(
        "promotion",
        "add",
        "other",
        "--payer",
        "Bakery",
        "--from",
        "2026-01-01",
        "--until",
        "2027-01-01",
        "--budget",
        "1",
    )
    assert (wrong.exit_code, "PARTNER:SHARE" in wrong.output) == (2, True)


async def test_a_partners_cap_is_set_and_ended_from_the_shell(hub: RunningHub, call: Call) -> None:
    await hub.shop()
    assert (await call("partner", "cap", "Shop", "12.50")).exit_code == 0
    (listed,) = json.loads((await call("partner", "list", "--json")).stdout)
    assert listed["cap_minor"] == 1_250
    assert json.loads((await call("partner", "cap", "Shop", "off", "--json")).stdout)["cap_minor"] is None
    assert (await call("partner", "cap", "Shop", "0.001")).exit_code == 2
    assert (await call("partner", "cap", "Nobody", "1")).exit_code == 1
