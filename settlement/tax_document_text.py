"""Tax documents as lists tell them: a document for machines, a table for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from settlement.documents.figures import grouped
from settlement.documents.wording import word
from settlement.engine.invoice import TYPE_CODES
from settlement.report_text import table
from settlement.stores.tax_documents import TaxDocument


def tax_document_document(document: TaxDocument, currency: str) -> dict[str, Any]:
    """Return a tax document as lists tell it."""
    return {
        "number": document.number,
        "kind": document.kind,
        "type_code": TYPE_CODES[document.kind],
        "window": document.window_no,
        "net": str(document.net),
        "vat": str(document.vat),
        "gross": str(document.gross),
        "currency": currency,
        "issued_at": document.issued_at.isoformat(),
        "corrects": document.corrects,
        "xml_sha256": document.xml_digest.hex(),
    }


def tax_documents_text(documents: Sequence[TaxDocument], currency: str, names: Mapping[int, str]) -> str:
    """Return a window's tax documents, one a line, by partner."""
    rows = [("Number", "Partner", "What", f"Amount {currency}")]
    rows += [
        (
            document.number,
            f"{document.partner} {names[document.partner]}",
            word("en", f"invoice.title.{document.kind}") + (f" of {document.corrects}" if document.corrects else ""),
            grouped(document.gross, "en"),
        )
        for document in documents
    ]
    return table(rows, left=3)
