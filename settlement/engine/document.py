"""Which document a line stands on, and the VAT of each document.

The operator writes two for a window: its invoice for what the partner is charged (type 380), and, on the partner's
behalf, the self-billed credit note for what was redeemed there (type 389). Charge and redemption are supplies of their
own and never share a line or a VAT total (CJEU C-53/09, C-55/09). A reversal stays on the document of its original.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from settlement.engine.line import CREDITED_CODES, Line, LineCode
from settlement.engine.money import Currency, add_exactly, multiply_exactly, round_half_up
from settlement.engine.vat import VatTreatment

Document = Literal["invoice", "credit_note"]
DOCUMENTS: tuple[Document, ...] = get_args(Document)


@dataclass(frozen=True, slots=True, kw_only=True)
class VatGroup:
    """One row of a document's VAT breakdown: the lines of one treatment, and their tax, rounded once."""

    treatment: VatTreatment
    net: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTotal:
    """What a document comes to. On the invoice > 0 is owed by the partner, on the credit note > 0 is owed to it."""

    document: Document
    net: Decimal
    vat: Decimal
    breakdown: tuple[VatGroup, ...]

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


def document_of(code: LineCode) -> Document:
    """Return the document that lines of a code stand on."""
    return "credit_note" if code in CREDITED_CODES else "invoice"


def document_totals(lines: Iterable[Line], currency: Currency) -> tuple[DocumentTotal, ...]:
    """Return the invoice's and the credit note's totals, in this order; one without lines is left out."""
    lines_of: defaultdict[Document, list[Line]] = defaultdict(list)
    for line in lines:
        lines_of[document_of(line.code)].append(line)
    return tuple(_total(document, lines_of[document], currency) for document in DOCUMENTS if lines_of[document])


def document_vat(lines: Iterable[Line], document: Document, currency: Currency) -> Decimal:
    """Return the VAT of a document; 0.00 where there is none."""
    vats = (total.vat for total in document_totals(lines, currency) if total.document == document)
    return next(vats, round_half_up(Decimal(0), currency))


def _total(document: Document, lines: Iterable[Line], currency: Currency) -> DocumentTotal:
    nets: defaultdict[VatTreatment, Decimal] = defaultdict(Decimal)
    for line in lines:
        # A line owed to the partner is negative; its credit note states it without the sign.
        amount = line.amount if document == "invoice" else -line.amount
        nets[line.vat] = add_exactly((nets[line.vat], amount))
    groups = tuple(
        _group(treatment, nets[treatment], currency) for treatment in sorted(nets, key=lambda vat: vat.sort_key)
    )
    return DocumentTotal(
        document=document,
        net=round_half_up(add_exactly(group.net for group in groups), currency),
        vat=round_half_up(add_exactly(group.vat for group in groups), currency),
        breakdown=groups,
    )


def _group(treatment: VatTreatment, net: Decimal, currency: Currency) -> VatGroup:
    # Once per document and treatment, of the sum of its lines: EN 16931, BR-CO-17.
    vat = round_half_up(multiply_exactly(1, net, treatment.rate.scaleb(-2)), currency)
    return VatGroup(treatment=treatment, net=round_half_up(net, currency), vat=vat)
