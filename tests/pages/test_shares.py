"""A window's page shows what is disputed, payable, due and paid, and an operator answers disputes there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from playwright.async_api import Page

from coalition.lanes.close_window import close_window
from settlement.engine.dispute import Claim
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.default_share import mark_overdue
from settlement.operations.open_dispute import open_dispute
from settlement.operations.record_payment import NewPayment, record_payment
from settlement.pages.windows import DISPUTES_SHOWN
from settlement.stores.disputes import Evidence
from tests.pages.conftest import RunningSite, submit
from tests.pages.test_finance import book_window, press
from tests.pages.test_member_journey import texts


def now() -> datetime:
    return datetime.now(UTC)


async def dispute(site: RunningSite, partner: int, amount: str, *, digest: bytes) -> None:
    """Open a dispute as the partner's signed message does."""
    claim = Claim(line=("issue_charge", 1), operation_ids=(), amount=Decimal(amount), reason="<b>Not</b> ours.")
    evidence = Evidence(
        digest=digest * 32,
        keyid="k",
        received_at=now(),
        authority="hub",
        target="/v1/disputes",
        signature_input="",
        signature="",
        content_digest="",
        body=b"{}",
    )
    await open_dispute(site.hub.pool, partner, 1, claim, evidence=evidence)


async def test_disputes_are_answered_and_payments_seen_on_the_window(site: RunningSite, page: Page) -> None:
    await book_window(site)
    pool = site.hub.pool
    await close_window(pool, clock=now, actor="test")
    await calculate_window(pool, 1, now=now(), actor="test")
    await dispute(site, 1, "10.00", digest=b"a")
    await dispute(site, 1, "5.00", digest=b"b")
    await approve_window(pool, 1, now=now(), actor="other")
    await site.operator("ada", "operate", "approve")
    await site.operator("rita", "read")

    await site.sign_in_operator(page, "rita")
    await page.goto(f"{site.url}/finance/windows/1")
    assert await page.locator("#disputes blockquote").all_inner_texts() == ["<b>Not</b> ours."] * 2
    assert await page.locator("#disputes form").count() == 0
    bakery = "#shares tbody tr:has-text('Bakery')"
    held, payable = f"{bakery} td:nth-child(4)", f"{bakery} td:nth-child(6)"
    assert (await texts(page, held), await texts(page, payable)) == (["−€15.00"], ["€98.90"])

    await page.context.clear_cookies()
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await page.fill("#answer-1", "You are right.")
    await page.fill("#amount-1", "11,00")
    await submit(page, "#dispute-1 button:has-text('Accept')")
    refused = "Nothing was changed: what is accepted has to be more than 0 and at most €10.00, as claimed, not 11.00."
    assert await texts(page, ".note.bad") == [refused] * 2
    # What was typed is kept, in its own form alone.
    kept = [await page.input_value(f"#{name}") for name in ("answer-1", "amount-1", "answer-2", "amount-2")]
    assert kept == ["You are right.", "11,00", "", "5.00"]
    # A thousand to some, one to others.
    await page.fill("#amount-1", "1.000")
    await submit(page, "#dispute-1 button:has-text('Accept')")
    assert "an amount like 12.50" in await page.inner_text("#dispute-1 .note.bad")
    await page.fill("#amount-1", "4,00")
    await submit(page, "#dispute-1 button:has-text('Accept')")
    assert await page.inner_text(".note.good") == "The dispute is accepted. Draft a credit note for it."
    await page.fill("#answer-2", "It is yours.")
    await submit(page, "#dispute-2 button:has-text('Reject')")
    assert (await texts(page, held), await texts(page, payable)) == (["−€4.00"], ["€109.90"])

    await press(page, "Invoice")
    assert await page.inner_text(".note.good") == "The window is invoiced; due dates are below."
    payment = NewPayment(amount=Decimal("9.90"), reference="bank 1", paid_on=now().date())
    await record_payment(pool, 1, 1, payment, now=now(), actor="test")
    await mark_overdue(pool, now=now() + timedelta(days=30), actor="calendar")
    await page.reload()
    assert await texts(page, f"{bakery} td:nth-child(2)") == ["Overdue"]
    assert await texts(page, f"{bakery} td:nth-child(7)") == ["€100.00"]
    assert "bank 1" in await page.inner_text("#received")


async def test_a_window_shows_so_many_disputes_and_tells_of_the_rest(site: RunningSite, page: Page) -> None:
    """However many a partner opens, the page stays one that can be read; each would be a form."""
    await book_window(site)
    await close_window(site.hub.pool, clock=now, actor="test")
    await calculate_window(site.hub.pool, 1, now=now(), actor="test")
    for number in range(DISPUTES_SHOWN + 2):
        await dispute(site, 1, "0.01", digest=str(number).encode())
    await site.operator("ada", "operate")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    assert await page.locator("#disputes > li").count() == DISPUTES_SHOWN
    assert await page.inner_text("#disputes-more") == "2 more, not shown here: Open disputes"
    await page.click("#disputes-more a")
    assert await page.inner_text("h1") == "Open disputes"
