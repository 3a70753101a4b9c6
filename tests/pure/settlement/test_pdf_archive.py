"""E-invoices are archives (PDF/A-3) with an invoice inside (Factur-X), requirement by requirement."""

import io
import re
from collections.abc import Callable

from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from tests.pure.settlement.invoice_examples import in_francs, letter_of, make_invoices
from tests.pure.settlement.pdf_archive import REQUIREMENTS, requirements_broken

Damage = Callable[[bytes], bytes]


def swap(old: bytes, new: bytes) -> Damage:
    """Say another thing of the same length, so that the rest of the file stays where it is."""

    def damaged(content: bytes) -> bytes:
        assert len(old) == len(new)
        assert old in content
        return content.replace(old, new)

    return damaged


def rewrite(change: Callable[[PdfWriter], object]) -> Damage:
    def damaged(content: bytes) -> bytes:
        writer, file = PdfWriter(clone_from=io.BytesIO(content)), io.BytesIO()
        change(writer)
        writer.write(file)
        return file.getvalue()

    return damaged


def redraw(pattern: bytes, drawn: bytes) -> Damage:
    """Draw the first page otherwise."""

    def change(writer: PdfWriter) -> None:
        stream = writer.pages[0]["/Contents"].get_object()
        before = stream.get_data()  # type: ignore[attr-defined]
        after = re.sub(pattern, lambda _: drawn, before, count=1)
        assert after != before
        stream.set_data(after)  # type: ignore[attr-defined]

    return rewrite(change)


def annotate(writer: PdfWriter) -> None:
    writer.add_annotation(0, FreeText(text="Paid", rect=(50, 50, 90, 90)))
    note = writer.pages[0]["/Annots"][0].get_object()  # type: ignore[index]
    note.pop("/F", None)


def run_a_script(writer: PdfWriter) -> None:
    script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)


DAMAGE: dict[str, Damage] = {
    "6.1.2 header": swap(b"%PDF-1.7", b"%PDF-2.0"),
    "6.1.3 trailer": swap(b"/ID [<", b"/XD [<"),
    "6.1.7 streams": swap(b"/Type /EmbeddedFile\n", b"/F (elsewhere.xml) \n"),
    "6.2.3 output intent": swap(b"/GTS_PDFA1", b"/GTS_PDFX1"),
    "6.2.4 colours": redraw(rb"$", b"\n0 0 0 1 k"),
    "6.2.11.3 glyphs of fonts": swap(b"/CIDToGIDMap", b"/CIDToGIDMop"),
    "6.2.11.4 fonts embedded": swap(b"/FontFile2", b"/FontFile9"),
    "6.2.11.5 widths of fonts": swap(b"/W [ 0 [ 0 713 ", b"/W [ 0 [ 0 731 "),
    "6.2.11.8 missing glyphs": redraw(rb"\([^)]*\) Tj", b"<0000> Tj"),
    "6.3.2 annotations": rewrite(annotate),
    "6.5 actions": rewrite(run_a_script),
    "6.6.2.1 metadata": swap(b"/Subtype /XML", b"/Subtype /TXT"),
    "6.6.2.3 extension schemas": swap(b"pdfaProperty:name>Version<", b"pdfaProperty:name>Edition<"),
    "6.6.4 part and conformance": swap(b"pdfaid:part>3<", b"pdfaid:part>2<"),
    "6.8 associated file": swap(b"/AF [", b"/AG ["),
    "6.8 name of the file": swap(b"/UF (factur-x.xml)", b"/UF (factur-y.xml)"),
    "6.8 kind of the file": swap(b"/Alternative", b"/Unspecified"),
    "Factur-X file parameters": swap(b"/ModDate", b"/MadDate"),
    "Factur-X metadata": swap(b"ConformanceLevel>EN 16931<", b"ConformanceLevel>EN 19631<"),
}


def test_invoices_and_those_with_a_payment_slip_meet_every_requirement() -> None:
    for invoice in (*make_invoices(), in_francs()):
        assert requirements_broken(letter_of(invoice)) == []


def test_a_file_that_breaks_one_requirement_is_told_by_that_one() -> None:
    content = letter_of(make_invoices()[0])
    told = {requirement: requirements_broken(DAMAGE[requirement](content)) for requirement in REQUIREMENTS}
    assert told == {requirement: [requirement] for requirement in REQUIREMENTS}
