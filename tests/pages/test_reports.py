"""From a figure of a report down to the message that a partner signed, in a real browser; and what it can't show."""

import html
import io
import json
import re

import openpyxl
import pytest
from playwright.async_api import Page

from settlement.operations.reports.make_report import REPORT_NAMES
from tests.pages.conftest import PASSWORD, RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_member_journey import texts
from tests.report_story import two_months

LINK = re.compile(r'<a href="(/finance/[^"]*)"')
FINER_PRICES = """
UPDATE window_share SET statement = replace(
    regexp_replace(statement, '"price":"0.01"', '"price":"0.0005"'), '"rate":"0.02"', '"rate":"0.012345"')
"""
ROW = "tr:has(th:text-is('Bakery'))"


async def test_a_figure_is_opened_down_to_the_signed_message(site: RunningSite, page: Page) -> None:
    """Issued points of a partner, as in the table so in the chart: to its operations, which sum to them; from one of
    these to its record with the message. A net leads there too, by way of the statement's lines."""
    await two_months(site.hub)
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")
    await submit(page, "nav >> text=Reports")
    await submit(page, "text=Points by partner")
    await page.fill("#window", "1")
    await submit(page, "main form button")

    assert (await texts(page, "#points_by_partner tbody tr:first-child td"))[:2] == ["1,351", "100"]
    assert await texts(page, "#chart-1 .chart-label") == ["Bakery", "Garage"]
    assert (await texts(page, "#chart-1 .chart-figures"))[0].split() == ["1,351", "0"]
    await submit(page, f"#points_by_partner {ROW} >> text=1,351")
    billed = [text.split()[0] for text in await texts(page, "#operations td.figure")]
    assert sorted(billed) == ["1,000", "300", "51"]
    await submit(page, "#operations tr:has-text('4711') a")
    assert await page.inner_text(".verdict") == "✓ Signature holds"
    assert json.loads(await page.inner_text("#part"))["reference"] == "4711"

    await page.goto(f"{site.url}/finance/windows/1")
    await submit(page, "#figures >> text=Garage")
    amounts = await texts(page, "#lines td.strong")
    assert amounts == ["€0.50", "−€4.00", "€1.50", "€0.08", "−€0.03"]
    points = await texts(page, "#lines td:nth-of-type(2)")
    assert points[:5] == ["50", "400", "−150", "400", "−150"]
    # Prices and rates have all of their digits, as few as they are of.
    await site.hub.pool.execute(FINER_PRICES)
    await page.reload()
    assert (await texts(page, "#lines td:nth-of-type(3)"))[:2] == ["0.0005", "0.01"]
    assert await texts(page, "#lines tr:has-text('Commission') td:nth-of-type(4)") == ["1.2345%", "1.2345%"]
    await submit(page, "#lines tr:has-text('Points issued') a")
    assert (await texts(page, "#operations td.figure"))[0].split() == ["50", "of", "101"]


async def test_the_close_and_the_control_totals(site: RunningSite, page: Page) -> None:
    """What is next is said in words, and that all ties out is said where it does."""
    await two_months(site.hub)
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/2")
    await submit(page, "text=What stands in the way")

    assert await page.inner_text("#close .next .what") == "Approved by a second person"
    assert "operator:ada" in await page.inner_text("#close .next")
    await submit(page, "#close >> text=Points tie out")
    assert set(await texts(page, ".verdict")) == {"✓ Ties out"}
    await submit(page, ".control >> text=−1,051")
    async with page.expect_download() as waiting:
        await page.click("a[aria-label='This report as XLSX']")
    download = await waiting.value
    assert download.suggested_filename == "breakage-2.xlsx"
    sheet = openpyxl.load_workbook(io.BytesIO((await download.path()).read_bytes())).worksheets[0]
    assert [cell.value for cell in sheet[2]][:4] == ["2027-03", 1_301, 250, 1_051]


async def test_every_report_is_a_page_with_or_without_anything_to_show(site: RunningSite) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        empty = [await forms.get(f"/finance/reports/{name}") for name in REPORT_NAMES]
        await two_months(site.hub)
        # Months later a session is over.
        await forms.get("/finance/sign-in?language=de")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        full = [await forms.get(f"/finance/reports/{name}") for name in REPORT_NAMES]
        files = [await forms.get(f"/finance/reports/{name}.csv?window=1") for name in REPORT_NAMES]
        lots = await forms.get("/finance/lots?month=2027-03&payer=1")
        # Wherever a figure leads, there is a page.
        linked = {html.unescape(path) for answer in full for path in LINK.findall(answer.text)}
        led = {path: (await forms.get(path.partition("#")[0])).status for path in linked}

    for answers, ending in ((empty, ""), (full, ""), (files, ".csv")):
        assert [(answer.status, answer.path) for answer in answers] == [
            (200, f"/finance/reports/{name}{ending}") for name in REPORT_NAMES
        ]
    assert "März 2027" in lots.text
    assert {path for path, status in led.items() if status != 200} == set()
    assert {path.partition("?")[0] for path in led} >= {"/finance/operations", "/finance/lots", "/finance/windows/1"}


@pytest.mark.parametrize(
    "path",
    [
        "/finance/reports/weather",
        "/finance/reports/nets.pdf",
        "/finance/reports/nets?window=99",
        "/finance/reports/nets?window=x",
        "/finance/reports/nets?partner=99",
        "/finance/reports/nets?partner=-1",
        "/finance/operations?window=1",
        "/finance/operations?window=1&kind=stolen",
        "/finance/operations?window=9&kind=issued",
        "/finance/operations?window=1&kind=issued&after=x",
        "/finance/operations?window=1&kind=issued&terms=1.5",
        "/finance/lots?month=2027-13",
        "/finance/lots?payer=me",
        "/finance/lots?after=0.0.0",
        "/finance/windows/1/partners/x",
        "/finance/windows/1/partners/1",
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
