"""Members are told before their points expire: each once, whoever sends, and on their page."""

import asyncio
from datetime import date, timedelta

from babel.dates import format_date
from playwright.async_api import Page

from coalition.operations.send_expiry_notices import FAILURES_MAX, Sent
from coalition.pages.expiry_mail import send_notices
from coalition.stores.programme import load_programme, set_notice_days
from tests.pages.conftest import RunningSite

NOTICE_DAYS = 10
SHARE_ACCOUNT = "UPDATE member SET (lane, account) = (SELECT lane, account FROM member ORDER BY member LIMIT 1)"


async def tell_days_before(site: RunningSite) -> None:
    """Points live a month, and members are told NOTICE_DAYS before that."""
    await site.set_expiry("after_months", months=1, day="12-31")
    async with site.hub.pool.acquire() as connection:
        await set_notice_days(connection, NOTICE_DAYS)
        site.pages.programme = await load_programme(connection)
    await site.hub.clearing.registry.load()


async def expiry_of(site: RunningSite) -> date:
    """Return the first day on which the only lot can't be spent."""
    day: date = await site.hub.pool.fetchval("SELECT expires_on FROM lot")
    return day


def to_days_before(site: RunningSite, day: date, days: int) -> None:
    today = site.hub.clock().astimezone(site.pages.programme.zone).date()
    site.hub.clock.forward(timedelta(days=(day - today).days - days))


async def test_each_member_is_told_once_whoever_sends(site: RunningSite, page: Page) -> None:
    """Two hubs at once, and again an hour later: one mail; each member of a household in his own language."""
    await tell_days_before(site)
    shop, card = await site.hub.shop(), await site.member()
    await site.member("hans@shop.example", name="Hans", language="de")
    await site.hub.pool.execute(SHARE_ACCOUNT)
    await shop.earn(card, 1_200)
    day = await expiry_of(site)
    to_days_before(site, day, NOTICE_DAYS + 1)
    assert await send_notices(site.pages) == Sent()
    to_days_before(site, day, NOTICE_DAYS)

    sent = await asyncio.gather(*(send_notices(site.pages) for _ in range(4)))

    assert sum(one.sent for one in sent) == 2
    mails = {mail["To"]: mail for mail in [await site.mailbox.next() for _ in range(2)]}
    assert mails["erika@shop.example"]["Subject"] == "1,200 of your points in Coalition expire soon"
    last = format_date(day - timedelta(days=1), "medium", locale="en_GB")
    assert f"    1,200 points: to be spent by {last}" in mails["erika@shop.example"].get_content()
    assert mails["hans@shop.example"]["Subject"] == "1.200 Ihrer Punkte bei Coalition verfallen bald"
    # What is collected meanwhile expires on another day, and is told in its own time.
    await shop.earn(card, 50)
    assert await send_notices(site.pages) == Sent()
    assert site.mailbox.mails.empty()
    await site.sign_in(page)
    assert await page.inner_text("#expires-soon") == (
        f"1,200 of your points expire by the end of {last}: spend them before."
    )


async def test_a_mail_server_that_is_away_or_refuses(site: RunningSite) -> None:
    """What failed is sent later, by whoever comes next; an address that is refused for good is left alone."""
    await tell_days_before(site)
    shop = await site.hub.shop()
    cards = [await site.member(f"member{number}@shop.example") for number in range(FAILURES_MAX + 1)]
    for card in cards:
        await shop.earn(card, 100)
    site.hub.clock.forward(timedelta(days=25))
    replies = {"421 Come back later": Sent(failed=FAILURES_MAX), "550 No such user": Sent(refused=len(cards))}

    for reply, expected in replies.items():

        async def answer(*_: object, reply: str = reply) -> str:
            return reply

        site.mailbox.handle_RCPT = answer
        assert await send_notices(site.pages) == expected
    del site.mailbox.handle_RCPT

    assert await send_notices(site.pages) == Sent()
    await site.hub.pool.execute("DELETE FROM expiry_notice")
    assert await send_notices(site.pages) == Sent(sent=len(cards))
    assert await site.hub.pool.fetchval("SELECT count(*) FROM expiry_notice WHERE points = 100") == len(cards)
