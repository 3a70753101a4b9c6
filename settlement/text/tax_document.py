"""Tax documents as lists tell them: a document for machines, a table for people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from settlement.documents.figures import grouped
from settlement.documents.wording import word
from settlement.engine.invoice import TYPE_CODES
from settlement.operations.find_documents import NoDocuments
from settlement.stores.corrections import Correction
from settlement.stores.tax_documents import TaxDocument
from settlement.text.remedy import OPERATOR_PARTY
from settlement.text.report import table

NO_DOCUMENTS: Final[Mapping[NoDocuments, str]] = {
    "not_invoiced": "It has no tax documents yet: they are written when it is invoiced, if it is known by then who "
    f"the operator is: {OPERATOR_PARTY}",
    "nothing_billed": "It has no tax documents: no line of a statement came to an amount.",
    "operator_unknown": "It has no tax documents and gets none: nobody had said who the operator is when it was "
    f"invoiced, so it is settled by statements alone. Those of windows invoiced later begin with: {OPERATOR_PARTY}",
}


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


def correction_document(correction: Correction) -> dict[str, Any]:
    """Return a correction; `issued` null: nobody has agreed yet, or it was withdrawn."""
    return {
        "correction": correction.correction,
        "corrects": correction.number,
        "window": correction.window_no,
        "partner": correction.partner,
        "reason": correction.reason,
        "taken_back": {str(line): str(amount) for line, amount in correction.taken_back.items()},
        "drafted_by": correction.drafted_by,
        "drafted_at": correction.drafted_at.isoformat(),
        "decided_by": correction.decided_by,
        "issued": correction.issued,
        "is_withdrawn": correction.is_withdrawn,
    }


def corrections_text(corrections: Sequence[Correction]) -> str:
    """Return corrections, one a line."""
    rows = [("No.", "Corrects", "Takes back", "Reason", "Drafted by", "State")]
    rows += [
        (
            str(correction.correction),
            correction.number,
            str(sum(correction.taken_back.values())) if correction.taken_back else "words only",
            correction.reason,
            correction.drafted_by,
            _state(correction),
        )
        for correction in corrections
    ]
    return table(rows, left=6)


def _state(correction: Correction) -> str:
    if correction.issued is not None:
        return f"issued as {correction.issued} by {correction.decided_by}"
    return f"withdrawn by {correction.decided_by}" if correction.is_withdrawn else "to be approved"
