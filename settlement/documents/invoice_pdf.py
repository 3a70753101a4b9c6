"""A tax document as a letter, with its XML inside: PDF/A-3, as ZUGFeRD 2 and Factur-X 1 have it (profile EN 16931).

Nothing in the file depends on the clock, the machine or chance: the same document is the same bytes.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape

from fpdf.enums import Align, DocumentCompliance

from settlement.documents.figures import day, days, grouped, percent, price
from settlement.documents.invoice_json import read_invoice_json
from settlement.documents.invoice_xml import WITHOUT_VAT, settled_text
from settlement.documents.letter import INK, QUIET, WIDTH, Column, Letter
from settlement.documents.payment_slip_pdf import draw_slip
from settlement.documents.wording import word
from settlement.engine.document import VatGroup
from settlement.engine.invoice import Invoice, InvoiceLine, InvoiceParty
from settlement.engine.legal_party import LegalParty
from settlement.engine.money import round_half_up
from settlement.engine.payment_reference import share_reference
from settlement.engine.payment_slip import PaymentSlip, make_slip, takes_slip
from settlement.engine.sales import SalesPeriod
from settlement.engine.statement import party_on_letter
from settlement.engine.vat import VatTreatment

# The name that readers of hybrid invoices look for.
XML_NAME: Final = "factur-x.xml"
LINE_COLUMNS: Final = (
    Column(71, Align.L),
    Column(28, Align.R),
    Column(22, Align.R),
    Column(16, Align.R),
    Column(28, Align.R),
)
_XMP: Final = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<xmp:CreatorTool>coalition</xmp:CreatorTool>
<xmp:CreateDate>{made_at}</xmp:CreateDate><xmp:ModifyDate>{made_at}</xmp:ModifyDate>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>{xml_name}</fx:DocumentFileName>
<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>fx</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>"""
_XMP_PROPERTY: Final = """
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>
<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>
<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"""
_XMP_PROPERTIES: Final = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER",
    "Version": "The actual version of the standard applying to the embedded XML document",
    "ConformanceLevel": "The conformance level of the embedded XML document",
}


def write_invoice_pdf(content: bytes, xml: bytes) -> bytes:
    """Return a tax document's JSON as a PDF of A4 pages with its XML inside, byte for byte as given."""
    invoice = read_invoice_json(content)
    letter = _InvoiceLetter(invoice, digest=hashlib.sha256(xml).hexdigest())
    letter.embed_xml(xml)
    letter.add_page()
    letter.write_sender()
    letter.write_head()
    letter.write_subject()
    letter.write_lines()
    letter.write_totals()
    letter.write_closing()
    slip = slip_of(invoice)
    if slip is not None:
        draw_slip(letter, slip, invoice.language)
    return bytes(letter.output())


def slip_of(invoice: Invoice) -> PaymentSlip | None:
    """Return the QR-bill that goes with a document; None: it is not paid by one."""
    payable = invoice.payable
    if payable is None or payable.way != "transfer" or payable.iban is None or invoice.kind != "invoice":
        return None
    if not takes_slip(payable.iban, amount=payable.amount, currency=invoice.currency.code):
        return None
    return make_slip(
        payable.iban,
        creditor=invoice.operator,
        debtor=invoice.addressee,
        amount=payable.amount,
        currency=invoice.currency.code,
        window=invoice.window,
        partner=invoice.partner,
        message=f"{invoice.statement}, {invoice.number}",
    )


class _InvoiceLetter(Letter):
    def __init__(self, invoice: Invoice, *, digest: str) -> None:
        language = invoice.language
        made_at = datetime.combine(invoice.issued_on, time(), UTC)
        sender = party_on_letter(invoice.operator, seen_from=invoice.addressee)
        assert sender is not None, "an operator who is known"
        title = f"{word(language, f'invoice.title.{invoice.kind}')} {invoice.number}"
        super().__init__(
            language=language,
            title=title,
            number=invoice.number,
            sender=sender,
            made_at=made_at,
            digest=digest,
            footer_text="\n".join((_imprint(invoice.operator), word(language, "invoice.embedded", digest=digest))),
            compliance=DocumentCompliance.PDFA_3B,
        )
        self._invoice = invoice
        self._made_at = made_at
        properties = "".join(
            _XMP_PROPERTY.format(name=name, description=description) for name, description in _XMP_PROPERTIES.items()
        )
        self.set_xmp_metadata(
            _XMP.format(
                title=escape(title),
                author=escape(sender.name),
                made_at=made_at.isoformat(),
                xml_name=XML_NAME,
                properties=properties,
            )
        )

    def embed_xml(self, xml: bytes) -> None:
        """Put the XML into the file as what it is: the same invoice in another form."""
        self.embed_file(
            bytes=xml,
            basename=XML_NAME,
            mime_type="text/xml",
            associated_file_relationship="Alternative",
            desc="EN 16931 invoice (ZUGFeRD, Factur-X)",
            creation_date=self._made_at,
            modification_date=self._made_at,
            # Without a checksum, which fpdf2 would take of the compressed bytes.
            compress=True,
        )

    def write_head(self) -> None:
        invoice = self._invoice
        addressee = party_on_letter(invoice.addressee, seen_from=invoice.operator)
        assert addressee is not None, "an addressee who is known"
        facts = [
            (self.word("number"), invoice.number),
            (self.word("invoice.date"), day(invoice.issued_on, self._language)),
            (self.word("partner_no"), str(invoice.partner)),
            (self.word("window"), str(invoice.window)),
            (self.word("invoice.statement"), invoice.statement),
        ]
        if any(group.treatment.category != "O" for group in invoice.breakdown):
            facts += self._tax_facts("seller", invoice.seller) + self._tax_facts("buyer", invoice.buyer)
        if invoice.original is not None:
            facts.append((self.word("invoice.original"), invoice.original.number))
        self.write_address_and_facts(addressee, facts)

    def write_subject(self) -> None:
        invoice = self._invoice
        self.pen(15, INK, "B")
        title = self.word(f"invoice.title.{invoice.kind}")
        self.text_cell(WIDTH, 7.5, f"{title} {invoice.number}", next_line=True)
        supplied = days(SalesPeriod(first_day=invoice.first_day, last_day=invoice.last_day), self._language)
        self.pen(9.5, QUIET)
        self.text_cell(WIDTH, 5.5, self.word("invoice.supplied", days=supplied), next_line=True)
        self.ln(2)
        self.paragraph(self._introduction())
        if invoice.reason is not None:
            self.paragraph(self.word("invoice.reason", reason=invoice.reason))
        self.ln(3)

    def write_lines(self) -> None:
        self._write_line_heads()
        carried = round_half_up(Decimal(0), self._invoice.currency)
        last = self._invoice.lines[-1]
        for line in self._invoice.lines:
            # A line needs its own height and that of a sum carried over below it; the last one stays with the totals.
            if self.will_page_break(18 if line != last else 12 + self._totals_height):
                self._write_carried("invoice.carried", carried)
                self.add_page()
                self._write_line_heads()
                self._write_carried("invoice.brought", carried)
                self.rule()
            self._write_line(line)
            carried += line.amount

    def write_totals(self) -> None:
        invoice, currency = self._invoice, self._invoice.currency
        self.ln(2)
        self.write_sum(self.word("invoice.net"), grouped(invoice.net, self._language))
        for group in invoice.breakdown:
            self.write_sum(self._group_label(group), grouped(group.vat, self._language))
        self.ln(1)
        total = self.word("invoice.gross_taken_back" if self._is_credit_note else "invoice.gross")
        self.write_due(total, f"{grouped(invoice.gross, self._language)} {currency}")
        self.ln(3)

    def write_closing(self) -> None:
        """Write why there is no VAT where there is none, and how the document is paid."""
        invoice = self._invoice
        categories = {group.treatment.category for group in invoice.breakdown} & WITHOUT_VAT
        reasons = " ".join(self.word(f"vat.reason.{category}") + "." for category in sorted(categories))
        settled, *due = self._payment_sentences()
        texts = sum(self.height_of(text) + 1.5 for text in (reasons, settled, *due) if text)
        self.keep_together(texts + 6 * len(self._payable_rows()))
        if reasons:
            self.paragraph(reasons)
            self.ln(1.5)
        self.paragraph(settled)
        self.ln(1.5)
        self._write_payable()
        for sentence in due:
            self.paragraph(sentence)

    def _write_payable(self) -> None:
        """Write how the amount to be paid comes about, where it is not just the statement's net."""
        rows = self._payable_rows()
        for label, amount in rows:
            self.write_sum(label, grouped(amount, self._language))
        if rows:
            self.ln(1.5)

    def _payable_rows(self) -> list[tuple[str, Decimal]]:
        payable = self._invoice.payable
        if payable is None or not (payable.held or payable.adjusted):
            return []
        net = self.word("invoice.payable.net", statement=self._invoice.statement)
        rows = [(net, payable.amount + payable.held - payable.adjusted)]
        if payable.held:
            rows.append((self.word("invoice.payable.held"), -payable.held))
        for part in payable.earlier:
            rows.append((self.word(f"invoice.earlier.{part.kind}", window=part.window), part.amount))
        if payable.adjusted and not payable.earlier:
            rows.append((self.word("invoice.payable.adjusted"), payable.adjusted))
        return rows

    @property
    def _totals_height(self) -> float:
        return 24.0 + 6 * len(self._invoice.breakdown)

    @property
    def _is_credit_note(self) -> bool:
        return self._invoice.kind in ("credit_note", "self_billed_credit_note")

    def _introduction(self) -> str:
        invoice = self._invoice
        original = invoice.original
        values = {}
        if original is not None:
            values = {"number": original.number, "date": day(original.issued_on, self._language)}
        introduction = self.word(f"invoice.intro.{invoice.kind}", **values)
        return f"{self.word('invoice.self_billed')} {introduction}" if invoice.is_self_billed else introduction

    def _tax_facts(self, role: str, party: InvoiceParty) -> list[tuple[str, str]]:
        facts = []
        if party.party.vat_id is not None:
            facts.append((self.word(f"invoice.vat_id.{role}"), party.party.vat_id))
        if role == "seller" and party.party.tax_number is not None:
            facts.append((self.word("invoice.tax_number"), party.party.tax_number))
        return facts

    def _write_line_heads(self) -> None:
        amount = self.word("amount_in", currency=self._invoice.currency)
        heads = (self.word("description"), self.word("points"), self.word("price"), self.word("invoice.vat"), amount)
        self.write_heads(LINE_COLUMNS, heads)

    def _write_line(self, line: InvoiceLine) -> None:
        language = self._language
        # A fee of the window, and what a credit note takes back, are one of their amount.
        is_of_points = line.code != "platform_fee" and not self._is_credit_note
        cells = (
            self.word(f"line.{line.code}", counterparty=line.counterparty),
            grouped(line.quantity, language) if is_of_points else "",
            price(line.price, language) if is_of_points else "",
            self._rate(line.vat),
            grouped(line.amount, language),
        )
        self.ln(1.2)
        self.pen(9.5, INK)
        self.write_cells(LINE_COLUMNS, cells, 5)
        self.pen(8, QUIET)
        self.text_cell(WIDTH, 4, self.word("terms", version=line.terms_version), next_line=True)
        self.ln(1.2)
        self.rule()

    def _write_carried(self, key: str, amount: Decimal) -> None:
        self.ln(1)
        self.pen(9, INK, "B")
        self.text_cell(WIDTH - 32, 5.5, self.word(key))
        self.text_cell(32, 5.5, grouped(amount, self._language), align=Align.R, next_line=True)

    def _rate(self, vat: VatTreatment) -> str:
        return "–" if vat.category == "O" else percent(vat.rate.scaleb(-2), self._language)

    def _group_label(self, group: VatGroup) -> str:
        base = grouped(group.net, self._language)
        if group.treatment.category == "O":
            return self.word("invoice.no_vat", base=base)
        return self.word("invoice.vat_of", rate=self._rate(group.treatment), base=base)

    def _payment_sentences(self) -> list[str]:
        invoice = self._invoice
        payable = invoice.payable
        if payable is None:
            return [settled_text(invoice)]
        amount = f"{grouped(abs(payable.amount), self._language)} {invoice.currency}"
        with_earlier = "_with_earlier" if self._payable_rows() else ""
        values = {
            "sum": self.word(f"invoice.due.sum{with_earlier}", amount=amount),
            "due_on": day(payable.pay_on or payable.due_on, self._language),
            "iban": _spaced(payable.iban),
            "reference": share_reference(window=invoice.window, partner=invoice.partner),
        }
        key = f"none{with_earlier}" if not payable.amount else "pay" if payable.amount > 0 else "get"
        if payable.amount > 0 and payable.way == "debit":
            key = "debit"
        account = "" if payable.iban is None or not payable.amount else ".account"
        if slip_of(invoice) is not None:
            # It has a reference of its own, which other ways of paying do not take.
            account = ".slip"
        return [
            settled_text(invoice),
            self.word(f"invoice.due.{key}{account}", **values),
        ]


def _imprint(operator: LegalParty) -> str:
    party = party_on_letter(operator)
    assert party is not None, "an operator who is known"
    return " · ".join((party.name, *party.address, *_known(operator.registration, operator.vat_id, operator.email)))


def _known(*texts: str | None) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _spaced(iban: str | None) -> str:
    text = iban or ""
    # With blanks at which no line breaks.
    return "\u00a0".join(text[start : start + 4] for start in range(0, len(text), 4))
