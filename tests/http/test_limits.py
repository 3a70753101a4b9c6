"""Limits over HTTP: what is refused, until when, and the code that a member is mailed for a large burn."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession, web

from coalition.cli.session import Session
from coalition.config import Settings
from coalition.database.pool import Pool
from coalition.errors import SettingError
from coalition.http.answers import RefusedResult
from coalition.http.app import build_app, make_runner
from coalition.http.hub_key import load_signer
from coalition.lanes.clearing import Clearing
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_limits import change_limits
from coalition.pages.step_up_mail import mount_step_up_mail
from partner_sdk import Coalition, MessageRejectedError
from tests.http.conftest import Clock, RunningHub, now
from tests.pages.conftest import Mailbox, mailbox  # noqa: F401
from tests.shop import Answered, Shop

ZONE = ZoneInfo("Europe/Berlin")


async def set_limits(hub: RunningHub, **changes: int | None) -> None:
    """Set limits, and wait until the hub has heard of it."""
    limits = await change_limits(hub.pool, changes)
    async with asyncio.timeout(20):
        while hub.clearing.registry.programme.limits != limits:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def member_with(hub: RunningHub, points: int) -> tuple[Shop, str]:
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, points)
    return shop, card


def stay_clear_of_midnight(hub: RunningHub) -> None:
    """Put the clock to the programme's next noon, so that no day ends within a test."""
    local = hub.clock().astimezone(ZONE)
    noon = datetime(local.year, local.month, local.day, 12, tzinfo=ZONE) + timedelta(days=1)
    hub.clock.forward(noon - local)


def day_end(result: dict[str, Any]) -> datetime:
    day: date = datetime.fromisoformat(result["booked_at"]).astimezone(ZONE).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def told(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a refusal says of its limit, once it is known to be as described, and journalled."""
    RefusedResult.model_validate_json(json.dumps(result))
    assert result["verdict"] == "refused"
    assert {"lane", "leaf", "window"} <= result.keys()
    return {name: result[name] for name in ("code", "limit", "used", "until", "attempts_left") if name in result}


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def test_many_tills_at_once_never_pass_the_day_limit(hub: RunningHub) -> None:
    """Two partners, burns and reserves of one account at the same moment; the next day it is all free again."""
    stay_clear_of_midnight(hub)
    shop, card = await member_with(hub, 10_000)
    other = await hub.shop("Other")
    await set_limits(hub, burn_points_per_day_max=1_000)

    results = await asyncio.gather(
        *(
            till.operate(kind, card, points=150)
            for till in (shop, other)
            for kind in ("burn", "reserve")
            for _ in range(6)
        )
    )

    booked = [result for result in results if result["verdict"] == "booked"]
    refused = [result for result in results if result["verdict"] == "refused"]
    assert sum(result["points"] for result in booked) == 900
    last = refused[-1]
    until = last["until"]
    assert told(last) == {"code": "burn_day_limit", "limit": 1_000, "used": 900, "until": until}
    assert datetime.fromisoformat(until) == day_end(last)
    assert (await shop.burn(card, 100))["verdict"] == "booked"
    assert (await shop.burn(card, 1))["used"] == 1_000

    hub.clock.forward(datetime.fromisoformat(until) - hub.clock())
    # The holds of yesterday have timed out; of the new day nothing is used.
    assert (await shop.burn(card, 1_000))["verdict"] == "booked"
    assert (await shop.burn(card, 1))["code"] == "burn_day_limit"
    await assert_sums_hold(hub)


async def test_holds_count_while_they_are_open_and_captures_from_then_on(hub: RunningHub) -> None:
    stay_clear_of_midnight(hub)
    shop, card = await member_with(hub, 10_000)
    await set_limits(hub, burn_points_per_day_max=1_000)
    first = await shop.operate("reserve", card, points=600)
    second = await shop.operate("reserve", card, points=400)
    assert (await shop.burn(card, 1))["used"] == 1_000

    assert (await shop.operate("capture", card, reserve_id=first["id"], points=500))["verdict"] == "booked"
    assert (await shop.operate("release", card, reserve_id=second["id"]))["verdict"] == "booked"

    assert (await shop.burn(card, 501))["used"] == 500
    assert (await shop.burn(card, 500))["verdict"] == "booked"


async def test_a_burn_that_comes_back_the_same_day_gives_its_part_of_the_limit_back(hub: RunningHub) -> None:
    stay_clear_of_midnight(hub)
    shop, card = await member_with(hub, 10_000)
    await set_limits(hub, burn_points_per_day_max=1_000)
    burned = await shop.burn(card, 1_000)
    await shop.reverse(card, burned["id"], points=300)
    assert (await shop.burn(card, 301))["used"] == 700
    hub.clock.forward(timedelta(days=1))
    await shop.burn(card, 800)
    await shop.reverse(card, burned["id"], points=300)
    assert (await shop.burn(card, 201))["used"] == 800, "what comes back of yesterday's is no part of today's"


async def test_limits_count_within_one_message_and_over_its_repeats(hub: RunningHub) -> None:
    """A message that comes twice is answered twice and counted once."""
    shop, card = await member_with(hub, 1_000)
    await set_limits(hub, earns_per_card_per_day_max=2, burn_points_per_day_max=10)
    stay_clear_of_midnight(hub)
    operations = [
        *(shop.operation("earn", card, points=1) for _ in range(3)),
        shop.operation("burn", card, points=6),
        shop.operation("burn", card, points=5),
        shop.operation("burn", card, points=4),
    ]
    first, again = await shop.send(*operations), await shop.send(*operations)
    assert first.body == again.body
    assert [result.get("code") for result in first.results] == [
        None,
        None,
        "earn_day_limit",
        None,
        "burn_day_limit",
        None,
    ]
    assert (await shop.burn(card, 1))["used"] == 10


async def test_every_refusal_says_which_limit_and_when_it_ends(hub: RunningHub) -> None:
    stay_clear_of_midnight(hub)
    shop, card = await member_with(hub, 10_000)
    await set_limits(hub, burn_points_min=200, earns_per_card_per_day_max=1)
    assert told(await shop.burn(card, 199)) == {"code": "burn_below_minimum", "limit": 200}
    assert told(await shop.operate("reserve", card, points=199)) == {"code": "burn_below_minimum", "limit": 200}
    await shop.earn(card, 1)
    earned = await shop.earn(card, 1)
    until = earned["until"]
    assert told(earned) == {"code": "earn_day_limit", "limit": 1, "used": 1, "until": until}
    assert datetime.fromisoformat(until) == day_end(earned)

    await set_limits(hub, burn_points_min=None, earns_per_card_per_day_max=None, operations_per_card_max=2)
    first = await shop.burn(card, 1)
    await shop.burn(card, 1)
    fast = await shop.burn(card, 1)
    free_at = datetime.fromisoformat(first["booked_at"]) + timedelta(seconds=60)
    assert told(fast) == {"code": "too_fast", "limit": 2, "until": fast["until"]}
    assert datetime.fromisoformat(fast["until"]) == free_at
    hub.clock.forward(free_at - hub.clock())
    assert (await shop.burn(card, 1))["verdict"] == "booked"
    await assert_sums_hold(hub)


async def test_a_running_hub_takes_changed_limits_at_once(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    assert (await shop.burn(card, 1))["verdict"] == "booked"
    await set_limits(hub, burn_points_min=2)
    assert (await shop.burn(card, 1))["limit"] == 2
    await set_limits(hub, burn_points_min=None)
    assert (await shop.burn(card, 1))["verdict"] == "booked"
    assert await hub.pool.fetchval("SELECT count(*) FROM account_usage") == 0, "nothing is counted without a limit"


async def test_limits_that_can_not_be_are_all_named(hub: RunningHub) -> None:
    with pytest.raises(SettingError, match=r"burn_points_min.*operations_per_card_max.*velocity_window_s"):
        await change_limits(hub.pool, {"burn_points_min": 0, "operations_per_card_max": 101, "velocity_window_s": 0})
    with pytest.raises(SettingError, match="expected burn_points_min, 200, or more; 100 came"):
        await change_limits(hub.pool, {"burn_points_min": 200, "burn_points_per_day_max": 100})


@pytest.fixture
async def mailing_hub(
    pool: Pool,
    database_url: str,
    tmp_path: Path,
    mailbox: Mailbox,  # noqa: F811
) -> AsyncIterator[RunningHub]:
    """A hub that can send mail."""
    settings = Settings(
        data_dir=tmp_path, smtp_url=f"smtp://127.0.0.1:{mailbox.port}", mail_from="hub@shop.example", mail_language="de"
    )
    clock = Clock()
    clearing = Clearing(pool, clock=clock)
    app = build_app(clearing, load_signer(settings.hub_key_path))
    mount_step_up_mail(app, Session(settings, pool, database_url))
    runner = make_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession() as session:
        yield RunningHub(f"{host}:{port}", pool, session, clearing, clock)
    await runner.cleanup()


async def ask(till: Shop, card: str, **body: Any) -> Answered:
    return await till.request("POST", f"/v1/cards/{card}/step-up", json.dumps(body).encode())


async def test_a_large_burn_needs_the_code_that_the_member_is_mailed(
    mailing_hub: RunningHub,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    hub, shop = mailing_hub, await mailing_hub.shop()
    (member,) = await add_members(hub.pool, [NewMember("erika@shop.example", "Erika", "de")], now=now())
    card = member.card
    await shop.earn(card, 10_000)
    await set_limits(hub, step_up_above=1_000)
    assert told(await shop.burn(card, 1_001)) == {"code": "step_up_needed", "limit": 1_000}

    asked = await ask(shop, card, points=1_500, shop="0042")

    assert asked.status == 202
    assert asked.document["sent_to"] == "e***@s***.example"
    left = datetime.fromisoformat(asked.document["expires_at"]) - hub.clock()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    mail = await mailbox.next()
    text = mail.get_content()
    assert mail["To"] == "erika@shop.example"
    assert "Shop (0042) möchte bis zu 1500 Ihrer Punkte" in text
    code = text.split("    ")[1].split()[0]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert told(await shop.burn(card, 1_200, step_up_code=wrong)) == {"code": "step_up_wrong", "attempts_left": 4}
    assert (await shop.burn(card, 1_501, step_up_code=code))["attempts_left"] == 0

    tills = [shop.operate("reserve", card, points=1_200, step_up_code=code) for _ in range(6)]
    results = await asyncio.gather(*tills)

    assert [result["verdict"] for result in results].count("booked") == 1, "a code opens one burn, whoever races"
    assert await hub.pool.fetchval("SELECT used_leaf FROM step_up_code") in [result["leaf"] for result in results]
    await assert_sums_hold(hub)


async def test_a_code_is_over_after_ten_minutes_and_opens_nothing_elsewhere(
    mailing_hub: RunningHub,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    hub, shop = mailing_hub, await mailing_hub.shop()
    other, card = await mailing_hub.shop("Other"), await mailing_hub.card()
    await shop.earn(card, 10_000)
    await set_limits(hub, step_up_above=1_000)
    await ask(shop, card, points=1_500)
    mail = await mailbox.next()
    # Nobody has told the member's language yet: it is the programme's.
    assert "ist Ihr Code" in str(mail["Subject"])
    code = str(mail["Subject"])[:6]
    assert (await other.burn(card, 1_500, step_up_code=code))["code"] == "step_up_wrong"
    hub.clock.forward(timedelta(minutes=10))
    assert told(await shop.burn(card, 1_500, step_up_code=code)) == {"code": "step_up_wrong", "attempts_left": 0}

    assert (await ask(shop, card, points=1_500)).status == 202
    assert (await shop.burn(card, 1_500, step_up_code=await mailbox.next_code()))["verdict"] == "booked"


async def test_codes_are_few(mailing_hub: RunningHub) -> None:
    """One a minute and ten an hour for an account; a refused call says when to come again."""
    hub, shop = mailing_hub, await mailing_hub.shop()
    card = await hub.card()
    await set_limits(hub, step_up_above=1_000)
    # Connections to the database are open before, or the first call would be over before the second begins.
    await asyncio.gather(*(shop.get(f"/v1/cards/{card}") for _ in range(20)))
    answers = await asyncio.gather(*(ask(shop, card, points=1_500) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [202, *[429] * 19]
    for _ in range(9):
        hub.clock.forward(timedelta(minutes=1))
        assert (await ask(shop, card, points=1_500)).status == 202
    hub.clock.forward(timedelta(minutes=1))
    refused = await ask(shop, card, points=1_500)
    assert (refused.status, refused.document["code"]) == (429, "too_many_codes")
    assert 48 * 60 < int(refused.headers["Retry-After"]) <= 50 * 60
    hub.clock.forward(timedelta(seconds=int(refused.headers["Retry-After"])))
    assert (await ask(shop, card, points=1_500)).status == 202


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"points": 1_000}, 422, "step_up_not_needed"),
        ({"points": 0}, 422, "request_invalid"),
        ({"points": 1_500, "sum": 3}, 422, "request_invalid"),
    ],
)
async def test_what_can_not_be_asked_for_says_why(
    mailing_hub: RunningHub, body: dict[str, Any], status: int, code: str
) -> None:
    shop, card = await mailing_hub.shop(), await mailing_hub.card()
    await set_limits(mailing_hub, step_up_above=1_000)
    answer = await ask(shop, card, **body)
    assert (answer.status, answer.document["code"]) == (status, code)
    unknown = await ask(shop, "404404404", points=1_500)
    assert (unknown.status, unknown.document["code"]) == (404, "unknown_card")


async def test_a_hub_without_mail_makes_no_code(hub: RunningHub, tmp_path: Path) -> None:
    """It does not pass by itself: the SDK says so at once, and asks once."""
    shop, card = await hub.shop(), await hub.card()
    await set_limits(hub, step_up_above=1_000)
    answer = await ask(shop, card, points=1_500)
    assert (answer.status, answer.document["code"], answer.document["retryable"]) == (409, "mail_missing", False)
    async with Coalition(f"http://{hub.authority}", shop.private_key, outbox=tmp_path / "outbox.sqlite") as till:
        with pytest.raises(MessageRejectedError) as refused:
            await till.ask_step_up(card=card, points=1_500)
    assert (refused.value.code, refused.value.is_retryable) == ("mail_missing", False)
    assert await hub.pool.fetchval("SELECT count(*) FROM step_up_code") == 0


async def test_the_sdk_asks_for_the_code(
    mailing_hub: RunningHub,
    mailbox: Mailbox,  # noqa: F811
    tmp_path: Path,
) -> None:
    hub, shop = mailing_hub, await mailing_hub.shop()
    (member,) = await add_members(hub.pool, [NewMember("erika@shop.example", "Erika", "de")], now=now())
    await set_limits(hub, step_up_above=1_000)
    async with Coalition(f"http://{hub.authority}", shop.private_key, outbox=tmp_path / "outbox.sqlite") as till:
        await till.earn(card=member.card, points=5_000)
        step_up = await till.ask_step_up(card=member.card, points=1_200)
    assert step_up.sent_to == "e***@s***.example"
    assert step_up.expires_at > now()
