"""A window's tax documents: listed on its page, and each to be downloaded."""

import asyncio
from dataclasses import dataclass
from typing import Final, get_args

from aiohttp import web

from coalition.database.pool import Pool
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from settlement.engine.states import has_reached
from settlement.errors import UnknownDocumentError
from settlement.operations.find_documents import DocumentFormat, format_document, list_documents, open_document
from settlement.operations.report_window import WindowReport
from settlement.stores.tax_documents import TaxDocument

FORMATS: Final[tuple[DocumentFormat, ...]] = get_args(DocumentFormat)
CONTENT_TYPES: Final[dict[DocumentFormat, str]] = {
    "json": "application/json",
    "xml": "application/xml",
    "pdf": "application/pdf",
}
NUMBER_CHARS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A tax document with its partner's name."""

    document: TaxDocument
    partner: str


async def load_window_documents(pool: Pool, report: WindowReport) -> list[ListedDocument] | None:
    """Return an invoiced window's tax documents; None before it is invoiced."""
    if not has_reached(report.window.state, "INVOICED"):
        return None
    documents, _ = await list_documents(pool, report.window.window_no)
    names = {partner.partner: partner.name for partner in report.partners}
    return [ListedDocument(document, names[document.partner]) for document in documents]


async def download_document(visit: Visit) -> web.StreamResponse:
    """Answer a tax document as a file, in the language in which it was issued."""
    await signed_in_operator(visit)
    match = visit.request.match_info
    document_format = next((known for known in FORMATS if known == match["format"]), None)
    if document_format is None:
        raise PageRefusedError(status=404, key="not_found")
    try:
        found = await open_document(visit.site.pool, match["number"][:NUMBER_CHARS_MAX])
    except UnknownDocumentError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    # Drawing a PDF takes a while, and all else goes on meanwhile.
    body = await asyncio.to_thread(format_document, found, document_format)
    headers = {
        "Content-Type": CONTENT_TYPES[document_format],
        "Content-Disposition": f'attachment; filename="{found.document.number}.{document_format}"',
    }
    return web.Response(body=body, headers=headers)
