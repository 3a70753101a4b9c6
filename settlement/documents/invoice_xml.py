"""A tax document as EN 16931 XML, in the syntax that ZUGFeRD and Factur-X embed: Cross Industry Invoice (UN/CEFACT).

The comments name the business terms (BT) and groups (BG) of EN 16931-1. Elements stand in the order of the schema.
Nothing but the value goes in: the same document is the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from settlement.documents.figures import plain
from settlement.documents.wording import word
from settlement.engine.document import VatGroup
from settlement.engine.invoice import TYPE_CODES, Invoice, InvoiceLine, InvoiceParty
from settlement.engine.payment_reference import share_reference
from settlement.engine.vat import VatCategory, VatTreatment

_NAMESPACES: Final = {
    "xmlns:rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "xmlns:ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "xmlns:qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "xmlns:udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
GUIDELINE: Final = "urn:cen.eu:en16931:2017"
# UNTDID 4461: clearing between partners. What is due is one net for all documents of the window.
_CLEARING: Final = "97"
# UNTDID 1001: a document that an invoice refers to.
_RELATED_DOCUMENT: Final = "916"
# UN/ECE recommendation 20: one, a unit of no measure, for points as well as for a fee per window.
_ONE: Final = "C62"
# Why no VAT is charged, of the list VATEX. An exemption has many reasons, which the terms do not tell apart.
_EXEMPTION_CODES: Final[Mapping[VatCategory, str]] = {
    "AE": "VATEX-EU-AE",
    "K": "VATEX-EU-IC",
    "G": "VATEX-EU-G",
    "O": "VATEX-EU-O",
}
WITHOUT_VAT: Final[frozenset[VatCategory]] = frozenset(("E", "AE", "K", "G", "O"))


def write_invoice_xml(invoice: Invoice) -> bytes:
    """Return a tax document as EN 16931 XML."""
    root = Element("rsm:CrossIndustryInvoice", _NAMESPACES)
    context = SubElement(root, "rsm:ExchangedDocumentContext")
    _text(SubElement(context, "ram:GuidelineSpecifiedDocumentContextParameter"), "ram:ID", GUIDELINE)
    _write_document(SubElement(root, "rsm:ExchangedDocument"), invoice)
    transaction = SubElement(root, "rsm:SupplyChainTradeTransaction")
    for line in invoice.lines:
        _write_line(SubElement(transaction, "ram:IncludedSupplyChainTradeLineItem"), line, invoice)
    _write_agreement(SubElement(transaction, "ram:ApplicableHeaderTradeAgreement"), invoice)
    _write_delivery(SubElement(transaction, "ram:ApplicableHeaderTradeDelivery"), invoice)
    _write_settlement(SubElement(transaction, "ram:ApplicableHeaderTradeSettlement"), invoice)
    indent(root)
    return bytes(tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def _write_document(element: Element, invoice: Invoice) -> None:
    _text(element, "ram:ID", invoice.number)  # BT-1
    _text(element, "ram:TypeCode", TYPE_CODES[invoice.kind])  # BT-3
    _date(SubElement(element, "ram:IssueDateTime"), "udt:DateTimeString", invoice.issued_on)  # BT-2
    for note in _notes(invoice):
        _text(SubElement(element, "ram:IncludedNote"), "ram:Content", note)  # BT-22


def _notes(invoice: Invoice) -> list[str]:
    notes = [word(invoice.language, f"invoice.title.{invoice.kind}")]
    if invoice.is_self_billed:
        notes.append(word(invoice.language, "invoice.self_billed"))
    if invoice.reason is not None:
        notes.append(word(invoice.language, "invoice.reason", reason=invoice.reason))
    return notes


def _write_line(element: Element, line: InvoiceLine, invoice: Invoice) -> None:
    _text(SubElement(element, "ram:AssociatedDocumentLineDocument"), "ram:LineID", str(line.line))  # BT-126
    product = SubElement(element, "ram:SpecifiedTradeProduct")
    _text(product, "ram:Name", word(invoice.language, f"line.{line.code}", counterparty=line.counterparty))  # BT-153
    _text(product, "ram:Description", word(invoice.language, "terms", version=line.terms_version))  # BT-154
    price = SubElement(SubElement(element, "ram:SpecifiedLineTradeAgreement"), "ram:NetPriceProductTradePrice")
    _text(price, "ram:ChargeAmount", plain(line.price))  # BT-146
    delivery = SubElement(element, "ram:SpecifiedLineTradeDelivery")
    _text(delivery, "ram:BilledQuantity", str(line.quantity), unitCode=_ONE)  # BT-129, BT-130
    settlement = SubElement(element, "ram:SpecifiedLineTradeSettlement")
    _write_treatment(SubElement(settlement, "ram:ApplicableTradeTax"), line.vat)  # BT-151, BT-152
    total = SubElement(settlement, "ram:SpecifiedTradeSettlementLineMonetarySummation")
    _text(total, "ram:LineTotalAmount", str(line.amount))  # BT-131


def _write_agreement(element: Element, invoice: Invoice) -> None:
    # What is not subject to VAT may name nobody by a VAT id: BR-O-02.
    has_vat_ids = any(group.treatment.category != "O" for group in invoice.breakdown)
    _write_party(SubElement(element, "ram:SellerTradeParty"), invoice.seller, has_vat_id=has_vat_ids, is_seller=True)
    _write_party(SubElement(element, "ram:BuyerTradeParty"), invoice.buyer, has_vat_id=has_vat_ids, is_seller=False)
    statement = SubElement(element, "ram:AdditionalReferencedDocument")  # BG-24
    _text(statement, "ram:IssuerAssignedID", invoice.statement)
    _text(statement, "ram:TypeCode", _RELATED_DOCUMENT)
    _text(statement, "ram:Name", word(invoice.language, "title"))


def _write_party(element: Element, party: InvoiceParty, *, has_vat_id: bool, is_seller: bool) -> None:
    legal = party.party
    _text(element, "ram:ID", party.id)  # BT-29, BT-46
    _text(element, "ram:Name", legal.legal_name)  # BT-27, BT-44
    if legal.registration:
        _text(SubElement(element, "ram:SpecifiedLegalOrganization"), "ram:ID", legal.registration)  # BT-30, BT-47
    address = SubElement(element, "ram:PostalTradeAddress")  # BG-5, BG-8
    _text(address, "ram:PostcodeCode", legal.post_code)
    _text(address, "ram:LineOne", legal.street)
    _text(address, "ram:CityName", legal.town)
    _text(address, "ram:CountryID", legal.country)
    if legal.email:
        _text(SubElement(element, "ram:URIUniversalCommunication"), "ram:URIID", legal.email, schemeID="EM")
    if legal.vat_id and has_vat_id:
        _text(SubElement(element, "ram:SpecifiedTaxRegistration"), "ram:ID", legal.vat_id, schemeID="VA")
    if legal.tax_number and is_seller:
        # BT-32: of the seller alone.
        _text(SubElement(element, "ram:SpecifiedTaxRegistration"), "ram:ID", legal.tax_number, schemeID="FC")


def _write_delivery(element: Element, invoice: Invoice) -> None:
    if any(group.treatment.category == "K" for group in invoice.breakdown):
        # BT-80, which an intra-community supply has to name: BR-IC-12.
        address = SubElement(SubElement(element, "ram:ShipToTradeParty"), "ram:PostalTradeAddress")
        _text(address, "ram:CountryID", invoice.buyer.party.country)
    delivered = SubElement(SubElement(element, "ram:ActualDeliverySupplyChainEvent"), "ram:OccurrenceDateTime")
    _date(delivered, "udt:DateTimeString", invoice.last_day)  # BT-72


def _write_settlement(element: Element, invoice: Invoice) -> None:
    language = invoice.language
    if invoice.payable is not None:
        reference = share_reference(window=invoice.window, partner=invoice.partner)
        _text(element, "ram:PaymentReference", reference)  # BT-83
    _text(element, "ram:InvoiceCurrencyCode", invoice.currency.code)  # BT-5
    means = SubElement(element, "ram:SpecifiedTradeSettlementPaymentMeans")  # BG-16
    _text(means, "ram:TypeCode", _CLEARING)
    _text(means, "ram:Information", word(language, "invoice.clearing"))
    for group in invoice.breakdown:
        _write_group(SubElement(element, "ram:ApplicableTradeTax"), group, invoice)
    period = SubElement(element, "ram:BillingSpecifiedPeriod")
    _date(SubElement(period, "ram:StartDateTime"), "udt:DateTimeString", invoice.first_day)  # BT-73
    _date(SubElement(period, "ram:EndDateTime"), "udt:DateTimeString", invoice.last_day)  # BT-74
    _write_terms(SubElement(element, "ram:SpecifiedTradePaymentTerms"), invoice)
    _write_totals(SubElement(element, "ram:SpecifiedTradeSettlementHeaderMonetarySummation"), invoice)
    if invoice.original is not None:
        original = SubElement(element, "ram:InvoiceReferencedDocument")  # BG-3
        _text(original, "ram:IssuerAssignedID", invoice.original.number)
        issued = SubElement(original, "ram:FormattedIssueDateTime")
        _date(issued, "qdt:DateTimeString", invoice.original.issued_on)


def _write_terms(element: Element, invoice: Invoice) -> None:
    _text(element, "ram:Description", settled_text(invoice))  # BT-20
    if invoice.payable is not None:
        _date(SubElement(element, "ram:DueDateDateTime"), "udt:DateTimeString", invoice.payable.due_on)  # BT-9


def settled_text(invoice: Invoice) -> str:
    """Return with what a document is settled, in its language."""
    if invoice.kind == "corrected_invoice":
        return word(invoice.language, "invoice.settled_before")
    if invoice.payable is None:
        return word(invoice.language, "invoice.settled_next")
    return word(invoice.language, "invoice.settled", window=invoice.window, statement=invoice.statement)


def _write_group(element: Element, group: VatGroup, invoice: Invoice) -> None:
    """Write a row of the VAT breakdown (BG-23); the schema mixes its fields with those of the treatment."""
    category = group.treatment.category
    _text(element, "ram:CalculatedAmount", str(group.vat))  # BT-117
    _text(element, "ram:TypeCode", "VAT")
    if category in WITHOUT_VAT:
        _text(element, "ram:ExemptionReason", word(invoice.language, f"vat.reason.{category}"))  # BT-120
    _text(element, "ram:BasisAmount", str(group.net))  # BT-116
    _text(element, "ram:CategoryCode", category)  # BT-118
    if category in _EXEMPTION_CODES:
        _text(element, "ram:ExemptionReasonCode", _EXEMPTION_CODES[category])  # BT-121
    _write_rate(element, group.treatment)  # BT-119


def _write_treatment(element: Element, vat: VatTreatment) -> None:
    _text(element, "ram:TypeCode", "VAT")
    _text(element, "ram:CategoryCode", vat.category)
    _write_rate(element, vat)


def _write_rate(element: Element, vat: VatTreatment) -> None:
    # What is not subject to VAT has no rate, not one of 0: BR-O-05.
    if vat.category != "O":
        _text(element, "ram:RateApplicablePercent", plain(vat.rate))


def _write_totals(element: Element, invoice: Invoice) -> None:
    _text(element, "ram:LineTotalAmount", str(invoice.net))  # BT-106
    _text(element, "ram:TaxBasisTotalAmount", str(invoice.net))  # BT-109
    _text(element, "ram:TaxTotalAmount", str(invoice.vat), currencyID=invoice.currency.code)  # BT-110
    _text(element, "ram:GrandTotalAmount", str(invoice.gross))  # BT-112
    _text(element, "ram:DuePayableAmount", str(invoice.gross))  # BT-115


def _text(parent: Element, tag: str, text: str, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = text


def _date(parent: Element, tag: str, day: date) -> None:
    # UNTDID 2379: 102 is year, month, day.
    _text(parent, tag, day.strftime("%Y%m%d"), format="102")
