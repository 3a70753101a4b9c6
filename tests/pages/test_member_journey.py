"""A member signs in with the code that is mailed to him and sees his points, in a real browser."""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date
from playwright.async_api import Browser, BrowserContext, Page

from coalition.ledger.expiry import RuleName
from coalition.operations.manage_card import block_card
from coalition.programme.card_number import printed
from tests.pages.conftest import RunningSite, submit
from tests.pages.forms import Forms

BERLIN = ZoneInfo("Europe/Berlin")


async def texts(page: Page, selector: str) -> list[str]:
    """Return what is read at each of the elements, with single spaces."""
    return [" ".join(text.split()) for text in await page.locator(selector).all_inner_texts()]


async def test_balance_and_history_after_earns_and_burns_at_two_partners(site: RunningSite, page: Page) -> None:
    """One balance over all partners: what came in at either, less what was spent at either."""
    bakery, garage = await site.hub.shop("Bakery"), await site.hub.shop("Garage")
    card = await site.member()
    await bakery.earn(card, 1_200, shop="0042", reference="4711")
    earned = await garage.earn(card, 300)
    await garage.burn(card, 500)
    await bakery.reverse(card, (await bakery.burn(card, 100))["id"], points=40)
    await garage.reverse(card, earned["id"], points=30)
    await garage.burn(card, 5_000)

    await site.sign_in(page)

    assert await page.inner_text("#balance") == "910"
    assert await page.inner_text(".worth") == "worth €9.10"
    sources = dict(zip(await texts(page, ".sources tbody th"), await texts(page, ".sources td"), strict=True))
    assert sources == {"Bakery 1,200 collected in all": "640", "Garage 300 collected in all": "270"}
    await submit(page, "nav >> text=History")
    assert await texts(page, ".history .what") == [
        "Spent at Garage",
        "Taken back by Garage",
        "Given back by Bakery",
        "Spent at Bakery",
        "Spent at Garage",
        "Collected at Garage",
        "Collected at Bakery",
    ]
    assert await texts(page, ".history td.figure") == ["0", "−30", "+40", "−100", "−500", "+300", "+1,200"]
    details = await texts(page, ".history .details")
    assert details[0] == "5,000 points asked · there were not enough points · 910 points could be spent at that moment"
    assert details[-1] == "Shop 0042 · Receipt 4711"


async def test_what_expires_when(site: RunningSite, page: Page) -> None:
    """Points of a month expire together, at its end three years on, days counted in the programme's zone."""
    shop, card = await site.hub.shop(), await site.member()
    new_month = datetime.now(BERLIN).replace(day=1, hour=0, minute=30)
    month_before = (new_month - timedelta(days=1)).replace(hour=23)
    await shop.earn(card, 100, occurred_at=month_before.isoformat())
    await shop.earn(card, 250, occurred_at=new_month.isoformat())
    await shop.earn(card, 50, occurred_at=datetime.now(BERLIN).isoformat())
    await shop.burn(card, 40)

    await site.sign_in(page)

    first, second = month_end(month_before), month_end(new_month)
    assert await texts(page, ".expiries tbody tr") == [f"{first} 60 €0.60", f"{second} 300 €3.00"]
    assert f"Next to expire: 60 points, after {first}." in await page.inner_text(".hero")


def month_end(moment: datetime) -> str:
    """Return the last day of the month, three years on, as the page writes it."""
    day = date(moment.year + 3, moment.month, monthrange(moment.year + 3, moment.month)[1])
    return format_date(day, "medium", locale="en_GB")


async def test_points_set_aside_are_shown_with_until_when(site: RunningSite, page: Page) -> None:
    """A hold counts in the balance and not in what is available; when its time is over it is gone, also before the hub
    has booked that."""
    bakery, garage = await site.hub.shop("Bakery"), await site.hub.shop("Garage")
    card = await site.member()
    await bakery.earn(card, 1_000)
    await bakery.operate("reserve", card, points=600, timeout_s=60)
    reserved = await garage.operate("reserve", card, points=1, timeout_s=7 * 24 * 3600)

    await site.sign_in(page)

    assert await page.inner_text("#balance") == "1,000"
    assert await page.inner_text("#available") == "Available now: 399 points"
    until = datetime.fromisoformat(reserved["expires_at"]).astimezone(BERLIN)
    bakerys, garages = await texts(page, ".holds li")
    assert re.fullmatch(
        "600 points set aside at Bakery until ([0-9]+ [A-Z][a-z]+ 20[0-9]{2}, )?[0-9]{2}:[0-9]{2}", bakerys
    )
    day = format_date(until.date(), "medium", locale="en_GB")
    assert garages == f"1 point set aside at Garage until {day}, {until:%H:%M}"
    site.hub.clock.forward(timedelta(seconds=61))
    await page.reload()
    assert await page.inner_text("#available") == "Available now: 999 points"
    assert await texts(page, ".holds li") == [garages]


async def test_history_of_holds_and_expiry(site: RunningSite, page: Page) -> None:
    """Points set aside move no balance until they are spent; what time alone did is told like the rest."""
    shop, card = await site.hub.shop("Bakery"), await site.member()
    earned = await shop.earn(card, 1_000)
    spent = await shop.operate("reserve", card, points=500)
    await shop.operate("capture", card, reserve_id=spent["id"], points=480)
    freed = await shop.operate("reserve", card, points=70)
    await shop.operate("release", card, reserve_id=freed["id"])
    await shop.operate("release", card, reserve_id=freed["id"])
    await shop.operate("reserve", card, points=30, timeout_s=60)
    await shop.operate("reserve", card, points=900)
    site.hub.clock.forward(timedelta(days=3 * 366 + 31))
    await shop.earn(card, 5)
    await shop.reverse(card, earned["id"])

    await site.sign_in(page)
    await page.goto(f"{site.url}/history")

    entries = zip(await texts(page, ".history .what"), await texts(page, ".history td.figure"), strict=True)
    assert list(entries) == [
        ("Taken back by Bakery", "−1,000"),
        ("Collected at Bakery", "+5"),
        ("Expired", "−520"),
        ("Set aside no longer at Bakery", "0"),
        ("Set aside at Bakery", "0"),
        ("Set aside at Bakery", "0"),
        ("Set aside no longer at Bakery", "0"),
        ("Set aside no longer at Bakery", "0"),
        ("Set aside at Bakery", "0"),
        ("Spent at Bakery", "−480"),
        ("Set aside at Bakery", "0"),
        ("Collected at Bakery", "+1,000"),
    ]
    details = [text.split(" · ") for text in await texts(page, ".history .details")]
    assert details[1] == ["Points from Bakery"]
    assert details[2][:2] == ["the shop did not take them in time", "30 points can be spent again"]
    assert details[3] == [
        "900 points asked",
        "there were not enough points",
        "490 points could be spent at that moment",
    ]
    assert details[4][0].startswith("30 points, until ")
    assert details[5][0] == "the points set aside had been spent or freed already"
    assert details[6][0] == "70 points can be spent again"
    assert (await texts(page, ".history .advice"))[0] == "Spend fewer points and pay the rest in another way."
    await page.goto(f"{site.url}")
    assert await page.inner_text("#balance") == "−995"


async def test_a_limit_is_told_with_its_number_and_its_end(site: RunningSite, page: Page) -> None:
    await site.hub.pool.execute("UPDATE programme SET burn_points_min = 200, burn_points_per_day_max = 500")
    await site.hub.clearing.registry.load()
    shop, card = await site.hub.shop("Bakery"), await site.member()
    await shop.earn(card, 10_000)
    await shop.burn(card, 199)
    await shop.burn(card, 501)

    await site.sign_in(page)

    tomorrow = (datetime.now(BERLIN) + timedelta(days=1)).date()
    assert (await texts(page, ".history .details"))[:2] == [
        "501 points asked · more points than can be spent in one day · at most 500 points a day · possible again from "
        f"{format_date(tomorrow, 'medium', locale='en_GB')}, 00:00 · 10,000 points could be spent at that moment",
        "199 points asked · these were fewer points than can be spent at once · at least 200 points · "
        "10,000 points could be spent at that moment",
    ]


RULES: list[tuple[RuleName, int | None, str]] = [
    ("never", None, "Punkte verfallen nicht."),
    ("after_months", 18, "Punkte sind nach dem Einkauf 18 Monate lang einlösbar."),
    ("end_of_month", 36, "Punkte sind nach dem Einkauf 3 Jahre lang einlösbar, bis zum Ende des Monats."),
    ("end_of_quarter", 12, "Punkte sind nach dem Einkauf 1 Jahr lang einlösbar, bis zum Ende des Quartals."),
    ("yearly", 36, "Jedes Jahr nach dem 30. September verfallen die Punkte, die dann mindestens 3 Jahre alt sind."),
    ("inactivity", 1, "Punkte verfallen, wenn das Konto 1 Monat lang nicht genutzt wird."),
]


async def test_the_rule_of_expiry_is_told(site: RunningSite, page: Page) -> None:
    await site.member(language="de")
    await site.sign_in(page)

    for rule, months, told in RULES:
        await site.set_expiry(rule, months=months, day="09-30")
        await page.reload()
        assert (await page.inner_text("#expiry-rule")).startswith(told)


async def test_points_that_came_back_by_grace_say_until_when(site: RunningSite, page: Page) -> None:
    shop, card = await site.hub.shop(), await site.member()
    await shop.earn(card, 100)
    burned = await shop.burn(card, 100)
    site.hub.clock.forward(timedelta(days=3 * 366 + 31))
    back = await shop.reverse(card, burned["id"], points=40)

    await site.sign_in(page)

    until = format_date(date.fromisoformat(back["grace_until"]), "medium", locale="en_GB")
    assert (await texts(page, ".history .details"))[0].startswith(
        f"40 of them had expired meanwhile and live until {until} · "
    )
    assert await texts(page, ".expiries tbody th") == [until]


async def test_why_points_are_missing_is_one_step_away(site: RunningSite, page: Page) -> None:
    await site.member()
    await site.sign_in(page)

    await submit(page, "text=Points missing, or not spent as expected?")

    assert await page.inner_text("h1") == "Points missing?"
    assert await page.locator(".reasons dt").count() == 6
    await submit(page, "main >> text=See your history")
    assert await page.inner_text("h1") == "History"


async def test_history_is_paged_without_a_gap(site: RunningSite, page: Page) -> None:
    shop, card = await site.hub.shop(), await site.member()
    for points in range(1, 61):
        await shop.earn(card, points)

    await site.sign_in(page)
    await page.goto(f"{site.url}/history")
    seen = await texts(page, ".history td.figure")
    while await page.locator("a[rel=next]").count():
        await submit(page, "a[rel=next]")
        seen += await texts(page, ".history td.figure")

    assert seen == [f"+{points}" for points in range(60, 0, -1)]


async def test_the_card_is_shown_as_qr_code_and_in_groups(site: RunningSite, page: Page) -> None:
    card = await site.member(name="Erika Beispiel")

    await site.sign_in(page)
    await submit(page, "nav >> text=Card")

    qr = page.locator("svg.qr")
    assert await qr.locator("title").text_content() == f"Card {printed(card)}"
    assert await qr.get_attribute("role") == "img"
    assert await qr.locator("path").count() == 1
    assert (await page.inner_text(".card-number")).endswith(printed(card))
    assert await page.inner_text(".card-holder") == "Erika Beispiel"


async def test_a_blocked_card_is_not_shown_as_ones_card(site: RunningSite, page: Page) -> None:
    card = await site.member()
    await block_card(site.hub.pool, card, actor="test", now=datetime.now(BERLIN))

    await site.sign_in(page)

    assert "You have no valid card." in await page.inner_text(".card-panel")
    assert await page.locator("svg.qr").count() == 0


async def test_a_member_sees_his_own_points_alone(site: RunningSite, context: BrowserContext, page: Page) -> None:
    shop = await site.hub.shop()
    await shop.earn(await site.member("erika@shop.example"), 700)
    await site.member("max@shop.example")

    await site.sign_in(page, "max@shop.example")

    assert await page.inner_text("#balance") == "0"
    assert await page.locator(".sources").count() == 0


async def test_signing_out_ends_the_session_wherever_its_token_was_copied(
    site: RunningSite, context: BrowserContext, page: Page
) -> None:
    await site.member()
    await site.sign_in(page)
    copied = await context.cookies()

    await submit(page, "text=Sign out")
    await context.add_cookies(copied)  # type: ignore[arg-type]
    await page.goto(f"{site.url}/history")

    assert await page.locator("#email").count() == 1
    assert await site.hub.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_pages_follow_the_browsers_language_and_the_members(
    site: RunningSite, context: BrowserContext, page: Page
) -> None:
    """Before signing in the browser's language counts, then the member's, and over both what he chose."""
    shop, card = await site.hub.shop("Bäckerei"), await site.member(language="de")
    await shop.earn(card, 12_345)
    await page.goto(site.url)
    assert await page.inner_text("h1") == "Sign in"

    await page.fill("#email", "erika@shop.example")
    await submit(page)
    mail = await site.mailbox.next()
    assert "ist Ihr Code" in str(mail["Subject"])
    found = re.search("[0-9]{6}", str(mail["Subject"]))
    assert found is not None
    await page.fill("#code", found[0])
    await submit(page)

    assert await page.inner_text("#balance") == "12.345"
    assert await page.inner_text(".worth") == "im Wert von 123,45\xa0€"
    assert await page.get_attribute("html", "lang") == "de"
    assert re.fullmatch("[0-9]{2}[.][0-9]{2}[.]20[0-9]{2}", await page.inner_text(".expiries time"))
    await submit(page, "text=EN")
    assert await page.inner_text("#balance") == "12,345"
    assert "language" not in page.url
    await page.goto(f"{site.url}/history")
    assert await page.inner_text("h1") == "History"


async def test_a_member_without_a_language_gets_that_of_his_first_browser(site: RunningSite, browser: Browser) -> None:
    """What a shop imports says nothing of it: a German phone stays German, and so do mails and other browsers, until
    the member chooses another one."""
    select = "SELECT language FROM member"
    await site.member(language=None)
    phone = await browser.new_context(locale="de-DE", viewport={"width": 390, "height": 844})
    page = await phone.new_page()
    await page.goto(site.url)
    await page.fill("#email", "erika@shop.example")
    await submit(page)
    mail = await site.mailbox.next()
    found = re.search("([0-9]{6}) ist Ihr Code", str(mail["Subject"]))
    assert found is not None
    assert await site.hub.pool.fetchval(select) is None
    await page.fill("#code", found[1])
    await submit(page)
    assert await page.get_attribute("html", "lang") == "de"
    assert await site.hub.pool.fetchval(select) == "de"
    await phone.close()

    await site.hub.pool.execute("UPDATE sign_in_code SET sent_at = sent_at - interval '1 minute'")
    laptop = await browser.new_context(locale="en-GB")
    page = await laptop.new_page()
    await site.sign_in(page)
    assert await page.get_attribute("html", "lang") == "de"
    await submit(page, "text=EN")
    assert await site.hub.pool.fetchval(select) == "en"
    await laptop.close()


async def test_a_language_chosen_before_signing_in_is_the_members_own(site: RunningSite) -> None:
    """Over the one that is kept of him, in mails as well; whoever signs in after him in that browser has his own."""
    select = "SELECT email, language FROM member ORDER BY email"
    for email in ("anna@shop.example", "erika@shop.example"):
        await site.member(email, language="en")
    async with Forms(site.url) as forms:
        for email, chosen, language in (("erika@shop.example", "de", "de"), ("anna@shop.example", None, "en")):
            await forms.get("/" if chosen is None else f"/?language={chosen}")
            await forms.post("/sign-in", email=email)
            mail = await site.mailbox.next()
            assert ("ist Ihr Code" in str(mail["Subject"])) is (language == "de")
            found = re.search("[0-9]{6}", str(mail["Subject"]))
            assert found is not None
            await forms.post("/sign-in/code", code=found[0])
            assert f'<html lang="{language}"' in (await forms.get("/history")).text
            await forms.post("/sign-out")
    assert [tuple(row) for row in await site.hub.pool.fetch(select)] == [
        ("anna@shop.example", "en"),
        ("erika@shop.example", "de"),
    ]
