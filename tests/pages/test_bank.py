"""Finance sends its files to the bank and takes the bank's in, without a shell."""

import io
from pathlib import Path

from playwright.async_api import Page

from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.invoice_window import invoice_window
from settlement.operations.manage_bank_account import BankDetails, set_bank_account
from tests.http.conftest import now
from tests.pages.conftest import PASSWORD, RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_finance import book_window, press, texts
from tests.pure.settlement.bank_examples import IBANS, MANDATE, OPERATOR_IBAN
from tests.pure.settlement.bank_files import bank_file, entry


async def invoice(site: RunningSite, page: Page) -> dict[str, int]:
    """Sign an operator in and invoice a window: Bakery owes, Garage is owed, Florist owes the platform fee."""
    await book_window(site)
    await site.operator("ada", "operate", "read")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Close")
    pool = site.hub.pool
    await calculate_window(pool, 1, now=now(), actor="anna")
    await approve_window(pool, 1, now=now(), actor="bert")
    await invoice_window(pool, 1, now=now(), actor="bert")
    rows = await pool.fetch("SELECT name, partner FROM partner")
    return {row["name"]: row["partner"] for row in rows}


async def write_accounts(site: RunningSite, partners: dict[str, int]) -> None:
    for partner, details in (
        (None, BankDetails(iban=OPERATOR_IBAN, holder="Coalition GmbH", town="Bonn", country="DE",
                           creditor_id="DE98ZZZ09999999999")),
        (partners["Garage"], BankDetails(iban=IBANS[0], holder="Garage", town="Bonn", country="DE")),
        (partners["Bakery"], BankDetails(iban=IBANS[1], holder="Bakery", town="Wien", country="AT", mandate=MANDATE)),
    ):  # fmt: skip
        await set_bank_account(site.hub.pool, partner, details, now=now(), actor="anna")


async def test_the_windows_files_go_to_the_bank_and_the_adviser(site: RunningSite, page: Page) -> None:
    """What is missing for a file is told; then each is there to be downloaded, the operations behind a bill too."""
    partners = await invoice(site, page)
    await page.goto(f"{site.url}/finance/windows/1")
    missing = await page.inner_text("section[aria-labelledby=files-title]")
    assert "the operator has no bank account" in missing
    assert "nobody has set the numbers of the tax adviser and of the client" in missing
    assert "There are none, and none will come" in await page.inner_text("section[aria-labelledby=documents-title]")
    operator = BankDetails(iban=OPERATOR_IBAN, holder="Coalition GmbH", town="Bonn", country="DE",
                           creditor_id="DE98ZZZ09999999999")  # fmt: skip
    await set_bank_account(site.hub.pool, None, operator, now=now(), actor="anna")
    await page.reload()
    missing = await page.inner_text("section[aria-labelledby=files-title]")
    assert "Not everybody is in these files yet." in missing
    assert f"Garage (partner {partners['Garage']}) has no bank account: coalition partner bank set" in missing
    await write_accounts(site, partners)
    await site.hub.pool.execute("UPDATE datev_settings SET consultant = 29098, client = 1")
    await page.reload()
    told = await page.inner_text("section[aria-labelledby=files-title]")
    assert "Transfer to Garage a file of its own, since its bank details came later" in " ".join(told.split())
    # A mandate that came after the approval debits nobody.
    assert "Without a mandate, so they pay by themselves: Bakery, Florist." in (
        await page.inner_text("section[aria-labelledby=files-title]")
    )
    files = {}
    for link in ("pain.001, 1", "EXTF", f"a[href$='/items/{partners['Garage']}.csv']"):
        async with page.expect_download() as waiting:
            await page.click(link if link.startswith("a[") else f"text={link}")
        download = await waiting.value
        files[download.suggested_filename] = (await download.path()).read_bytes()
    assert b"<EndToEndId>W00001-P0000" in files[f"W00001-P{partners['Garage']:05d}-transfers-pain.001.001.09.xml"]
    assert files["EXTF_W00001.csv"].startswith(b'"EXTF";700;21;')
    assert files[f"items-1-{partners['Garage']}.csv"].count(b"\r\n") == 3


async def test_a_banks_file_is_taken_in_and_what_needs_a_look_is_shown(
    site: RunningSite, page: Page, tmp_path: Path
) -> None:
    partners = await invoice(site, page)
    await submit(page, "nav >> text=Bank")
    assert "Nobody has written the operator’s account down yet" in await page.inner_text("main")
    await write_accounts(site, partners)
    share = f"W00001-P{partners['Florist']:05d}"
    file = tmp_path / "camt.xml"
    paid, rent = entry("5.00", reference="E1", end_to_end=share), entry("-8.00", reference="E2", text=["Rent"])
    file.write_bytes(bank_file(paid, rent))
    await page.reload()
    await page.set_input_files("#file", file)
    await press(page, "Take it in")
    assert await texts(page, ".tiles dd") == ["1", "1", "0", "0"]
    rows = await texts(page, "#payments tbody tr")
    assert ["Not matched" in rows[0], "2 (line" in rows[0], share in rows[1], "Paid" in rows[1]] == [True] * 4
    await page.set_input_files("#file", file)
    await press(page, "Take it in")
    assert await texts(page, ".tiles dd") == ["0", "0", "2", "0"]
    assert "Rent" in (await texts(page, "#unmatched tbody tr"))[0]
    # Still there long after the import, in the reader's language.
    await page.goto(f"{site.url}/finance/bank?language=de")
    why = "nennt keinen Anteil wie W00007-P00012 und keine Rechnung von uns"
    assert await texts(page, "#unmatched .why") == [why]
    await page.goto(f"{site.url}/finance/bank?language=en")
    back = entry("-6.50", reference="E3", text=["Rücklastschrift"])
    file.write_bytes(bank_file(back, statement_id="STMT-2"))
    await page.set_input_files("#file", file)
    await press(page, "Take it in")
    await page.goto(f"{site.url}/finance/bank?language=de")
    await page.fill("tr:has-text('Rücklastschrift') textarea", f"{share} x")
    await submit(page, "tr:has-text('Rücklastschrift') >> text=So buchen")
    assert "Teil 2: erwartet etwas wie W00007-P00012," in await page.inner_text("#fault")
    await page.goto(f"{site.url}/finance/bank?language=en")
    await page.fill("tr:has-text('Rücklastschrift') textarea", share)
    await submit(page, "tr:has-text('Rücklastschrift') >> text=Book it so")
    assert "expected −€6.50, which the entry is of, got −€5.00" in await page.inner_text("#fault")
    # What was typed is there to be mended; a fee may be written as it is in German.
    assert await page.input_value("tr:has-text('Rücklastschrift') textarea") == share
    assert await page.input_value("tr:has-text('Rent') textarea") == ""
    await page.fill("tr:has-text('Rücklastschrift') textarea", f"{share}+1,50")
    await submit(page, "tr:has-text('Rücklastschrift') >> text=Book it so")
    assert f"{share} −€5.00 (Came back), {share} −€1.50 (Bank’s fee)" in await page.inner_text("p.note.good")
    await press(page, "Of no share")
    assert await page.query_selector("#unmatched") is None
    assert await site.hub.pool.fetchval("SELECT sum(amount_minor) FROM share_payment") == 0
    file.write_bytes(bank_file(paid)[:-20])
    await page.set_input_files("#file", file)
    await press(page, "Take it in")
    assert "The file cannot be read, line 20: " in await page.inner_text("#fault")
    assert await site.hub.pool.fetchval("SELECT count(*) FROM share_payment") == 2


async def test_only_those_who_operate_take_files_in(site: RunningSite) -> None:
    await site.operator("reader", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="reader", password=PASSWORD)
        seen = await forms.get("/finance/bank")
        assert (seen.status, 'type="file"' in seen.text) == (200, False)
        assert (await forms.post("/finance/bank")).status == 403
        sent = {"csrf_token": forms.token, "file": io.BytesIO(bytes(1_100_000))}
        async with forms.client.post(f"{site.url}/finance/bank", data=sent) as large:
            told = await large.text()
            assert (large.status, "larger than 1 MiB" in told, 'href="/finance/bank"' in told) == (413, True, True)
        for path in ("files/transfers.xml", "files/transfers-99.xml", "files/other.xml", "items/1.csv", "items/x.csv"):
            assert (await forms.get(f"/finance/windows/1/{path}")).status == 404
