"""What stands behind members' debts and moved points, and what is said of operations that are archived."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import Page

from coalition.operations.archive_file import Seal
from coalition.operations.archive_window import archive_window
from coalition.signatures.keys import keyid_of, raw_of_public_key
from coalition.stores.hub_keys import add_hub_key
from settlement.pages import behind_control
from tests.pages.conftest import PASSWORD, RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_member_journey import texts
from tests.report_story import MARCH, two_months

LOST_ON_THE_WAY = "UPDATE window_total SET points = points - 7 WHERE kind = 'moved_in' AND window_no = 1"


async def test_debts_lead_to_the_messages_that_made_them(
    site: RunningSite, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each account with what it owes, which sums to the figure, page by page; a record of it leads to its message."""
    story = await two_months(site.hub)
    for card, returned in zip(await site.hub.cards(3), (30, 20, 0), strict=True):
        sale = await story.bakery.earn(card, 50, reference=f"sale of {returned}")
        await story.garage.burn(card, 50)
        for points in (returned - 1, 1) if returned else ():
            await story.bakery.reverse(card, sale["id"], points=points, reference=f"return of {points}")
    monkeypatch.setattr(behind_control, "PAGE_ROWS", 1)
    monkeypatch.setattr(behind_control, "CHANGES_SHOWN", 1)
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/reports/control")
    await submit(page, "tr:has-text('Members’ debts') a")

    owed = await texts(page, "#debts td.figure")
    changes = await texts(page, "#debts .changes li")
    await submit(page, "text=Next page")
    owed += await texts(page, "#debts td.figure")
    assert (sorted(owed), await page.locator("text=Next page").count()) == (["20", "30"], 0)
    assert "Return at Bakery, points spent or set aside" in changes[0]
    assert changes[0].endswith("+1")
    assert changes[1] == "There are earlier ones; the account’s own page has them."
    await submit(page, "#debts .changes a")
    assert await page.inner_text(".verdict") == "✓ Signature holds"
    assert '"return of 1"' in await page.inner_text("#part")


async def test_points_that_were_moved_are_told_by_window(site: RunningSite, page: Page) -> None:
    """What is lost on the way stands in the control totals; its window says how much came, and lists what left."""
    await two_months(site.hub)
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/moves")
    assert await texts(page, "#moved td") == ["300", "300", "0", "300", "300", "0"]
    await site.hub.pool.execute(LOST_ON_THE_WAY)
    await page.goto(f"{site.url}/finance/reports/control?language=de")
    await submit(page, "#control_points-title + .controls tr:has-text('unterwegs') a")

    assert await texts(page, "#moved td") == ["300", "293", "−7", "300", "293", "−7"]
    await submit(page, "#moved tbody:first-of-type td:nth-of-type(1) a")
    assert await page.inner_text("h1 + p") == "Abgegeben"
    assert await texts(page, "#operations td.figure") == ["300"]


async def test_an_archived_window_says_what_is_left_of_it(site: RunningSite, page: Page, tmp_path: Path) -> None:
    """Not where an operator came from by chance, but to the window, which still has all but its single operations."""
    await two_months(site.hub)
    key = Ed25519PrivateKey.generate()
    seal = Seal(keyid_of(key.public_key()), key.sign)
    async with site.hub.pool.acquire() as connection:
        await add_hub_key(connection, seal.keyid, raw_of_public_key(key.public_key()), valid_from=MARCH)
    await archive_window(site.hub.pool, 1, tmp_path, seal=seal, now=MARCH + timedelta(days=411), actor="test")
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1/partners/1")
    await submit(page, "#lines tr:has-text('Points issued') a")

    assert await page.inner_text("h1") == "Archived"
    assert "Statements, documents and all totals of the window are still here" in await page.inner_text("[role=alert]")
    await submit(page, "main a:has-text('To window 1')")
    assert (await page.inner_text("h1")).split("\n")[0] == "Window 1"
    await page.goto(f"{site.url}/finance/operations?window=1&kind=issued&language=de")
    assert await page.inner_text("main a") == "Zu Zeitraum 1"


@pytest.mark.parametrize("path", ["/finance/debts?after=x", "/finance/debts?after=0.0.0"])
async def test_a_place_that_is_none_is_told_on_a_page(site: RunningSite, path: str) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        assert (await forms.get(path)).status == 404
        assert "No member owes points." in (await forms.get("/finance/debts")).text
