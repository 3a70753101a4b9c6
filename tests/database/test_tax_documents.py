"""A window's tax documents are issued once, all or none, with numbers that have no gap."""

import asyncio
import hashlib
import io
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from pypdf import PdfReader

from coalition.database.pool import Pool
from coalition.operations.check_sums import check_sums
from settlement.documents.figures import day
from settlement.documents.invoice_json import read_invoice_json
from settlement.documents.invoice_pdf import write_invoice_pdf
from settlement.engine.invoice import Earlier
from settlement.errors import (
    CorrectionDecidedError,
    DrafterMayNotApproveError,
    InvalidLegalPartyError,
    MissingLegalDataError,
    UnknownDocumentError,
)
from settlement.operations.approve_window import approve_window
from settlement.operations.book_in_datev import change_datev_settings
from settlement.operations.book_month_in_datev import book_month_in_datev
from settlement.operations.calculate_window import calculate_window
from settlement.operations.correct_document import (
    approve_correction,
    draft_correction,
    list_corrections,
    withdraw_correction,
)
from settlement.operations.find_documents import list_documents
from settlement.operations.find_statement import find_statement
from settlement.operations.invoice_window import invoice, invoice_window
from settlement.operations.make_payments import make_payments
from settlement.operations.manage_bank_account import BankDetails, set_bank_account
from settlement.operations.manage_legal_party import set_legal_party, show_legal_party
from settlement.operations.report_window import report_window
from settlement.operations.settle_window import settle_window
from tests.database.settlement_books import Books, now
from tests.pure.settlement.bank_examples import IBANS, MANDATE, OPERATOR_IBAN
from tests.pure.settlement.en16931 import broken_rules

HAMBURG = {"street": "Hafenstraße 1", "post_code": "20457", "town": "Hamburg", "country": "DE"}
VAT = {"charge_vat": "S 19 DE", "fee_vat": "S 19 DE", "redemption_vat": "S 7 DE"}
DOCUMENTS = "SELECT number, partner, net_minor, vat_minor FROM tax_document ORDER BY document"


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


async def know(books: Books, partner: int | None, **data: str) -> None:
    changes = {"legal_name": f"Party {partner} GmbH", "vat_id": "DE123456789", **HAMBURG, **data}
    await set_legal_party(books.pool, partner, changes, now=now(), actor="test")


async def approved_window(books: Books) -> int:
    number = await books.close()
    await calculate_window(books.pool, number, now=now(), actor="anna")
    await approve_window(books.pool, number, now=now(), actor="bert")
    return number


async def worked_example_1(books: Books) -> tuple[int, int, int]:
    partners = await books.worked_example_1()
    await calculate_window(books.pool, 1, now=now(), actor="anna")
    await approve_window(books.pool, 1, now=now(), actor="bert")
    return partners


async def invoice_it(books: Books, window_no: int) -> None:
    await invoice_window(books.pool, window_no, now=now(), actor="bert")


async def numbers(books: Books) -> list[str]:
    year = f"-{now().year}-"
    return [number.replace(year, " ") for number, *_ in await books.fetch(DOCUMENTS)]


async def killed(database_url: str, window_no: int) -> None:
    """Invoice a window in a session that dies just before its commit."""
    connection: Any = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await invoice(connection, window_no, now=now(), actor="bert")
    assert await connection.fetchval("SELECT count(*) FROM tax_document") == 6
    connection.terminate()


async def test_documents_are_issued_once_though_the_first_try_is_killed(books: Books, database_url: str) -> None:
    """Killed before the commit, repeated by two at once, and repeated again: six documents, numbered from one."""
    a, b, c = await worked_example_1(books)
    for partner in (None, a, b, c):
        await know(books, partner)
    await killed(database_url, 1)
    await asyncio.gather(invoice_it(books, 1), invoice_it(books, 1))
    await invoice_it(books, 1)
    assert await books.fetch(DOCUMENTS) == [
        (f"INV-{now().year}-000001", a, 1_200_000, 0),
        (f"SBI-{now().year}-000001", a, 450_000, 0),
        (f"INV-{now().year}-000002", b, 300_000, 0),
        (f"SBI-{now().year}-000002", b, 800_000, 0),
        (f"INV-{now().year}-000003", c, 500_000, 0),
        (f"SBI-{now().year}-000003", c, 350_000, 0),
    ]
    contents = await books.fetch("SELECT content, xml, xml_digest FROM tax_document ORDER BY document")
    for content, xml, digest in contents:
        assert hashlib.sha256(xml.encode()).digest() == digest
        assert broken_rules(xml.encode()) == []
        kept = read_invoice_json(content.encode())
        assert kept.payable is not None
        assert kept.payable.amount == {a: Decimal(7500), b: Decimal(-5000), c: Decimal(1500)}[kept.partner]


async def test_a_letter_says_what_the_files_for_the_bank_do(books: Books) -> None:
    """Due on a Saturday, it is paid and collected on the day of settlement after it, and the letters name that day; a
    mandate that came after the approval debits nobody, so its letter asks for a transfer."""
    a, b, c = await books.worked_example_1()
    details = BankDetails(iban=OPERATOR_IBAN, holder="A", town="Bonn", country="DE", creditor_id="DE98ZZZ09999999999")
    await set_bank_account(books.pool, None, details, now=now(), actor="anna")
    partners = {a: MANDATE, b: None, c: MANDATE}
    for (partner, mandate), iban in zip(partners.items(), IBANS[:3], strict=True):
        await know(books, partner, language="en")
        if partner != c:
            account = replace(details, iban=iban, creditor_id=None, mandate=mandate)
            await set_bank_account(books.pool, partner, account, now=now(), actor="anna")
    await know(books, None)
    saturday = now() + timedelta(days=(5 - now().weekday()) % 7 + 7)
    await calculate_window(books.pool, 1, now=saturday, actor="anna")
    await approve_window(books.pool, 1, now=saturday, actor="bert")
    late = replace(details, iban=IBANS[2], creditor_id=None, mandate=MANDATE)
    await set_bank_account(books.pool, c, late, now=saturday + timedelta(seconds=1), actor="anna")
    await invoice_window(books.pool, 1, now=saturday + timedelta(seconds=2), actor="bert")

    order = (await make_payments(books.pool, 1)).order
    assert [payment.partner for payment in order.debits] == [a]
    assert order.by_invoice == (c,)
    said = {}
    for content, xml in await books.fetch("SELECT content, xml FROM tax_document ORDER BY document"):
        invoice = read_invoice_json(content.encode())
        assert invoice.payable is not None
        assert invoice.payable.due_on < order.pay_on
        letter = PdfReader(io.BytesIO(write_invoice_pdf(content.encode(), xml.encode())))
        text = " ".join("\n".join(page.extract_text() for page in letter.pages).split())
        pay_on, due_on = (day(date, "en") for date in (order.pay_on, invoice.payable.due_on))
        said[invoice.partner] = (f"on {pay_on} by direct debit" in text, f"by {pay_on}" in text, f"by {due_on}" in text)
    assert said == {a: (True, False, False), b: (False, True, False), c: (False, False, True)}


async def test_who_lacks_data_is_named_and_no_number_is_used(books: Books) -> None:
    a, b, _ = await worked_example_1(books)
    await know(books, None)
    await know(books, a)
    await know(books, b)
    with pytest.raises(MissingLegalDataError) as refused:
        await invoice_it(books, 1)
    assert refused.value.missing == ("C: name and address",)
    assert await books.fetch("SELECT state FROM clearing_window WHERE window_no = 1") == [("APPROVED",)]
    assert await books.fetch("SELECT * FROM document_series") == []
    assert await numbers(books) == []


async def test_a_coalition_whose_operator_nobody_has_written_down_settles_by_statements(books: Books) -> None:
    a, *_ = await worked_example_1(books)
    await know(books, a)
    await invoice_it(books, 1)
    assert await numbers(books) == []


async def test_two_windows_at_once_have_numbers_without_a_gap_and_addresses(books: Books) -> None:
    """VAT of the terms, the counter shared by two windows, and statements addressed with the legal data."""
    a = await books.partner("A", **VAT)
    for partner in (None, a):
        await know(books, partner)
    await books.book(a, "issued", 1000)
    first = await approved_window(books)
    await books.book(a, "issued", 3000)
    second = await approved_window(books)
    await asyncio.gather(invoice_it(books, first), invoice_it(books, second))
    assert sorted(await numbers(books)) == ["INV 000001", "INV 000002"]
    assert sorted(row[2:] for row in await books.fetch(DOCUMENTS)) == [(1000, 190), (3000, 570)]
    assert b'"address":["Hafenstra\xc3\x9fe 1","20457 Hamburg"]' in await find_statement(books.pool, first, a)


async def test_legal_data_are_versions_of_which_the_newest_counts(books: Books) -> None:
    """What is not named stays; the same again, and what is refused, writes nothing."""
    a = await books.partner("A")
    await know(books, a, email="a@example.org")
    await know(books, a, email="a@example.org")
    await set_legal_party(books.pool, a, {"town": "Bremen", "email": ""}, now=now(), actor="test")
    with pytest.raises(InvalidLegalPartyError, match="vat_id"):
        await set_legal_party(books.pool, a, {"vat_id": "DE1"}, now=now(), actor="test")
    party = (await show_legal_party(books.pool, a)).party
    assert (party.town, party.street, party.email) == ("Bremen", "Hafenstraße 1", None)
    assert await books.fetch("SELECT count(*) FROM legal_party") == [(2,)]


async def test_a_correction_needs_a_second_person_and_is_part_of_the_next_payment(books: Books) -> None:
    """Drafted, refused to its drafter, approved once by two at a time: one credit note, one line in the next share."""
    a = await books.partner("A", **VAT)
    for partner in (None, a):
        await know(books, partner)
    await books.book(a, "issued", 10_000)
    first = await approved_window(books)
    await invoice_it(books, first)
    number = f"INV-{now().year}-000001"
    pool = books.pool
    taken_back = {1: Decimal("10.00")}
    draft = await draft_correction(pool, number, reason="Price", taken_back=taken_back, now=now(), actor="anna")
    assert await numbers(books) == ["INV 000001"]
    with pytest.raises(DrafterMayNotApproveError):
        await approve_correction(pool, draft.correction, now=now(), actor="anna")
    # Nor by a door that forgot to ask, nor by one that writes on the table itself.
    with pytest.raises(asyncpg.CheckViolationError):
        await approve_correction(pool, draft.correction, now=now(), actor="anna", is_second_person_needed=False)
    for statement in (
        "UPDATE document_correction SET issued = document, decided_by = drafted_by, decided_at = drafted_at",
        """
        INSERT INTO document_correction (document, reason, drafted_at, drafted_by, decided_at, decided_by, issued)
        SELECT document, reason, drafted_at, drafted_by, drafted_at, drafted_by, document FROM document_correction
        """,
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.execute(statement)
    assert await broken_document_rules(books) == []
    both = await asyncio.gather(
        *(approve_correction(pool, draft.correction, now=now(), actor="bert") for _ in range(2))
    )
    assert {correction.issued for correction in both} == {f"CRN-{now().year}-000001"}
    assert await numbers(books) == ["INV 000001", "CRN 000001"]
    (_, note), _ = await list_documents(pool, first)
    assert (note.corrects, note.gross) == (number, Decimal("11.90"))
    assert await broken_document_rules(books) == []
    await change_datev_settings(pool, {"consultant": 29098, "client": 7, "bank": 1210})
    await settle_window(pool, first, now=now(), actor="bert")
    later = now() + timedelta(days=40)
    month = await book_month_in_datev(pool, now().date(), now=later)
    assert month == await book_month_in_datev(pool, now().date(), now=later + timedelta(days=300))
    rows = [row.split(";") for row in month.decode("cp1252").split("\r\n")[2:-1]]
    # The credit note and its VAT, and what the bank was paid; not the invoice, which is in its window's batch.
    assert [(row[0], row[1], row[6], row[7], row[10]) for row in rows] == [
        ("10,00", '"H"', str(10_000 + a), "1700", f'"CRN-{now().year}-000001"'),
        ("1,90", '"H"', str(10_000 + a), "1776", f'"CRN-{now().year}-000001"'),
        ("119,00", '"H"', str(10_000 + a), "1210", f'"ST-00001-{a:05d}"'),
    ]
    await books.book(a, "issued", 3000)
    second = await approved_window(books)
    await invoice_it(books, second)
    (adjustment,) = (await report_window(pool, second)).adjustments
    assert (adjustment.kind, adjustment.amount, adjustment.about) == ("correction", Decimal("-11.90"), note.document)
    ((payable,),) = await books.fetch("SELECT net_minor + adjusted_minor FROM window_share WHERE window_no = 2")
    assert payable == 3570 - 1190
    # And the letter says what it is of.
    *_, (content,) = await books.fetch("SELECT content FROM tax_document ORDER BY document")
    told = read_invoice_json(content.encode()).payable
    assert told is not None
    assert told.earlier == (Earlier(kind="correction", window=first, amount=Decimal("-11.90")),)


TAKES_TWICE = 'UPDATE tax_document SET content = replace(content, \'"amount":"10.00"\', \'"amount":"101.00"\')'
TAKES_OTHER_VAT = """
UPDATE tax_document SET content = replace(content, '"net":"100.00","treatment"', '"net":"10.00","treatment"')
WHERE number LIKE 'INV-%'
"""


@pytest.mark.parametrize(
    ("tampering", "rule"),
    [
        ("UPDATE document_series SET last_number = 2 WHERE series = 'INV'", "without a gap"),
        ("DELETE FROM document_series WHERE series = 'CRN'", "without a gap"),
        ("UPDATE tax_document SET series_number = 2 WHERE series = 'CRN'", "without a gap"),
        ("UPDATE tax_document SET number = 'INV-1' WHERE series = 'INV'", "without a gap"),
        (TAKES_TWICE, "line by line"),
        (TAKES_OTHER_VAT, "with their VAT"),
        ("UPDATE tax_document SET kind = 'self_billed_credit_note' WHERE series = 'CRN'", "of the kind"),
        ("UPDATE tax_document SET kind = 'corrected_invoice' WHERE series = 'CRN'", "of the kind"),
    ],
)
async def test_the_check_names_documents_that_somebody_changed(books: Books, tampering: str, rule: str) -> None:
    """A number left out, twice or under another name; more taken back than there was, or other VAT with the last."""
    a = await books.partner("A", **VAT)
    for partner in (None, a):
        await know(books, partner)
    await books.book(a, "issued", 10_000)
    await invoice_it(books, await approved_window(books))
    draft = await draft_correction(
        books.pool, f"INV-{now().year}-000001", reason="x", taken_back={1: Decimal(10)}, now=now(), actor="anna"
    )
    await approve_correction(books.pool, draft.correction, now=now(), actor="bert")
    assert await broken_document_rules(books) == []
    assert await books.pool.execute(tampering) not in ("UPDATE 0", "DELETE 0")
    (broken,) = await broken_document_rules(books)
    assert rule in broken


async def broken_document_rules(books: Books) -> list[str]:
    findings = (await check_sums(books.pool)).findings
    rules = [finding.rule for finding in findings if finding.broken]
    return [rule for rule in rules if "documents" in rule or "corrections" in rule]


async def test_two_drafts_cannot_take_back_the_same_amount(books: Books) -> None:
    """What fitted when it was drafted is looked at again when it is issued; a draft may be withdrawn, once."""
    a, *_ = await worked_example_1(books)
    for partner in (None, 1, 2, 3):
        await know(books, partner)
    await invoice_it(books, 1)
    number, pool = f"INV-{now().year}-000001", books.pool
    drafts = [
        await draft_correction(pool, number, reason="Twice", taken_back=None, now=now(), actor="anna") for _ in range(2)
    ]
    results = await asyncio.gather(
        *(approve_correction(pool, draft.correction, now=now(), actor="bert") for draft in drafts),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Correction", "InvalidCorrectionError"]
    ((issued,),) = await books.fetch("SELECT amount_minor FROM share_adjustment WHERE partner = $1", a)
    assert issued == -1_200_000
    (left,) = [draft for draft in await list_corrections(pool) if draft.is_open]
    withdrawn = await withdraw_correction(pool, left.correction, now=now(), actor="anna")
    assert withdrawn.is_withdrawn
    with pytest.raises(CorrectionDecidedError, match="withdrawn"):
        await approve_correction(pool, left.correction, now=now(), actor="bert")
    with pytest.raises(UnknownDocumentError):
        await draft_correction(pool, "INV-1", reason="x", taken_back=None, now=now(), actor="anna")
