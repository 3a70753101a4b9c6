"""Corrections never take back more than was charged, name their original, and keep the rules of EN 16931."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from settlement.documents.invoice_xml import write_invoice_xml
from settlement.engine.correction import correct, left_of, owed_after
from settlement.engine.invoice import Invoice, in_series, numbered
from settlement.errors import InvalidCorrectionError
from tests.pure.settlement.en16931 import broken_rules
from tests.pure.settlement.invoice_examples import OPERATOR, make_invoices, make_party


def corrected(
    original: Invoice, taken_back: Mapping[int, str], earlier: tuple[Invoice, ...] = (), *, reason: str = "Wrong price"
) -> Invoice:
    document = correct(
        original,
        {line: Decimal(amount) for line, amount in taken_back.items()},
        earlier,
        reason=reason,
        operator=OPERATOR,
        partner=make_party(town="Augsburg"),
        issued_on=date(2026, 12, 1),
    )
    return numbered(document, in_series(1, kind=document.kind, year=2026))


def test_a_credit_note_takes_back_of_lines_and_says_of_which_document() -> None:
    charged, credited = make_invoices()
    note = corrected(charged, {1: "100.00", 4: "0.05"})
    assert (note.kind, note.net, note.vat, note.gross) == (
        "credit_note",
        Decimal("100.05"),
        Decimal("19.01"),
        Decimal("119.06"),
    )
    assert note.original is not None
    assert (note.original.number, note.original.issued_on) == (charged.number, charged.issued_on)
    assert (owed_after(note), note.buyer.party.town) == (Decimal("-119.06"), "Augsburg")
    other = corrected(credited, {1: "100.00"})
    assert (other.kind, owed_after(other)) == ("self_billed_credit_note", Decimal("107.00"))
    for document in (note, other):
        xml = write_invoice_xml(document)
        assert broken_rules(xml) == []
        assert document.original is not None
        assert f"<ram:IssuerAssignedID>{document.original.number}</ram:IssuerAssignedID>".encode() in xml


def test_words_are_put_right_by_a_document_of_the_same_amounts() -> None:
    charged, credited = make_invoices()
    for original in (charged, credited):
        document = corrected(original, {})
        assert (document.kind, document.gross, document.lines) == ("corrected_invoice", original.gross, original.lines)
        assert (owed_after(document), document.addressee.town) == (Decimal(0), "Augsburg")
        assert broken_rules(write_invoice_xml(document)) == []
        assert b"nothing is to be paid" in write_invoice_xml(document)


def test_in_parts_the_whole_is_taken_back_to_the_cent() -> None:
    """The VAT of many small credit notes, each rounded, ends as the VAT of the original."""
    original, _ = make_invoices()
    parts: list[Invoice] = []
    for line, amount in left_of(original, parts).items():
        # First a cent of each, whose VAT is rounded to nothing, then the rest at once.
        cent = Decimal("0.01") if amount > 0 else Decimal("-0.01")
        if amount > 0:
            parts.append(corrected(original, {line: str(cent)}, tuple(parts)))
    rest = {line: str(amount) for line, amount in left_of(original, parts).items() if amount}
    parts.append(corrected(original, rest, tuple(parts)))
    assert sum(part.net for part in parts) == original.net
    assert sum(part.vat for part in parts) == original.vat
    assert set(left_of(original, parts).values()) == {Decimal("0.00")}
    with pytest.raises(InvalidCorrectionError, match=r"of 0\.00 that are left"):
        corrected(original, {1: "0.01"}, tuple(parts))


@pytest.mark.parametrize(
    ("taken_back", "told"),
    [
        ({1: "12842.12"}, "line 1: of 12842.11 that are left, 12842.12"),
        ({1: "-1"}, "line 1: of 12842.11 that are left, -1"),
        ({3: "1"}, "line 3: of -123.45 that are left, 1"),
        ({1: "0"}, "line 1: of 12842.11 that are left, 0"),
        ({1: "0.001"}, "line 1: expected an amount of at most 2 decimals, 0.001"),
        ({1: "NaN"}, "line 1: expected an amount"),
        ({99: "1"}, "line 99: there is no such line"),
    ],
)
def test_what_a_line_does_not_hold_cannot_be_taken_back(taken_back: dict[int, str], told: str) -> None:
    with pytest.raises(InvalidCorrectionError) as refused:
        corrected(make_invoices()[0], taken_back)
    assert told in str(refused.value)


def test_charges_are_not_taken_back_beyond_what_their_reversals_left_of_them() -> None:
    """5,274.50 were credited, of which 23.75 were reversed: 5,250.75 is all that can be taken back."""
    _, credited = make_invoices()
    with pytest.raises(InvalidCorrectionError, match=r"of 5250\.75 that are left of lines with VAT S 7 DE, 5274\.50"):
        corrected(credited, {1: "4275.00", 2: "999.50"})
    assert corrected(credited, {1: "4275.00", 2: "999.50", 3: "-23.75"}).gross == credited.gross


def test_a_credit_note_is_not_corrected_and_a_reason_is_given() -> None:
    charged, _ = make_invoices()
    note = corrected(charged, {1: "1"})
    with pytest.raises(InvalidCorrectionError, match="is a credit_note itself"):
        corrected(note, {1: "1"})
    for reason in (" ", "x" * 501, "a\nb"):
        with pytest.raises(InvalidCorrectionError, match="reason: expected 1 to 500"):
            corrected(charged, {1: "1"}, reason=reason)
    assert corrected(replace(charged), {1: "1"}, reason=" typo ").reason == "typo"
