"""An operator finds an account by its card, and its balance is explained lot by lot."""

from datetime import datetime, timedelta

import structlog
from playwright.async_api import Locator, Page

from coalition.operations.manage_card import replace_card
from coalition.programme.card_number import printed
from tests.pages.conftest import PASSWORD, RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_member_journey import BERLIN, month_end, texts


def number(text: str) -> int:
    return int(text.replace(",", "").replace("−", "-").replace("+", ""))


async def rows(lot: Locator) -> list[tuple[str, str]]:
    """Return what happened to a lot, with its points."""
    told = [" ".join(text.split()) for text in await lot.locator(".did").all_inner_texts()]
    return list(zip(told, await lot.locator("td.figure").all_inner_texts(), strict=True))


async def look_up(site: RunningSite, page: Page, card: str) -> None:
    """Sign in as a reader and ask for a card as it is printed."""
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")
    await submit(page, "nav >> text=Account")
    await page.fill("#card", printed(card))
    await submit(page)


async def eventful_account(site: RunningSite) -> str:
    """Three lots: one at two VAT rates, spent in parts, given back in part, returned; a debt; holds of each outcome."""
    bakery, garage = await site.hub.shop("Bakery"), await site.hub.shop("Garage")
    card = await site.member(name="Erika Beispiel")
    vat = [{"rate": "19", "points": 80}, {"rate": "7", "points": 40}]
    sale = await bakery.earn(card, 120, shop="0042", reference="4711", vat=vat)
    await garage.earn(card, 1_000)
    burned = await garage.burn(card, 500, shop="7", reference="B-1")
    await garage.reverse(card, burned["id"], points=300)
    held = await garage.operate("reserve", card, points=700)
    await garage.operate("capture", card, reserve_id=held["id"], points=650)
    freed = await garage.operate("reserve", card, points=10)
    await garage.operate("release", card, reserve_id=freed["id"])
    await garage.operate("reserve", card, points=5, timeout_s=60)
    site.hub.clock.forward(timedelta(seconds=61))
    await bakery.operate("reserve", card, points=270, timeout_s=3_600)
    await bakery.reverse(card, sale["id"])
    await bakery.earn(card, 50)
    return card


async def test_a_balance_is_explained_to_the_point(site: RunningSite, page: Page) -> None:
    """Each lot's records sum to what remains of it; these, less the debt, to the balance; that, less holds, to what is
    available; and all figures are those that the hub gave the shops."""
    card = await eventful_account(site)

    await look_up(site, page, card)

    assert await texts(page, "#people tbody tr") == [f"Erika Beispiel {(await texts(page, '#people td'))[0]}"]
    assert printed(card) in await page.inner_text("#people")
    assert await page.inner_text(".verdict") == "✓ Ties out"
    in_lots, debt, balance, held, available = [number(text) for text in await texts(page, "#sums td")]
    assert in_lots + debt == balance
    assert balance + held == available
    kept = await site.hub.pool.fetchrow("SELECT balance, debt, held FROM account WHERE balance <> 0")
    assert kept is not None
    assert (balance, -debt, -held) == tuple(kept)
    remaining = []
    for lot in await page.locator(".lot").all():
        *changes, left = [number(text) for text in await lot.locator("td.figure").all_inner_texts()]
        assert sum(changes) == left
        remaining.append(left)
    assert len(remaining) == 4
    assert sum(remaining) == in_lots


async def test_a_lots_records_say_what_where_and_when(site: RunningSite, page: Page) -> None:
    card = await eventful_account(site)

    await look_up(site, page, card)

    sold_at_19 = page.locator(".lot").filter(has_text="19%")
    assert await texts(page, ".lot .facts >> nth=0 >> dd") == [
        f"{datetime.now(BERLIN):%B %Y}",
        "Garage",
        "not stated",
        month_end(datetime.now(BERLIN)),
    ]
    assert await rows(sold_at_19) == [
        ("Collected at Bakery Shop 0042 · Receipt 4711", "+80"),
        ("Spent at Garage Shop 7 · Receipt B-1", "−80"),
        ("= Remains", "0"),
    ]
    assert await rows(page.locator(".lot").filter(has_text="1,000")) == [
        ("Collected at Garage", "+1,000"),
        ("Spent at Garage Shop 7 · Receipt B-1", "−380"),
        ("Came back from Garage", "+300"),
        ("Spent at Garage, from points set aside", "−650"),
        ("Repaid debt, with the earn at Bakery", "−50"),
        ("= Remains", "220"),
    ]


async def test_holds_and_debt_are_told_with_their_records(site: RunningSite, page: Page) -> None:
    card = await eventful_account(site)

    await look_up(site, page, card)

    holds = await texts(page, "#holds .did")
    assert [text.split(",")[0] for text in holds] == [
        "Bakery open",
        "Garage timed out",
        "Garage released",
        "Garage 650 spent",
    ]
    # Not booked yet, and over all the same.
    site.hub.clock.forward(timedelta(hours=1))
    await submit(page)
    assert (await texts(page, "#holds .did"))[0].startswith("Bakery timed out")
    debts = list(zip(await texts(page, "#debts .did"), await texts(page, "#debts td.figure"), strict=True))
    assert debts == [("Repaid by an earn at Bakery", "−50"), ("Return at Bakery, points spent or set aside", "+120")]


async def test_points_expired_and_not_booked_yet_are_told_apart(site: RunningSite, page: Page) -> None:
    """The balance is the one that the member sees, whether or not the hub has booked the expiry already."""
    shop, card = await site.hub.shop(), await site.member()
    await shop.earn(card, 400)
    await shop.operate("reserve", card, points=100, timeout_s=7 * 24 * 3600)
    site.hub.clock.forward(timedelta(days=3 * 366 + 31))
    await look_up(site, page, card)
    assert await texts(page, "#sums td") == ["400", "0", "−400", "0", "0", "0"]

    await shop.earn(card, 7)
    await page.fill("#card", card)
    await submit(page)

    assert await texts(page, "#sums td") == ["7", "0", "7", "0", "7"]
    assert (await texts(page, ".lot .did"))[-2:] == ["Expired", "= Remains"]


async def test_cards_and_rights_of_a_household_are_told(site: RunningSite, page: Page) -> None:
    """Whoever asks why a card is refused learns its state, whichever card of the account was entered."""
    lost = await site.member(name="Erika")
    replaced_by = (await replace_card(site.hub.pool, lost, actor="test", now=datetime.now(BERLIN))).card
    await site.hub.pool.execute("UPDATE member SET may_burn = false")

    await look_up(site, page, lost)

    assert await texts(page, "#people th[scope=row]") == ["Erika may collect, not spend"]
    first, second = await texts(page, "#people .line")
    assert first.startswith(printed(replaced_by))
    assert "replaced" not in first
    assert second.startswith(printed(lost))
    assert second.endswith("replaced")


async def test_broken_sums_are_told(site: RunningSite, page: Page) -> None:
    shop, card = await site.hub.shop(), await site.member()
    await shop.earn(card, 400)
    await site.hub.pool.execute("UPDATE lot SET remaining = 399")

    await look_up(site, page, card)

    assert await texts(page, ".verdict") == ["✗ Does not tie out", "✗ Does not tie out"]
    assert "coalition check" in await page.inner_text(".note.bad")


async def test_many_lots_and_uses_are_paged_and_summed(site: RunningSite, page: Page) -> None:
    """A page has so many lots, and a lot names so many records; what is not named is in the sum."""
    shop, card = await site.hub.shop(), await site.member()
    await shop.send(*[shop.operation("earn", card, points=100) for _ in range(30)])
    await shop.send(*[shop.operation("burn", card, points=1) for _ in range(25)])

    await look_up(site, page, card)
    assert "1 to 25 of 30" in await page.inner_text("#lots")
    assert (await texts(page, ".lot >> nth=0 >> .did"))[-2:] == ["5 further records", "= Remains"]
    assert (await texts(page, ".lot >> nth=0 >> td.figure"))[-2:] == ["−5", "75"]
    seen = await texts(page, ".lot h3")
    await submit(page, "#next")

    assert "26 to 30 of 30" in await page.inner_text("#lots")
    seen += await texts(page, ".lot h3")
    assert len(set(seen)) == 30
    await submit(page, "#previous")
    assert "1 to 25 of 30" in await page.inner_text("#lots")


async def test_a_card_stands_in_no_address_and_no_log(site: RunningSite) -> None:
    """Who looked at which account is noted; the card, which leads to a person, is not."""
    card = await site.member()
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        with structlog.testing.capture_logs() as logs:
            answer = await forms.post("/finance/account", card=card)
            by_address = await forms.get(f"/finance/account?card={card}")

    assert (answer.status, answer.path) == (200, "/finance/account")
    assert "Erika" in answer.text
    assert "Erika" not in by_address.text
    assert [(entry["event"], entry["operator"]) for entry in logs] == [("account.explained", "ada")]
    assert card not in str(logs)


async def test_a_card_that_leads_nowhere_is_told(site: RunningSite) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        for typed, told in (("2760 9999 9999 9", "No card has this number."), ("<b>x", "Enter a card number")):
            answer = await forms.post("/finance/account", card=typed)
            assert (answer.status, told in answer.text) == (422, True)
            assert "<b>x" not in answer.text


async def test_the_page_is_for_operators_alone(site: RunningSite, page: Page) -> None:
    card = await site.member()
    await site.sign_in(page)
    await page.goto(f"{site.url}/finance/account")
    assert page.url == f"{site.url}/finance/sign-in"
    async with Forms(site.url) as forms:
        assert (await forms.post("/finance/account", card=card)).path == "/finance/sign-in"
