"""Find a window's tax documents, and one of them in any of its formats."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, assert_never

from coalition.database.pool import Pool
from settlement.documents.statement_json import read_json
from settlement.documents.wording import Language
from settlement.engine.money import Currency
from settlement.engine.states import has_reached
from settlement.errors import UnknownDocumentError
from settlement.operations.find_statement import format_statement
from settlement.stores.hub import load_programme
from settlement.stores.legal_parties import load_legal_parties
from settlement.stores.shares import load_statement_contents
from settlement.stores.tax_documents import TaxDocument, find_document, load_content, load_documents
from settlement.stores.windows import find_window

DocumentFormat = Literal["pdf", "xml", "json"]
NoDocuments = Literal["not_invoiced", "nothing_billed", "operator_unknown"]


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document with its canonical JSON and its XML, byte for byte as issued."""

    document: TaxDocument
    content: bytes
    xml: bytes


async def list_documents(
    pool: Pool, window_no: int, *, partner: int | None = None
) -> tuple[list[TaxDocument], Currency]:
    """Return the tax documents of a window, and those that correct them, of all partners or of one; and their currency.

    Raises:
        UnknownWindowError: there is no such window.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        await find_window(connection, window_no)
        programme = await load_programme(connection)
        documents = await load_documents(connection, window_no, programme.currency, partner=partner)
        return documents, programme.currency


async def why_no_documents(pool: Pool, window_no: int) -> NoDocuments:
    """Return why a window without tax documents has none: those that it could have had are written as it is invoiced,
    and never after.

    Raises:
        UnknownWindowError: there is no such window.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        window = await find_window(connection, window_no)
        statements = [read_json(content) for content in await load_statement_contents(connection, window_no)]
    if not has_reached(window.state, "INVOICED"):
        return "not_invoiced"
    is_billed = any(line.amount for statement in statements for line in statement.lines)
    return "operator_unknown" if is_billed else "nothing_billed"


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A file of a window: a statement, or a tax document."""

    name: str
    content: bytes


async def window_files(pool: Pool, window_no: int) -> AsyncIterator[DocumentFile]:
    """Yield every document of a window as files: statements as JSON and letter, tax documents as letter and XML.

    The letters of statements are in the language of who gets them.

    Raises:
        UnknownWindowError: there is no such window.
    """
    documents, _ = await list_documents(pool, window_no)
    async with pool.acquire() as connection:
        parties = await load_legal_parties(connection)
        statements = await load_statement_contents(connection, window_no)
    for content in statements:
        statement = read_json(content)
        party = parties.partners.get(statement.partner)
        language: Language = party.language if party else "en"
        yield DocumentFile(f"{statement.number}.json", content)
        yield DocumentFile(f"{statement.number}.pdf", format_statement(content, "pdf", language))
    for document in documents:
        found = await open_document(pool, document.number)
        yield DocumentFile(f"{document.number}.xml", found.xml)
        yield DocumentFile(f"{document.number}.pdf", format_document(found, "pdf"))


async def open_document(pool: Pool, number: str, *, partner: int | None = None) -> FoundDocument:
    """Return a document by its number; with `partner`, only if it is that partner's.

    Raises:
        UnknownDocumentError: there is none of that number, or it is another partner's.
    """
    if "\0" in number:
        # Which PostgreSQL takes in no text.
        raise UnknownDocumentError(number=number)
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        programme = await load_programme(connection)
        document = await find_document(connection, number, programme.currency)
        if document is None or partner not in (None, document.partner):
            raise UnknownDocumentError(number=number)
        return FoundDocument(document, *await load_content(connection, document.document))


def format_document(found: FoundDocument, document_format: DocumentFormat) -> bytes:
    """Return a document in a format; a PDF takes some 0.2 s of CPU, so do it off the event loop."""
    match document_format:
        case "json":
            return found.content
        case "xml":
            return found.xml
        case "pdf":
            # Imported here, as for statements: most of a second of CPU that every command would pay at its start.
            from settlement.documents.invoice_pdf import write_invoice_pdf

            return write_invoice_pdf(found.content, found.xml)
        case _:
            assert_never(document_format)
