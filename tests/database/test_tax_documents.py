"""A window's tax documents are issued once, all or none, with numbers that have no gap."""

import asyncio
import hashlib
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from coalition.database.pool import Pool
from settlement.documents.invoice_json import read_invoice_json
from settlement.errors import InvalidLegalPartyError, MissingLegalDataError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_statement import find_statement
from settlement.operations.invoice_window import invoice, invoice_window
from settlement.operations.manage_legal_party import set_legal_party, show_legal_party
from tests.database.settlement_books import Books, now
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
