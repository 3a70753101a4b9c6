"""What partners may see of their tax documents: the list of a window's, and each as XML and as a letter."""

import asyncio
import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from coalition.http.answers import AnswerModel
from coalition.http.routes import POOL, Answer, PartnerCall, Route
from settlement.engine.invoice import InvoiceKind
from settlement.errors import SettlementError, UnknownDocumentError
from settlement.http.problems import refusal_of
from settlement.http.windows import WINDOW_MAX, number_in_range
from settlement.operations.find_documents import DocumentFormat, format_document, list_documents, open_document
from settlement.text.tax_document import tax_document_document

NUMBER_CHARS_MAX: Final = 40
CONTENT_TYPES: Final[Mapping[DocumentFormat, str]] = {
    "json": "application/json",
    "xml": "application/xml",
    "pdf": "application/pdf",
}


class TaxDocumentAnswer(AnswerModel):
    """A tax document; `type_code` is that of UNTDID 1001, `corrects` the number of its original.

    An `invoice` is from the operator to you; a `self_billed_invoice` is yours, written by the operator on your behalf.
    On a credit note, amounts above 0 take back.
    """

    number: str
    kind: InvoiceKind
    type_code: str
    window: int
    net: str
    vat: str
    gross: str
    currency: str
    issued_at: str
    corrects: str | None
    xml_sha256: str


class DocumentsAnswer(AnswerModel):
    """Your documents of a window, those that correct them among them; none before it is invoiced."""

    documents: list[TaxDocumentAnswer]


async def get_documents(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's tax documents of a window."""
    window_no = number_in_range(request.match_info["window"], "window", least=1, most=WINDOW_MAX)
    try:
        documents, currency = await list_documents(request.app[POOL], window_no, partner=call.partner)
    except SettlementError as error:
        raise refusal_of(error) from error
    answer = {"documents": [tax_document_document(document, currency.code) for document in documents]}
    return Answer(200, json.dumps(answer).encode())


async def get_document_xml(request: web.Request, call: PartnerCall) -> Answer:
    """Answer one of the caller's documents as EN 16931 XML, byte for byte as issued."""
    return await _document_answer(request, call, "xml")


async def get_document_pdf(request: web.Request, call: PartnerCall) -> Answer:
    """Answer one of the caller's documents as a letter that holds the XML."""
    return await _document_answer(request, call, "pdf")


async def _document_answer(request: web.Request, call: PartnerCall, document_format: DocumentFormat) -> Answer:
    window_no = number_in_range(request.match_info["window"], "window", least=1, most=WINDOW_MAX)
    number = request.match_info["number"]
    try:
        found = await open_document(request.app[POOL], number[:NUMBER_CHARS_MAX], partner=call.partner)
        if found.document.window_no != window_no:
            raise UnknownDocumentError(number=number[:NUMBER_CHARS_MAX])
    except SettlementError as error:
        raise refusal_of(error) from error
    # Off the event loop, which has tills waiting for it.
    body = await asyncio.to_thread(format_document, found, document_format)
    name = f"{found.document.number}.{document_format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(200, body, CONTENT_TYPES[document_format], headers)


ROUTES = [
    Route(
        "GET",
        "/v1/windows/{window}/documents",
        "partner",
        get_documents,
        "Your invoices, self-billed invoices and credit notes of a window.",
        answers=DocumentsAnswer,
    ),
    Route(
        "GET",
        "/v1/windows/{window}/documents/{number}.xml",
        "partner",
        get_document_xml,
        "One of your documents as EN 16931 XML, byte for byte as issued.",
        content_type="application/xml",
    ),
    Route(
        "GET",
        "/v1/windows/{window}/documents/{number}.pdf",
        "partner",
        get_document_pdf,
        "One of your documents as a letter, PDF/A-3 with the XML inside (ZUGFeRD, Factur-X).",
        content_type="application/pdf",
    ),
]
