"""Tax documents and the counters of their numbers: written once, never changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.invoice import SERIES, Invoice, InvoiceKind
from settlement.engine.money import Currency, from_minor, to_minor
from settlement.engine.payment_reference import ShareReference


@dataclass(frozen=True, slots=True)
class IssuedInvoice:
    """A document to be written: its place in its series, its canonical JSON and its XML."""

    invoice: Invoice
    series_number: int
    content: bytes
    xml: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxDocument:
    """A document without its content, as lists show it; `corrects` is the number of its original."""

    document: int
    number: str
    kind: InvoiceKind
    window_no: int
    partner: int
    net: Decimal
    vat: Decimal
    corrects: str | None
    xml_digest: bytes
    issued_at: datetime
    issued_by: str

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


RAISE_COUNTER = """
INSERT INTO document_series AS counter (series, year, last_number) VALUES ($1, $2, $3)
ON CONFLICT (series, year) DO UPDATE SET last_number = counter.last_number + $3
RETURNING last_number
"""


async def draw_numbers(connection: Connection, kind: InvoiceKind, *, year: int, count: int) -> range:
    """Return the next numbers of a series, which are this transaction's: if it fails, they are drawn again.

    Whoever else draws from the series waits until it ends.
    """
    last: int = await connection.fetchval(RAISE_COUNTER, SERIES[kind], year, count)
    return range(last - count + 1, last + 1)


INSERT_DOCUMENTS = """
INSERT INTO tax_document (number, kind, series, year, series_number, window_no, partner, net_minor, vat_minor,
    corrects, content, xml, xml_digest, issued_at, issued_by)
SELECT new.number, new.kind, new.series, $1, new.series_number, new.window_no, new.partner, new.net_minor,
    new.vat_minor, $2, new.content, new.xml, new.xml_digest, $3, $4
FROM unnest($5::text[], $6::text[], $7::text[], $8::integer[], $9::integer[], $10::bigint[], $11::bigint[],
    $12::bigint[], $13::text[], $14::text[], $15::bytea[])
    WITH ORDINALITY AS new (number, kind, series, series_number, window_no, partner, net_minor, vat_minor, content,
        xml, xml_digest, place)
ORDER BY new.place
"""


async def insert_documents(
    connection: Connection,
    issued: Sequence[IssuedInvoice],
    *,
    year: int,
    corrects: int | None = None,
    now: datetime,
    actor: str,
) -> None:
    """Write documents of one year; `corrects` is the document that all of them correct."""
    invoices = [document.invoice for document in issued]
    await connection.execute(
        INSERT_DOCUMENTS,
        year,
        corrects,
        now,
        actor,
        [invoice.number for invoice in invoices],
        [invoice.kind for invoice in invoices],
        [SERIES[invoice.kind] for invoice in invoices],
        [document.series_number for document in issued],
        [invoice.window for invoice in invoices],
        [invoice.partner for invoice in invoices],
        [to_minor(invoice.net, invoice.currency) for invoice in invoices],
        [to_minor(invoice.vat, invoice.currency) for invoice in invoices],
        [document.content.decode() for document in issued],
        [document.xml.decode() for document in issued],
        [hashlib.sha256(document.xml).digest() for document in issued],
    )


SELECT_WINDOW_DOCUMENTS = """
SELECT document.document, document.number, document.kind, document.window_no, document.partner, document.net_minor,
    document.vat_minor, original.number AS corrects, document.xml_digest, document.issued_at, document.issued_by
FROM tax_document AS document
LEFT JOIN tax_document AS original ON original.document = document.corrects
WHERE document.window_no = $1 AND ($2::bigint IS NULL OR document.partner = $2)
ORDER BY document.partner, document.document
"""


async def load_documents(
    connection: Connection, window_no: int, currency: Currency, *, partner: int | None = None
) -> list[TaxDocument]:
    """Return a window's documents, those that correct them among them, of all partners or of one."""
    rows = await connection.fetch(SELECT_WINDOW_DOCUMENTS, window_no, partner)
    return [_document(row, currency) for row in rows]


SELECT_DOCUMENT = """
SELECT document.document, document.number, document.kind, document.window_no, document.partner, document.net_minor,
    document.vat_minor, original.number AS corrects, document.xml_digest, document.issued_at, document.issued_by
FROM tax_document AS document
LEFT JOIN tax_document AS original ON original.document = document.corrects
WHERE document.number = $1
"""


async def find_document(connection: Connection, number: str, currency: Currency) -> TaxDocument | None:
    """Return a document by its number."""
    row = await connection.fetchrow(SELECT_DOCUMENT, number)
    return None if row is None else _document(row, currency)


SELECT_SHARES = "SELECT number, window_no, partner FROM tax_document WHERE number = ANY($1)"


async def load_document_shares(connection: Connection, numbers: Sequence[str]) -> dict[str, ShareReference]:
    """Return the shares of those of some documents that there are, by number."""
    rows = await connection.fetch(SELECT_SHARES, list(numbers))
    return {row["number"]: ShareReference(row["window_no"], row["partner"]) for row in rows}


SELECT_CONTENTS = "SELECT content, xml FROM tax_document WHERE document = $1"


async def load_content(connection: Connection, document: int) -> tuple[bytes, bytes]:
    """Return a document's canonical JSON and its XML, byte for byte as issued."""
    row = await connection.fetchrow(SELECT_CONTENTS, document)
    assert row is not None, "a document is never deleted"
    return row["content"].encode(), row["xml"].encode()


SELECT_CORRECTIONS_ISSUED = """
SELECT content FROM tax_document WHERE corrects IS NOT NULL AND issued_at >= $1 AND issued_at < $2 ORDER BY document
"""


async def load_corrections_issued(connection: Connection, *, start: datetime, end: datetime) -> list[bytes]:
    """Return the canonical JSON of every correction issued from a moment on and before another."""
    return [row["content"].encode() for row in await connection.fetch(SELECT_CORRECTIONS_ISSUED, start, end)]


def _document(row: asyncpg.Record, currency: Currency) -> TaxDocument:
    return TaxDocument(
        document=row["document"],
        number=row["number"],
        kind=row["kind"],
        window_no=row["window_no"],
        partner=row["partner"],
        net=from_minor(row["net_minor"], currency),
        vat=from_minor(row["vat_minor"], currency),
        corrects=row["corrects"],
        xml_digest=row["xml_digest"],
        issued_at=row["issued_at"],
        issued_by=row["issued_by"],
    )
