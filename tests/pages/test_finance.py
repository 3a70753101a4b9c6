"""Operators take a window from open to settled, each with his roles, and see figures that agree."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from coalition.lanes.close_window import close_window
from coalition.pages.operator_sign_in import TRIES_OF_ADDRESS_PER_MINUTE_MAX
from coalition.pages.throttle import Throttle
from settlement.operations.calculate_window import calculate_window
from settlement.operations.correct_document import draft_correction
from settlement.operations.find_statement import find_statement
from settlement.operations.manage_legal_party import set_legal_party
from tests.pages.conftest import PASSWORD, RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_member_journey import texts

FEES: dict[str, Any] = {"service_fee": "0.001", "commission": "0.02", "platform_fee": "5"}


NEXT_YEAR = datetime.now(UTC).year + 1
STEPS = ("close", "calculate", "approve", "invoice", "settle")


async def book_window(site: RunningSite) -> None:
    """Three partners: one that pays, one that is paid, and one with the platform fee alone."""
    bakery, garage = await site.hub.shop("Bakery", **FEES), await site.hub.shop("Garage", **FEES)
    await site.hub.shop("Florist", **FEES)
    card = await site.member()
    earned = await bakery.earn(card, 10_000)
    await garage.earn(card, 500)
    await bakery.reverse(card, earned["id"], points=100)
    await garage.burn(card, 4_000)


async def press(page: Page, text: str) -> None:
    await submit(page, f"main button:has-text('{text}')")


def amount(text: str) -> Decimal:
    return Decimal(text.replace("€", "").replace(",", "").replace("−", "-"))


async def test_a_window_from_open_to_settled_by_two_people(
    site: RunningSite, page: Page, context: BrowserContext
) -> None:
    """Who calculated may not approve; another may; each step is recorded with who took it."""
    await book_window(site)
    await site.operator("ada", "operate", "approve")
    await site.operator("berta", "approve")
    await site.sign_in_operator(page, "ada")
    await submit(page, "text=Look at window 1")

    await press(page, "Close window 1")
    assert await page.inner_text(".note.good") == "The window is closed."
    await press(page, "Calculate")
    await press(page, "Approve")
    assert await page.inner_text(".note.bad") == (
        "Refused: you calculated this window, so somebody else has to approve it."
    )
    await context.clear_cookies()
    await site.sign_in_operator(page, "berta")
    await submit(page, "#windows >> text=Window 1")
    await press(page, "Approve")
    await press(page, "Invoice")
    await press(page, "Mark as settled")

    assert await page.inner_text("h1 .state") == "Settled"
    assert await page.locator("main button").count() == 0
    moves = await site.hub.pool.fetch("SELECT to_state, actor FROM window_move ORDER BY move")
    assert [tuple(move) for move in moves] == [
        ("CLOSED", "operator:ada"),
        ("CALCULATED", "operator:ada"),
        ("APPROVED", "operator:berta"),
        ("INVOICED", "operator:berta"),
        ("SETTLING", "operator:berta"),
        ("SETTLED", "operator:berta"),
    ]


async def test_chart_table_and_payments_agree(site: RunningSite, page: Page) -> None:
    """Bars are as long as the nets are large, to the side that their sign says, and the nets are those of the table."""
    await book_window(site)
    await site.operator("ada", "operate")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Close")
    await press(page, "Calculate")

    names = await texts(page, "#figures tbody th")
    nets = [amount(text) for text in await texts(page, "#figures td.strong")]
    in_table = {name.removesuffix(" Calculated"): net for name, net in zip(names, nets, strict=True)}
    # Bakery 9,900 * 0.011 + 5; Garage 500 * 0.011 + 5 - 4,000 * 0.01 * 0.98; Florist its platform fee.
    assert in_table == {"Bakery": Decimal("113.90"), "Garage": Decimal("-28.70"), "Florist": Decimal("5.00")}
    assert [*in_table] == ["Bakery", "Florist", "Garage"]
    charted = zip(await texts(page, ".net-name"), await texts(page, ".net-amount"), strict=True)
    assert [(name, amount(text)) for name, text in charted] == [
        (name, in_table[name]) for name in ("Bakery", "Florist", "Garage")
    ]
    bars = await page.locator(".net-bar rect:not(.track)").all()
    drawn = [[float(await bar.get_attribute(side) or "") for side in ("x", "width")] for bar in bars]
    zero = float(await page.locator(".zero").first.get_attribute("x1") or "")
    span = 113.90 + 28.70
    assert zero == pytest.approx(28.70 * 100 / span, abs=0.01)
    assert drawn == [
        pytest.approx([zero, 113.90 * 100 / span], abs=0.02),
        pytest.approx([zero, 5.00 * 100 / span], abs=0.02),
        pytest.approx([0, zero], abs=0.02),
    ]
    payments = [amount(text) for text in await texts(page, "#payments td")]
    assert payments[:3] == [Decimal("118.90"), Decimal("-28.70"), Decimal("90.20")]
    assert sum(payments[3:]) == payments[2]


async def test_control_totals_tie_out(site: RunningSite, page: Page) -> None:
    await book_window(site)
    await site.operator("ada", "operate")
    await site.sign_in_operator(page, "ada")
    assert await texts(page, ".tiles dd") == ["10,400", "4,000", "+6,400", "4"]
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Close")
    await press(page, "Calculate")

    assert await texts(page, "#control td") == [
        "+10,500",
        "−100",
        "−4,000",
        "0",
        "+6,400",
        "+6,400",
        "€64.00",
    ]
    assert await page.inner_text(".tie") == "✓ Ties out"


async def test_a_window_that_does_not_tie_out_is_refused_with_its_differences(site: RunningSite, page: Page) -> None:
    await book_window(site)
    await site.operator("ada", "operate")
    await site.hub.pool.execute("UPDATE window_total SET points = points + 7 WHERE kind = 'redeemed'")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Close")

    await press(page, "Calculate")

    assert await page.inner_text(".note.bad") == "Refused: this window does not tie out, and nothing was changed."
    assert any("difference -7" in text for text in await texts(page, ".differences li"))
    assert await page.inner_text("h1 .state") == "Closed"


async def test_statements_are_downloaded(site: RunningSite, page: Page) -> None:
    """Byte for byte as calculated, or the same figures in the other formats."""
    await book_window(site)
    await site.operator("ada", "operate")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Close")
    await press(page, "Calculate")

    files = {}
    for name in ("JSON", "CSV", "XLSX", "PDF"):
        async with page.expect_download() as waiting:
            await page.click(f"a[aria-label='Statement of Garage as {name}']")
        download = await waiting.value
        files[download.suggested_filename] = (await download.path()).read_bytes()

    partner = await site.hub.pool.fetchval("SELECT partner FROM partner WHERE name = 'Garage'")
    kept = await find_statement(site.hub.pool, 1, partner)
    assert files[f"statement-1-{partner}.json"] == kept
    assert json.loads(kept)["partner"]["name"] == "Garage"
    assert list(csv.reader(io.StringIO(files[f"statement-1-{partner}.csv"].decode("utf-8-sig"))))
    assert files[f"statement-1-{partner}.pdf"].startswith(b"%PDF-")


async def test_invoices_are_listed_and_a_second_person_approves_their_correction(site: RunningSite, page: Page) -> None:
    """What they lack is named; then each can be downloaded, and a draft is not approved by who made it."""
    await book_window(site)
    pool, clock = site.hub.pool, datetime.now(UTC)
    address = {"street": "Ring 1", "post_code": "20457", "town": "Hamburg", "country": "DE"}
    await set_legal_party(pool, None, {"legal_name": "Operator", **address}, now=clock, actor="test")
    await site.operator("ada", "operate", "approve")
    await site.operator("berta", "operate", "approve")
    await calculate_window(
        pool, await close_window(pool, clock=lambda: datetime.now(UTC), actor="test"), now=clock, actor="operator:berta"
    )
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Approve")
    await press(page, "Invoice")
    assert "Bakery: name and address; Garage: name and address; Florist" in await page.inner_text(".note.bad")
    for partner, name in ((1, "Bakery"), (2, "Garage"), (3, "Florist")):
        await set_legal_party(pool, partner, {"legal_name": name, **address}, now=clock, actor="test")
    await press(page, "Invoice")
    numbers = await texts(page, "#documents tbody th")
    assert [number[:3] for number in numbers] == ["INV", "INV", "SBI", "INV"]
    for draft in ("operator:ada", "operator:berta"):
        await draft_correction(pool, numbers[0], reason="Price", taken_back={1: Decimal(1)}, now=clock, actor=draft)
    await page.reload()
    await submit(page, "#corrections li:first-child button")
    assert "you drafted this correction" in await page.inner_text(".note.bad")
    await submit(page, "#corrections li:last-child button")
    assert "The correction is issued" in await page.inner_text(".note.good")
    assert [number[:3] for number in await texts(page, "#documents tbody th")] == ["INV", "CRN", "INV", "SBI", "INV"]
    async with page.expect_download() as download:
        await page.click(f"a[href$='{numbers[0]}.pdf']")
    assert (await download.value).suggested_filename == f"{numbers[0]}.pdf"


async def test_each_role_may_do_its_own_part_alone(site: RunningSite) -> None:
    """A form that a browser was never shown is refused all the same."""
    await book_window(site)
    await site.operator("reader", "read")
    await site.operator("operator", "operate")
    async with Forms(site.url) as reader, Forms(site.url) as operator:
        for forms, name in ((reader, "reader"), (operator, "operator")):
            await forms.get("/finance/sign-in")
            await forms.post("/finance/sign-in", name=name, password=PASSWORD)
            await forms.get("/finance/windows/1")
        # A reader's page has no step, and so no form but the one that signs out; its token is good for any form.
        refused = [(await reader.post(f"/finance/windows/1/{step}")).status for step in STEPS]
        assert refused == [403] * len(STEPS)
        assert (await operator.post("/finance/windows/1/close")).status == 200
        assert (await operator.post("/finance/windows/1/calculate")).status == 200
        assert (await operator.post("/finance/windows/1/approve")).status == 403

    assert await site.hub.pool.fetchval("SELECT state FROM clearing_window WHERE window_no = 1") == "CALCULATED"


async def test_a_page_left_lying_about_does_not_close_the_next_window(site: RunningSite) -> None:
    await site.operator("ada", "operate")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        await forms.post("/finance/windows/1/close")
        again = await forms.post("/finance/windows/1/close")

    assert again.status == 409
    assert "has been closed already" in again.text
    assert await site.hub.pool.fetchval("SELECT count(*) FROM clearing_window WHERE state <> 'OPEN'") == 1


async def test_an_operator_who_is_removed_is_out_at_once(site: RunningSite) -> None:
    await site.operator("ada", "operate")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        assert (await forms.post("/finance/sign-in", name="ada", password=PASSWORD)).path == "/finance"
        await site.hub.pool.execute("DELETE FROM operator")

        assert (await forms.get("/finance")).status == 403
        assert (await forms.get("/finance")).path == "/finance/sign-in"


async def test_wrong_passwords_have_to_wait_and_tell_nothing(site: RunningSite) -> None:
    """Five tries a minute for a name from an address, then also the right one waits; an unknown name looks the same."""
    await site.operator("ada", "read")
    moment = datetime.now(UTC)
    site.pages.clock = lambda: moment
    seen = []
    for name in ("ada", "nobody"):
        async with Forms(site.url) as forms:
            await forms.get("/finance/sign-in")
            answers = [await forms.post("/finance/sign-in", name=name, password="wrong") for _ in range(5)]
            answers.append(await forms.post("/finance/sign-in", name=name, password=PASSWORD))
            seen.append([(a.status, a.without_token(forms).replace(f'value="{name}"', "NAME")) for a in answers])

    assert [status for status, _ in seen[0]] == [422] * 5 + [429]
    assert [page for _, page in seen[0]][:5] == [page for _, page in seen[1]][:5]


async def test_one_address_does_not_keep_all_operators_waiting(site: RunningSite) -> None:
    """Whatever names it tries, and from whichever of its addresses; others sign in meanwhile."""
    await site.operator("ada", "read")
    tried = Throttle("password-of-address", TRIES_OF_ADDRESS_PER_MINUTE_MAX, timedelta(minutes=1))
    for _ in range(TRIES_OF_ADDRESS_PER_MINUTE_MAX):
        assert not await tried.take(site.hub.pool, "2001:db8::/64", now=site.pages.clock())
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        for remote, status in (("2001:db8::5", 429), ("2001:db8:0:1::5", 200)):
            behind = {"X-Forwarded-For": remote}
            answer = await forms.post("/finance/sign-in", name="ada", password=PASSWORD, headers=behind)
            assert answer.status == status


async def test_a_member_is_not_an_operator(site: RunningSite, page: Page) -> None:
    await site.member()
    await site.sign_in(page)

    await page.goto(f"{site.url}/finance")

    assert page.url == f"{site.url}/finance/sign-in"


@pytest.mark.parametrize(
    "path",
    [
        "/finance/windows/0",
        "/finance/windows/2147483648",
        "/finance/windows/x",
        "/finance/windows/99",
        "/finance/windows/1/statements/1.pdf",
        "/finance/windows/1/statements/1.exe",
        "/finance/windows/1/statements/99999999999999999999.json",
        "/finance?before=x",
    ],
)
async def test_what_is_not_there_is_told_on_a_page(site: RunningSite, path: str) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        answer = await forms.get(path)

    assert answer.status == 404
    assert "<h1>Not Found</h1>" in answer.text


async def test_windows_are_listed_newest_first_and_paged(site: RunningSite, page: Page) -> None:
    await site.operator("ada", "read")
    await site.hub.pool.execute(
        "INSERT INTO clearing_window (window_no, opened_at) SELECT number, now() FROM generate_series(2, 30) AS number"
    )
    await site.sign_in_operator(page, "ada")
    seen = await texts(page, "#windows tbody th")
    await submit(page, "a[rel=next]")
    seen += await texts(page, "#windows tbody th")

    assert seen == [f"Window {number}" for number in range(30, 0, -1)]


async def test_terms_are_drafted_compared_and_approved_by_two_people(
    site: RunningSite, page: Page, context: BrowserContext
) -> None:
    """What is typed wrong is told by its field; a draft stands beside what runs, with what it would have cost."""
    await book_window(site)
    await site.operator("ada", "operate", "approve")
    await site.operator("berta", "approve")
    await site.sign_in_operator(page, "ada")
    for button in ("Look at window 1", "Close window 1"):
        await submit(page, f"text={button}")
    await submit(page, "nav >> text=Terms")
    assert await page.inner_text(".empty") == "No draft waits for approval."
    await submit(page, "#partners >> text=Bakery")
    assert await page.input_value("#service_fee") == "0.001"

    await page.fill("#issue_price", "cheap")
    await page.fill("#fee_vat", "S 19 DE")
    # A thousand to some, one to others.
    await page.fill("#platform_fee", "1.000")
    await press(page, "Keep the draft")
    assert await texts(page, ".note.bad a") == ["First day", "Issue price per point", "Platform fee per window"]
    await page.fill("#platform_fee", "")
    await page.fill("#issue_price", "0,009")
    await page.fill("#valid_from", f"{NEXT_YEAR}-01-02")
    await page.select_option("#funding", "issuer_pays")
    await press(page, "Keep the draft")
    # Only on the first of a month, and not with a VAT that cannot share an invoice with that of the charges.
    assert await texts(page, ".note.bad a") == ["VAT of fees"]
    await page.fill("#fee_vat", "")
    await press(page, "Keep the draft")
    assert await texts(page, ".note.bad a") == ["Points are paid for"]
    assert await site.hub.pool.fetchval("SELECT count(*) FROM terms_draft") == 0
    await page.fill("#valid_from", f"{NEXT_YEAR}-01-01")
    await press(page, "Keep the draft")

    assert "is kept" in await page.inner_text(".note.good")
    changed = await texts(page, "#compared tr:has(.strong)")
    assert changed == [
        "Points are paid for When issued, into the pool When redeemed, by the issuer (changed)",
        "Issue price per point 0.01 0.009 (changed)",
    ]
    # 9,900 points at 0.01 are 99.00; under the draft nothing, and the 4,000 that the garage redeemed are 40.00.
    assert (await texts(page, "#rated-nets tbody tr"))[0] == "Bakery €113.90 €54.90 −€59.00"
    await page.fill("#last", "40")
    await submit(page, "text=Price anew")
    assert "1 to 24 windows" in await page.inner_text(".note.bad")

    await press(page, "Approve draft 1")
    assert await page.inner_text(".note.bad") == "Refused: you made this draft, so somebody else has to approve it."
    await context.clear_cookies()
    await site.sign_in_operator(page, "berta")
    await page.goto(f"{site.url}/finance/terms/1")
    assert await page.locator("text=Withdraw").count() == 0
    await press(page, "Approve draft 1")
    assert "is approved" in await page.inner_text(".note.good")
    versions = await site.hub.pool.fetch("SELECT version, created_by, approved_by FROM terms WHERE partner = 1")
    assert tuple(versions[1]) == (2, "operator:ada", "operator:berta")
    await page.goto(f"{site.url}/finance/terms/1")
    assert "Approved by operator:berta" in await page.inner_text(".note.good")


async def test_a_draft_typed_beside_an_old_version_is_refused_and_one_is_withdrawn(site: RunningSite) -> None:
    await site.hub.shop("Bakery", **FEES)
    await site.operator("ada", "operate")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        form = await forms.get("/finance/terms/partners/1")
        assert 'name="seen_version" value="1"' in form.text
        kept = await forms.post("/finance/terms/partners/1", valid_from=f"{NEXT_YEAR}-01-01", seen_version="1")
        assert (kept.status, kept.path) == (200, "/finance/terms/1")
        stale = await forms.post("/finance/terms/partners/1", valid_from=f"{NEXT_YEAR}-01-01", seen_version="0")
        assert (stale.status, "Draft it anew" in stale.text) == (409, True)
        approved = await forms.post("/finance/terms/1/approve")
        assert approved.status == 403
        assert (await forms.post("/finance/terms/1/withdraw")).path == "/finance/terms"
        for path in ("2", "partners/9", "partners/x", "x"):
            assert (await forms.get(f"/finance/terms/{path}")).status == 404, path
    assert await site.hub.pool.fetch("SELECT state FROM terms_draft") == [("WITHDRAWN",)]
