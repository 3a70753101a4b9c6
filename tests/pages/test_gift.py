"""A member gives points to another one, in a real browser: within the limit, and never without the code."""

import asyncio
from datetime import timedelta

from playwright.async_api import Page

from coalition.operations.check_sums import check_sums
from coalition.operations.manage_card import block_card, permit_burns
from coalition.operations.sign_in import CODE_ATTEMPTS_MAX, CODE_LIFE_MINUTES, CODE_PAUSE
from coalition.programme.card_number import printed
from coalition.stores.merges import set_transfer_max
from tests.http.conftest import now
from tests.pages.conftest import RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_member_journey import texts


async def two_members(site: RunningSite, *, limit: int = 500) -> tuple[str, str]:
    """Return the cards of one with 1,000 points, and of another one."""
    shop, card = await site.hub.shop("Bakery"), await site.member()
    await shop.earn(card, 1_000)
    async with site.hub.pool.acquire() as connection:
        await set_transfer_max(connection, limit)
    return card, await site.member("max@shop.example", name="Max")


async def fill(page: Page, card: str, points: str) -> None:
    await page.fill("#card", card)
    await page.fill("#points", points)
    await submit(page)


async def test_points_are_given_with_the_code_from_the_mail(site: RunningSite, page: Page) -> None:
    _, other = await two_members(site)
    await site.sign_in(page)
    await submit(page, "text=Give points to another member")
    await fill(page, printed(other), "300")
    assert f"To give 300 points to card {printed(other)}" in await page.inner_text("main")
    mail = await site.mailbox.next()
    code = str(mail["Subject"]).split()[0]
    assert "300 of your points in Coalition" in mail.get_content()
    assert f"card {printed(other)}" in mail.get_content()

    await page.fill("#code", code)
    await submit(page)

    assert "300 points went to the other card." in await page.inner_text("main")
    await page.goto(site.url)
    assert await page.inner_text("#balance") == "700"
    assert (await texts(page, ".history .what"))[0] == "Moved to another account"
    # The code works once, and the limit of the day counts.
    await page.goto(f"{site.url}/gift/code")
    assert page.url == f"{site.url}/gift"
    await fill(page, other, "201")
    assert await page.inner_text("#fault") == ("That is more than your card may give today: 200 points are left.")
    report = await check_sums(site.hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def signed_in(site: RunningSite, forms: Forms) -> None:
    await forms.post("/sign-in", email="erika@shop.example")
    await forms.post("/sign-in/code", code=await site.mailbox.next_code())
    await forms.get("/gift")


async def test_a_code_is_tried_five_times_and_used_once(site: RunningSite) -> None:
    """Also by many browsers at once; where points went away meanwhile, nothing is given."""
    card, other = await two_members(site)
    async with Forms(site.url) as forms:
        await signed_in(site, forms)
        await forms.post("/gift", card=other, points="100")
        code = await site.mailbox.next_code()
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        for _ in range(CODE_ATTEMPTS_MAX):
            assert (await forms.post("/gift/code", code=wrong)).status == 422
        assert "wrong or no longer valid" in (await forms.post("/gift/code", code=code)).text
        assert "Wait a minute" in (await forms.post("/gift", card=other, points="100")).text

        site.hub.clock.forward(2 * CODE_PAUSE)
        await forms.post("/gift", card=other, points="100")
        code = await site.mailbox.next_code()
        answers = await asyncio.gather(*(forms.post("/gift/code", code=code) for _ in range(5)))
        assert sum("went to the other card" in answer.text for answer in answers) == 1

        site.hub.clock.forward(2 * CODE_PAUSE)
        await forms.post("/gift", card=other, points="400")
        code = await site.mailbox.next_code()
        shop = await site.hub.shop("Garage")
        await shop.burn(card, 600)
        assert "300 points can be given now" in (await forms.post("/gift/code", code=code)).text

        site.hub.clock.forward(2 * CODE_PAUSE)
        await forms.post("/gift", card=other, points="1")
        code = await site.mailbox.next_code()
        site.hub.clock.forward(timedelta(minutes=CODE_LIFE_MINUTES))
        assert (await forms.post("/gift/code", code=code)).path == "/gift"
    assert await site.hub.pool.fetchval("SELECT sum(points) FROM point_transfer") == 100
    assert await site.hub.pool.fetchval("SELECT count(*) FROM gift_code WHERE NOT is_over") == 1


async def test_what_can_not_be_given_says_why_and_sends_no_code(site: RunningSite) -> None:
    card, other = await two_members(site, limit=2_000)
    blocked = await site.member("eve@shop.example")
    await block_card(site.hub.pool, blocked, actor="test", now=now())
    faults = {
        ("x", "1"): "as it is printed",
        (other, "0"): "a whole number",
        (other, "1.5"): "a whole number",
        ("2769999999993", "1"): "There is no card with this number",
        (card, "1"): "belongs to your own account",
        (blocked, "1"): "blocked or no longer valid",
        (other, "1001"): "1,000 points can be given now",
        (other, "2001"): "2,000 points are left",
    }
    async with Forms(site.url) as forms:
        await signed_in(site, forms)
        for (to, points), told in faults.items():
            answer = await forms.post("/gift", card=to, points=points)
            assert (answer.status, told in answer.text) == (422, True), (to, points)
        await permit_burns(site.hub.pool, card, may_burn=False, now=now(), actor="test")
        assert "not spend or give" in (await forms.post("/gift", card=other, points="1")).text
        async with site.hub.pool.acquire() as connection:
            await set_transfer_max(connection, 0)
        assert "can not be given to other members" in (await forms.get("/gift")).text
        assert (await forms.post("/gift", card=other, points="1")).status == 422
        assert "/gift" not in (await forms.get("/")).text
    assert site.mailbox.mails.empty()
