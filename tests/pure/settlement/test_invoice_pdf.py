"""Invoices as letters: the same bytes each time, the XML inside, and a slip that a bank's reader takes."""

import io
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import facturx
import pypdfium2
import pytest
import zxingcpp
from pypdf import PdfReader
from qrbill import QRBill

from settlement.documents.invoice_json import read_invoice_json, write_invoice_json
from settlement.documents.invoice_pdf import slip_of
from settlement.documents.invoice_xml import write_invoice_xml
from settlement.documents.payment_slip_pdf import in_slip_characters
from settlement.documents.wording import LANGUAGES, word
from settlement.engine.invoice import Earlier, Invoice, Payable
from settlement.engine.money import Currency
from settlement.engine.payment_reference import creditor_reference, find_shares, qr_reference
from settlement.engine.payment_slip import PaymentSlip, slip_code
from settlement.stores.adjustments import AdjustmentKind
from tests.pure.settlement.invoice_examples import OPERATOR, QR_IBAN, in_francs, letter_of, make_invoices, make_party

PLAIN_IBAN = "CH9300762011623852957"


def pages_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def slip(invoice: Invoice) -> PaymentSlip:
    drawn = slip_of(invoice)
    assert drawn is not None
    return in_slip_characters(drawn)


def test_the_same_document_is_the_same_bytes_with_its_xml_inside() -> None:
    for invoice in make_invoices():
        content = letter_of(invoice)
        assert letter_of(invoice) == content
        assert facturx.get_facturx_xml_from_pdf(content) == ("factur-x.xml", write_invoice_xml(invoice))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Self-billed invoice SBI-2026-000002", "VAT 7% of 5,250.75", "5,618.30 EUR", "by 17 November 2026")),
        ("de", ("Gutschrift SBI-2026-000002", "Umsatzsteuer 7 % auf 5.250,75", "5.618,30 EUR", "bis zum 17. November")),
    ],
)
def test_the_letter_speaks_the_language_of_who_gets_it(language: str, words: tuple[str, ...]) -> None:
    _, credited = make_invoices(partner=make_party(language=language))
    text = " ".join("\n".join(pages_of(letter_of(credited))).split())
    for expected in (*words, "DE987654321", "Bäckerei Müller & Söhne KG", "HRB 123456"):
        assert expected in text


def test_each_page_says_what_it_carries_to_the_next() -> None:
    charged = make_invoices()[0]
    lines = tuple(replace(line, line=number) for number, line in enumerate(charged.lines * 5, start=1))
    first, *middle, last = pages_of(letter_of(replace(charged, lines=lines)))
    for before, after in zip([first, *middle], [*middle, last], strict=True):
        carried = before.rpartition("Carried forward")[2].split()[0]
        assert after.partition("Brought forward")[2].split()[0] == carried
    assert "Total" in last
    assert "Platform fee" in last, "a total never stands alone on its page"


def test_one_point_is_told_like_any_others() -> None:
    """It looked like a fee, which has no points; how a document is paid stays on its page, where it fits."""
    charged = make_invoices()[0]
    first, *others = charged.lines
    few = [line for line in others if line.code in ("issue_charge_reversed", "platform_fee")]
    one = replace(first, quantity=1, price=Decimal("0.0125"), amount=Decimal("0.01"))
    pages = pages_of(letter_of(replace(charged, lines=(one, *few))))
    assert len(pages) == 1
    rows = [" ".join(line.split()) for line in pages[0].splitlines()]
    assert "1 0.0125 19% 0.01" in " ".join(rows)
    assert "Platform fee of the window 19% 250.00" in " ".join(rows)


def test_a_direct_debit_and_a_credit_say_so_and_have_no_slip() -> None:
    debit = in_francs(way="debit")
    paid = in_francs(amount=Decimal("-12.00"))
    assert slip_of(debit) is slip_of(paid) is None
    assert "einziehen" in pages_of(letter_of(debit))[-1]
    assert "die wir bis zum 17. November" in " ".join(pages_of(letter_of(paid))[-1].split())
    assert "Bankverbindung" not in pages_of(letter_of(paid))[-1]
    unknown = replace(paid, payable=replace(paid.payable, iban=None)) if paid.payable else paid
    assert "Haben wir Ihre Bankverbindung noch nicht, teilen" in " ".join(pages_of(letter_of(unknown))[-1].split())


def test_what_is_held_out_or_comes_from_earlier_windows_is_told_with_the_amount_to_pay() -> None:
    charged = make_invoices()[0]
    assert "Net of statement" not in " ".join(pages_of(letter_of(charged)))
    payable = Payable(
        amount=Decimal("17000.00"), due_on=charged.issued_on, held=Decimal("500.00"), adjusted=Decimal("43.12")
    )
    text = " ".join(pages_of(letter_of(replace(charged, payable=payable)))[-1].split())
    assert "Net of statement ST-00007-00012 17,456.88 Disputed, held out until it is answered -500.00" in text
    assert "carried forward 43.12" in text
    assert "Together that is 17,000.00 EUR, which you pay by 3 November 2026 with reference W00007-P00012." in text

    # Part by part, where it is kept so: a returned debit is told as what it is, and so is its fee.
    parts = tuple(
        Earlier(kind=kind, window=6, amount=Decimal(amount))
        for kind, amount in (("payment_returned", "40.12"), ("return_fee", "3.00"))
    )
    told = replace(charged, payable=replace(payable, earlier=parts))
    assert read_invoice_json(write_invoice_json(told)) == told
    text = " ".join("\n".join(pages_of(letter_of(told))).split())
    assert "Payment for window 6 that came back 40.12 The bank’s fee for what came back of window 6 3.00" in text
    assert "carried forward" not in text
    for kind in get_args(AdjustmentKind):
        assert all(word(language, f"invoice.earlier.{kind}", window=1) for language in LANGUAGES)


@pytest.mark.parametrize(("iban", "kind"), [(QR_IBAN, "QRR"), (PLAIN_IBAN, "SCOR")])
def test_the_code_read_from_the_picture_is_what_another_maker_of_qr_bills_writes(iban: str, kind: str) -> None:
    """Printed, photographed and decoded, line for line; the other maker checks IBAN, reference and amount."""
    invoice = in_francs(iban)
    document = pypdfium2.PdfDocument(letter_of(invoice))
    picture = document[len(document) - 1].render(scale=3).to_pil()
    (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    drawn = slip(invoice)
    zurich = {"pcode": "8001", "city": "Zürich", "country": "CH"}
    other = QRBill(
        account=iban,
        creditor={"name": OPERATOR.legal_name, "street": "Hafenstraße 1", **zurich},
        debtor={"name": "Łódź & Žižka Bäckerei ? AG", "street": "Am Markt 3", **zurich},
        amount="17456.88",
        currency="CHF",
        reference_number=drawn.reference,
        additional_information="ST-00007-00012, INV-2026-000001",
    )
    assert code.text.split("\r\n") == other.qr_data().split("\r\n") == slip_code(drawn).split("\r\n")
    assert drawn.reference_type == other.ref_type == kind
    assert "Empfangsschein" in pages_of(letter_of(invoice))[-1]
    assert "mit dem Zahlteil am Ende" in " ".join(" ".join(pages_of(letter_of(invoice))).split())


def test_references_lead_back_to_their_share() -> None:
    """Both kinds of reference, as a bank's file may space them."""
    assert qr_reference(window=7, partner=12) == "000000000700000000000000129"
    for reference in (qr_reference(window=7, partner=12), creditor_reference(window=7, partner=12)):
        assert find_shares(reference) == {(7, 12)}
        spaced = " ".join(reference[start : start + 5] for start in range(0, len(reference), 5))
        assert find_shares(spaced) == {(7, 12)}
    assert find_shares("000000000700000000000000120") == set(), "a wrong check digit names no share"


def test_no_slip_without_francs_or_a_swiss_account() -> None:
    francs = in_francs()
    assert francs.payable is not None
    assert slip_of(replace(francs, currency=Currency("EUR"))) is None
    german = Payable(amount=francs.payable.amount, due_on=francs.payable.due_on, iban="DE89370400440532013000")
    assert slip_of(replace(francs, payable=german)) is None
