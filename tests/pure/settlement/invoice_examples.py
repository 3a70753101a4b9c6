"""Tax documents for tests, valid by default."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from settlement.documents.invoice_json import write_invoice_json
from settlement.documents.invoice_pdf import write_invoice_pdf
from settlement.documents.invoice_xml import write_invoice_xml
from settlement.engine.invoice import Invoice, Payable, in_series, invoices_of, numbered
from settlement.engine.legal_party import LegalParty
from settlement.engine.line import Line
from settlement.engine.money import Currency
from settlement.engine.statement import Statement
from settlement.engine.vat import VatTreatment
from tests.pure.settlement.examples import RICH_TOTALS, make_rich_statement, make_terms, priced

QR_IBAN = "CH4431999123000889012"
SWISS = {"country": "CH", "post_code": "8001", "town": "Zürich", "vat_id": "CHE123456789MWST", "language": "de"}
S19, S7 = VatTreatment("S", Decimal(19), "DE"), VatTreatment("S", Decimal(7), "DE")
OPERATOR = LegalParty(
    legal_name="Coalition Betriebs-GmbH",
    street="Hafenstraße 1",
    post_code="20457",
    town="Hamburg",
    country="DE",
    vat_id="DE123456789",
    tax_number="27/123/45678",
    registration="HRB 123456, Amtsgericht Hamburg",
    email="rechnung@coalition.example",
)


def make_party(**changes: Any) -> LegalParty:
    fields: dict[str, Any] = {
        "legal_name": "Bäckerei Müller & Söhne KG",
        "street": "Am Markt 3",
        "post_code": "80331",
        "town": "München",
        "country": "DE",
        "vat_id": "DE987654321",
        "email": "buero@mueller.example",
        "language": "en",
    }
    return LegalParty(**(fields | changes))


def rich_lines(**vat: VatTreatment) -> tuple[Line, ...]:
    """Every kind of line by two terms versions, taxed as given: `charge_vat`, `fee_vat`, `redemption_vat`."""
    fees = {"service_fee": Decimal("0.002"), "platform_fee": Decimal("250.00")}
    terms = (
        make_terms(12, commission=Decimal("0.03"), redemption_price=Decimal("0.0095"), **fees, **vat),
        make_terms(12, 2, commission=Decimal("0.025"), **fees, **vat),
    )
    return priced(RICH_TOTALS, *terms, platform=True)[12]


def rich_statement(lines: Iterable[Line] | None = None, **changes: Any) -> Statement:
    if lines is None:
        lines = rich_lines(charge_vat=S19, fee_vat=S19, redemption_vat=S7)
    return make_rich_statement(lines=lines, **changes)


def make_invoices(
    statement: Statement | None = None, *, operator: LegalParty = OPERATOR, partner: LegalParty | None = None
) -> list[Invoice]:
    """The documents of a statement as they are issued, the first ones of their series."""
    statement = statement or rich_statement()
    invoices = invoices_of(
        statement,
        operator=operator,
        partner=partner or make_party(),
        issued_on=date(2026, 11, 3),
        payable=Payable(amount=statement.total, due_on=date(2026, 11, 17)),
    )
    return [
        numbered(invoice, in_series(number, kind=invoice.kind, year=2026))
        for number, invoice in enumerate(invoices, start=1)
    ]


def in_francs(iban: str = QR_IBAN, **payable: Any) -> Invoice:
    """An invoice of a partner in Zürich with a name from all over Europe."""
    operator = replace(OPERATOR, **{**SWISS, "language": "en"})  # type: ignore[arg-type]
    partner = make_party(legal_name="Łódź & Žižka Bäckerei Δ AG", **SWISS)
    invoice = replace(make_invoices(operator=operator, partner=partner)[0], currency=Currency("CHF"))
    assert invoice.payable is not None
    return replace(invoice, payable=replace(invoice.payable, iban=iban, **payable))


def letter_of(invoice: Invoice) -> bytes:
    return write_invoice_pdf(write_invoice_json(invoice), write_invoice_xml(invoice))
