"""VAT is taken once per document and treatment, and charges never meet redemptions in one figure."""

from decimal import Decimal

import pytest

from settlement.engine.document import document_of, document_totals
from settlement.engine.line import LINE_CODES
from settlement.engine.netting import net_out
from settlement.engine.position import position_of
from settlement.engine.vat import VatTreatment, parse_vat
from settlement.errors import InvalidTermsError
from tests.pure.settlement.examples import EUR, make_terms, priced, total

STANDARD, REDUCED = VatTreatment("S", Decimal(19), "DE"), VatTreatment("S", Decimal(7), "DE")
A = 1


def taxed_terms(**changes: object) -> object:
    return make_terms(A, **({"charge_vat": STANDARD, "fee_vat": STANDARD, "redemption_vat": REDUCED} | changes))


def test_the_net_has_the_vat_of_both_documents() -> None:
    """1,000 points: 10.00 + 2.00 fee + 0.15 commission with 19 %, less 5.00 redeemed with 7 %."""
    terms = taxed_terms(service_fee=Decimal("0.002"), commission=Decimal("0.03"))
    lines = priced([total(A, "issued", 1000), total(A, "redeemed", 500)], terms)[A]
    invoice, credit_note = document_totals(lines, EUR)
    assert (invoice.net, invoice.vat, invoice.gross) == (Decimal("12.15"), Decimal("2.31"), Decimal("14.46"))
    assert (credit_note.net, credit_note.vat, credit_note.gross) == (Decimal("5.00"), Decimal("0.35"), Decimal("5.35"))
    position = position_of(A, lines, EUR)
    assert position.net == Decimal("9.11") == invoice.gross - credit_note.gross
    assert net_out({A: lines}, EUR).operator.vat == position.vat == Decimal("1.96")


def test_vat_is_rounded_once_for_all_lines_of_a_treatment() -> None:
    """Two lines of 0.05 at 10 %: 0.01 of their sum, not 0.01 each."""
    vat = VatTreatment("S", Decimal(10), "CH")
    terms = taxed_terms(charge_vat=vat, fee_vat=vat, service_fee=Decimal("0.01"))
    (invoice,) = document_totals(priced([total(A, "issued", 5)], terms)[A], EUR)
    assert [(group.net, group.vat) for group in invoice.breakdown] == [(Decimal("0.10"), Decimal("0.01"))]


def test_one_rate_of_two_countries_is_two_groups() -> None:
    terms = taxed_terms(fee_vat=VatTreatment("S", Decimal(19), "CY"), service_fee=Decimal("0.002"))
    (invoice,) = document_totals(priced([total(A, "issued", 1000)], terms)[A], EUR)
    assert [str(group.treatment) for group in invoice.breakdown] == ["S 19 CY", "S 19 DE"]


def test_a_reversal_stays_on_the_document_of_its_original() -> None:
    """A credit note on which more was put back than redeemed is below zero, and still not netted with the invoice."""
    lines = priced([total(A, "redeem_reversed", 1000)], taxed_terms())[A]
    (credit_note,) = document_totals(lines, EUR)
    assert (credit_note.document, credit_note.gross) == ("credit_note", Decimal("-10.70"))
    for code in LINE_CODES:
        assert document_of(code) == ("credit_note" if code.startswith("redemption_credit") else "invoice")


def test_without_stated_vat_nothing_is_taxed() -> None:
    lines = priced([total(A, "issued", 1000)], make_terms(A))[A]
    (invoice,) = document_totals(lines, EUR)
    assert (str(invoice.breakdown[0].treatment), invoice.vat) == ("O", Decimal("0.00"))


@pytest.mark.parametrize("text", ["S 19 DE", "S 7.7 CH", "L 0 ES", "E DE", "AE AT", "O"])
def test_a_treatment_reads_back_from_its_text(text: str) -> None:
    assert str(parse_vat(text, field="fee_vat")) == text


@pytest.mark.parametrize(
    "text", ["", "19", "S 19", "S DE", "S 100 DE", "S 7.125 DE", "E 19 DE", "O DE", "X DE", "S -1 DE"]
)
def test_a_text_that_is_no_treatment_is_refused(text: str) -> None:
    with pytest.raises(InvalidTermsError, match="fee_vat: must be VAT like 'S 19 DE'"):
        parse_vat(text, field="fee_vat")


@pytest.mark.parametrize(
    ("vat", "problem"),
    [
        (VatTreatment("S", Decimal(0), "DE"), "must have a rate above 0 in category S"),
        (VatTreatment("E", Decimal(7), "DE"), "must have no rate in category E"),
        (VatTreatment("S", Decimal("-7"), "DE"), "must be like"),
        (VatTreatment("S", Decimal("NaN"), "DE"), "must be like"),
        (VatTreatment("S", Decimal(19)), "must be like"),
        (VatTreatment("S", Decimal(19), "Germany"), "must be like"),
        (VatTreatment("S", Decimal(19), "XX"), "must name a country of ISO 3166-1, not XX"),
        (VatTreatment("Q", Decimal(0), "DE"), "must be of a category of EN 16931"),  # type: ignore[arg-type]
    ],
)
def test_a_treatment_that_no_invoice_may_have_is_named(vat: VatTreatment, problem: str) -> None:
    with pytest.raises(InvalidTermsError) as refused:
        make_terms(redemption_vat=vat)
    assert [found.field for found in refused.value.problems] == ["redemption_vat"]
    assert problem in refused.value.problems[0].problem


def test_what_is_not_subject_to_vat_shares_no_invoice_with_what_is() -> None:
    with pytest.raises(InvalidTermsError, match=r"fee_vat: must be O .*BR-O-11"):
        make_terms(fee_vat=STANDARD)
