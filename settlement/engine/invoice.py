"""The tax documents of a window, as EN 16931 knows them.

kind                     type  from      to        what
invoice                  380   operator  partner   issue charges, fees, commission
self_billed_invoice      389   partner   operator  what was redeemed there, written by the operator ("Gutschrift")
credit_note              381   operator  partner   takes back part of an invoice
self_billed_credit_note  261   partner   operator  takes back part of a self-billed invoice
corrected_invoice        384   as its original     replaces a document whose words were wrong; the amounts stay

Lines that are taxed in different countries, or not subject to VAT at all, cannot stand on one document (EN 16931,
BR-O-11 to 14): there is one of a kind for each. Over all documents the gross amounts are the statement's net.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, Literal, get_args

from settlement.engine.document import Document, VatGroup, document_of, document_totals
from settlement.engine.legal_party import DocumentLanguage, LegalParty
from settlement.engine.line import Line, LineCode
from settlement.engine.money import Currency, add_exactly, multiply_exactly, round_half_up
from settlement.engine.statement import Statement
from settlement.engine.vat import VatCategory, VatTreatment

InvoiceKind = Literal["invoice", "self_billed_invoice", "credit_note", "self_billed_credit_note", "corrected_invoice"]
INVOICE_KINDS: tuple[InvoiceKind, ...] = get_args(InvoiceKind)
# UNTDID 1001.
TYPE_CODES: Final[Mapping[InvoiceKind, str]] = {
    "invoice": "380",
    "self_billed_invoice": "389",
    "credit_note": "381",
    "self_billed_credit_note": "261",
    "corrected_invoice": "384",
}
# Each kind has numbers of its own, anew every year.
SERIES: Final[Mapping[InvoiceKind, str]] = {
    "invoice": "INV",
    "self_billed_invoice": "SBI",
    "credit_note": "CRN",
    "self_billed_credit_note": "SBC",
    "corrected_invoice": "COR",
}
_KIND_OF: Final[Mapping[Document, InvoiceKind]] = {"invoice": "invoice", "credit_note": "self_billed_invoice"}

# Who has to be known by a VAT id, and who by that or by a number of his tax office: EN 16931, BR-S-02 and its like.
_SELLER_NEEDS_VAT_ID: Final[frozenset[VatCategory]] = frozenset(("K", "G"))
_BUYER_NEEDS_VAT_ID: Final[frozenset[VatCategory]] = frozenset(("AE", "K"))


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceParty:
    """Who sells or buys; `id` is the partner's number, or `operator`."""

    id: str
    party: LegalParty


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """`amount` = quantity * price, rounded, without VAT; `quantity` is the statement's points, so that of a reversal is
    below 0. A price never is.

    `counterparty` names the partner at which points were redeemed that are paid for here; empty: none.
    """

    line: int
    code: LineCode
    terms_version: int
    quantity: int
    price: Decimal
    amount: Decimal
    vat: VatTreatment
    counterparty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The document that another corrects."""

    number: str
    issued_on: date


PaymentWay = Literal["transfer", "debit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What of an earlier window is payable with this one, by what it comes of; > 0: the partner owes it."""

    kind: str
    window: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """What is to be paid with a window for all of its documents together, and when; > 0: the partner pays.

    It is the statement's net less what is `held` out of it as disputed, with what is `adjusted` from earlier windows,
    which `earlier` tells part by part.
    `iban` is the account that is credited, or that is debited by mandate; None: it is not known. `pay_on` is the day on
    which the operator's bank pays or collects it, which is no day without settlement; None: the partner pays.
    """

    amount: Decimal
    due_on: date
    pay_on: date | None = None
    held: Decimal = Decimal("0.00")
    adjusted: Decimal = Decimal("0.00")
    earlier: tuple[Earlier, ...] = ()
    way: PaymentWay = "transfer"
    iban: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One tax document. On a credit note, amounts above 0 take back; on all others, they are owed to the seller.

    The supply was from `first_day` to `last_day`. `payable` None: it waits for the partner's next payment.
    """

    number: str
    kind: InvoiceKind
    issued_on: date
    language: DocumentLanguage
    currency: Currency
    partner: int
    window: int
    statement: str
    first_day: date
    last_day: date
    seller: InvoiceParty
    buyer: InvoiceParty
    lines: tuple[InvoiceLine, ...]
    breakdown: tuple[VatGroup, ...]
    payable: Payable | None = None
    original: Original | None = None
    reason: str | None = None

    @property
    def net(self) -> Decimal:
        return round_half_up(add_exactly(group.net for group in self.breakdown), self.currency)

    @property
    def vat(self) -> Decimal:
        return round_half_up(add_exactly(group.vat for group in self.breakdown), self.currency)

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat

    @property
    def is_self_billed(self) -> bool:
        """Whether the operator writes it on behalf of the seller."""
        return self.seller.id != OPERATOR_ID

    @property
    def operator(self) -> LegalParty:
        return (self.buyer if self.is_self_billed else self.seller).party

    @property
    def addressee(self) -> LegalParty:
        return (self.seller if self.is_self_billed else self.buyer).party


OPERATOR_ID: Final = "operator"


def invoices_of(
    statement: Statement, *, operator: LegalParty, partner: LegalParty, issued_on: date, payable: Payable
) -> list[Invoice]:
    """Return a statement's documents, still without numbers: the invoices, then the self-billed ones.

    Where no line of a kind comes to an amount there is nothing to invoice, and no document.
    """
    return [
        _invoice(statement, document, lines, operator=operator, partner=partner, issued_on=issued_on, payable=payable)
        for document, lines in _documents(statement.lines)
        if any(line.amount for line in lines)
    ]


def missing_data(invoice: Invoice) -> Iterator[tuple[InvoiceParty, Literal["vat_id", "tax_number"]]]:
    """Yield what a document's parties lack for it, each with who lacks it: vat_id, or tax_number where that will do."""
    categories = {group.treatment.category for group in invoice.breakdown}
    seller, buyer = invoice.seller, invoice.buyer
    if categories & _SELLER_NEEDS_VAT_ID and seller.party.vat_id is None:
        yield seller, "vat_id"
    elif categories != {"O"} and seller.party.vat_id is None and seller.party.tax_number is None:
        yield seller, "tax_number"
    if categories & _BUYER_NEEDS_VAT_ID and buyer.party.vat_id is None:
        yield buyer, "vat_id"


def in_series(number: int, *, kind: InvoiceKind, year: int) -> str:
    """Return a document's number: INV-2026-000012 is the twelfth invoice of its year."""
    return f"{SERIES[kind]}-{year:04d}-{number:06d}"


def _documents(lines: Iterable[Line]) -> list[tuple[Document, list[Line]]]:
    by_country: defaultdict[tuple[Document, str], list[Line]] = defaultdict(list)
    for line in lines:
        by_country[document_of(line.code), line.vat.country or ""].append(line)
    # Invoices first, and by country, so that numbers do not depend on the order of lines.
    ordered = sorted(by_country.items(), key=lambda item: (item[0][0] != "invoice", item[0][1]))
    return [(document, document_lines) for (document, _), document_lines in ordered]


def _invoice(
    statement: Statement,
    document: Document,
    lines: Sequence[Line],
    *,
    operator: LegalParty,
    partner: LegalParty,
    issued_on: date,
    payable: Payable,
) -> Invoice:
    the_operator = InvoiceParty(id=OPERATOR_ID, party=operator)
    the_partner = InvoiceParty(id=str(statement.partner), party=partner)
    is_self_billed = document == "credit_note"
    (total,) = document_totals(lines, statement.currency)
    period, sales = statement.period, statement.sales
    return Invoice(
        number="",
        kind=_KIND_OF[document],
        issued_on=issued_on,
        language=partner.language,
        currency=statement.currency,
        partner=statement.partner,
        window=period.window,
        statement=statement.number,
        first_day=sales.first_day if sales else period.opened_at.date(),
        last_day=sales.last_day if sales else period.closed_at.date(),
        seller=the_partner if is_self_billed else the_operator,
        buyer=the_operator if is_self_billed else the_partner,
        lines=tuple(
            _line(number, line, is_self_billed=is_self_billed, counterparty=statement.counterparty_of(line))
            for number, line in enumerate(lines, start=1)
        ),
        breakdown=total.breakdown,
        payable=payable,
    )


def _line(number: int, line: Line, *, is_self_billed: bool, counterparty: str) -> InvoiceLine:
    # What is owed to the partner is negative on its statement; what it sells is not, on its own invoice.
    amount = -line.amount if is_self_billed and line.amount else line.amount
    price = line.price if line.rate is None else multiply_exactly(1, line.price, line.rate)
    return InvoiceLine(
        line=number,
        code=line.code,
        terms_version=line.terms_version,
        quantity=1 if line.points is None else line.points,
        price=price,
        amount=amount,
        vat=line.vat,
        counterparty=counterparty,
    )


def numbered(invoice: Invoice, number: str) -> Invoice:
    """Return a document with its number."""
    return replace(invoice, number=number)
