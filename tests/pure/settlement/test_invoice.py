"""Tax documents say what the statement says, by the rules of EN 16931, in every VAT category."""

from dataclasses import replace
from decimal import Decimal

import facturx
import pytest

from settlement.documents.invoice_json import read_invoice_json, write_invoice_json
from settlement.documents.invoice_xml import write_invoice_xml
from settlement.engine.invoice import missing_data
from settlement.engine.statement import MatrixRow
from settlement.engine.vat import NOT_SUBJECT, VAT_CATEGORIES, WITH_RATE, VatCategory, VatTreatment
from tests.pure.settlement.en16931 import broken_rules
from tests.pure.settlement.invoice_examples import (
    OPERATOR,
    S7,
    S19,
    make_invoices,
    make_party,
    rich_lines,
    rich_statement,
)


def treatment(category: VatCategory) -> VatTreatment:
    if category == "O":
        return NOT_SUBJECT
    return VatTreatment(category, Decimal("6.5" if category in WITH_RATE else 0), "ES" if category in "LM" else "DE")


@pytest.mark.parametrize("category", VAT_CATEGORIES)
def test_documents_of_every_vat_category_keep_the_schema_and_the_rules(category: VatCategory) -> None:
    """All rules of EN 16931, the calculations (BR-CO-10 to 17) among them, on invoice and self-billed invoice."""
    vat = treatment(category)
    statement = rich_statement(rich_lines(charge_vat=vat, fee_vat=vat, redemption_vat=vat))
    invoices = make_invoices(statement)
    assert [invoice.kind for invoice in invoices] == ["invoice", "self_billed_invoice"]
    assert [broken_rules(write_invoice_xml(invoice)) for invoice in invoices] == [[], []]


def test_the_rules_find_a_wrong_sum_and_a_wrong_tax() -> None:
    """The checks above can fail: each broken figure is found by the rule that is about it."""
    xml = write_invoice_xml(make_invoices()[0]).decode()
    for intact, broken, rule in (
        ("<ram:GrandTotalAmount>23075.18<", "<ram:GrandTotalAmount>23075.19<", "BR-CO-15"),
        ("<ram:CalculatedAmount>3684.27<", "<ram:CalculatedAmount>3690.27<", "BR-CO-14"),
        ("<ram:LineTotalAmount>-123.45<", "<ram:LineTotalAmount>-123.46<", "BR-CO-10"),
    ):
        assert intact in xml
        assert any(rule in told for told in broken_rules(xml.replace(intact, broken).encode())), rule


def test_the_documents_together_come_to_the_net_of_the_statement() -> None:
    statement = rich_statement()
    charged, credited = make_invoices(statement)
    assert charged.gross - credited.gross == statement.total
    assert (charged.net, charged.vat) == (Decimal("19390.91"), Decimal("3684.27"))
    assert {line.code for line in credited.lines} == {"redemption_credit", "redemption_credit_reversed"}


def test_each_line_is_its_quantity_times_its_price() -> None:
    """Rounded half up to the cent; a reversal has a quantity below 0, and no price is."""
    for line in (line for invoice in make_invoices() for line in invoice.lines):
        assert line.price >= 0
        assert abs(line.quantity * line.price - line.amount) <= Decimal("0.005")
        assert (line.quantity < 0) == line.code.endswith("_reversed")


def test_points_paid_for_at_burn_say_where_they_were_redeemed() -> None:
    """A line owed to the partner has a quantity below 0 though it is no reversal."""
    paid, covered = (
        replace(line, code=code, counterparty=partner, points=points, amount=amount)
        for line, code, partner, points, amount in zip(
            rich_lines(charge_vat=S19, fee_vat=S19)[:2],
            ("burn_charge", "cover_credit"),
            (3, None),
            (1284211, -310499),
            (Decimal("12842.11"), Decimal("-3104.99")),
            strict=True,
        )
    )
    elsewhere = MatrixRow(partner=3, name="Bäckerei Krume", points=1284211, amount=Decimal("12842.11"))
    statement = replace(rich_statement([paid, covered]), points_elsewhere=(elsewhere,))
    (charged,) = make_invoices(statement)
    assert [line.quantity for line in charged.lines] == [1284211, -310499]
    xml = write_invoice_xml(charged)
    assert broken_rules(xml) == []
    assert "<ram:Name>Your points redeemed at Bäckerei Krume</ram:Name>".encode() in xml


def test_what_is_taxed_elsewhere_or_not_at_all_has_a_document_of_its_own() -> None:
    """EN 16931 knows no document of what is subject to VAT and what is not, nor of two countries' VAT."""
    austrian = VatTreatment("S", Decimal(20), "AT")
    lines = rich_lines(charge_vat=S19, fee_vat=S19, redemption_vat=S7)
    mixed = [
        replace(line, vat=NOT_SUBJECT if line.code == "issue_charge" else austrian if line.rate else line.vat)
        for line in lines
    ]
    statement = rich_statement(mixed)
    invoices = make_invoices(statement)
    assert [(invoice.kind, invoice.lines[0].vat.country) for invoice in invoices] == [
        ("invoice", None),
        ("invoice", "AT"),
        ("invoice", "DE"),
        ("self_billed_invoice", "DE"),
    ]
    assert [broken for invoice in invoices for broken in broken_rules(write_invoice_xml(invoice))] == []
    *charged, credited = invoices
    assert sum(invoice.net for invoice in charged) - credited.net == sum(line.amount for line in lines)


def test_nothing_to_bill_is_no_document() -> None:
    statement = rich_statement([line for line in rich_lines() if line.code == "platform_fee"])
    assert [invoice.kind for invoice in make_invoices(statement)] == ["invoice"]
    free = [replace(line, amount=Decimal("0.00"), price=Decimal(0)) for line in rich_lines()]
    assert make_invoices(rich_statement(free)) == []


def test_what_the_law_wants_to_know_of_a_party_is_named() -> None:
    """A standard rate needs the seller's VAT id or tax number, a reverse charge the buyer's VAT id as well."""
    unknown = make_party(vat_id=None)
    charged, credited = make_invoices(partner=unknown)
    assert [*missing_data(charged)] == []
    assert [(lack.id, what) for lack, what in missing_data(credited)] == [("12", "tax_number")]
    reverse = treatment("AE")
    statement = rich_statement(rich_lines(charge_vat=reverse, fee_vat=reverse, redemption_vat=NOT_SUBJECT))
    charged, credited = make_invoices(statement, partner=unknown, operator=replace(OPERATOR, vat_id=None))
    assert [(lack.id, what) for lack, what in missing_data(charged)] == [("12", "vat_id")]
    assert [*missing_data(credited)] == []


def test_json_reads_back_whole_and_xml_is_the_same_bytes() -> None:
    for invoice in make_invoices():
        content = write_invoice_json(invoice)
        assert read_invoice_json(content) == invoice
        assert write_invoice_xml(read_invoice_json(content)) == write_invoice_xml(invoice)


def test_names_with_signs_of_markup_stay_names() -> None:
    hostile = make_party(legal_name="</ram:Name><x> & Söhne")
    xml = write_invoice_xml(make_invoices(partner=hostile)[0])
    assert broken_rules(xml) == []
    assert b"&lt;/ram:Name&gt;&lt;x&gt; &amp; S" in xml
    assert facturx.get_level(facturx.facturx.etree.fromstring(xml)) == "en16931"
