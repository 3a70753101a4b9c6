"""What PDF/A-3B (ISO 19005-3, by clause) and Factur-X 1.0 ask of a file, as far as it can be seen without a validator.

Not looked at: whether content streams keep to the operators of ISO 32000, colours within images, and limits of sizes.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.etree import ElementTree

from fontTools.ttLib import TTFont
from pypdf import PdfReader
from pypdf.generic import ArrayObject, ContentStream, DictionaryObject, StreamObject

from settlement.documents.invoice_pdf import XML_NAME

_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PDFA_ID: Final = "{http://www.aiim.org/pdfa/ns/id/}"
_FACTUR_X: Final = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
_SCHEMA: Final = "{http://www.aiim.org/pdfa/ns/schema#}"
_PROPERTY: Final = "{http://www.aiim.org/pdfa/ns/property#}"
# Actions that run something, or lead out of the file unseen (6.5.1).
_ACTIONS_REFUSED: Final = {
    "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide", "/SetOCGState", "/Rendition", "/Trans",
    "/GoTo3DView", "/JavaScript", "/SetState", "/NOP",
}  # fmt: skip
_MARKS_OF_CMYK: Final = {b"k", b"K"}


class _File:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reader = PdfReader(io.BytesIO(content))
        self.catalog: Any = self.reader.trailer["/Root"].get_object()

    def objects(self) -> Iterator[Any]:
        """Every dictionary and stream of the file, those within others as well."""
        for number in range(1, self.reader.trailer["/Size"]):
            waiting = [self.reader.get_object(number)]
            while waiting:
                item = waiting.pop()
                if isinstance(item, DictionaryObject):
                    yield item
                    waiting += [value for value in dict.values(item) if not hasattr(value, "idnum")]
                elif isinstance(item, ArrayObject):
                    waiting += [value for value in list.__iter__(item) if not hasattr(value, "idnum")]

    def fonts(self) -> Iterator[Any]:
        for found in self.objects():
            if found.get("/Type") == "/Font" and found.get("/Subtype") == "/CIDFontType2":
                yield found

    def operations(self) -> Iterator[tuple[Any, bytes]]:
        for page in self.reader.pages:
            yield from ContentStream(page["/Contents"].get_object(), self.reader).operations

    def glyphs_shown(self) -> Iterator[int]:
        """Go through the text of all pages; each glyph is two bytes."""
        for operands, operator in self.operations():
            if operator in (b"Tj", b"TJ"):
                pieces = operands[0] if operator == b"TJ" else operands
                for piece in pieces:
                    shown = getattr(piece, "original_bytes", b"")
                    yield from (int.from_bytes(shown[place : place + 2]) for place in range(0, len(shown), 2))

    @property
    def metadata(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.catalog["/Metadata"].get_data())

    def described(self, namespace: str, name: str) -> str | None:
        return self.metadata.findtext(f".//{namespace}{name}")

    @property
    def attached(self) -> Any:
        names = self.catalog["/Names"]["/EmbeddedFiles"]["/Names"]
        return dict(zip(names[::2], names[1::2], strict=True))[XML_NAME].get_object()


def _has_a_header(file: _File) -> bool:
    header, comment = file.content.split(b"\n", 2)[:2]
    is_version = len(header) == 8 and header.startswith(b"%PDF-1.") and header[7:8] in b"01234567"
    return is_version and comment[:1] == b"%" and len(comment) >= 5 and all(byte > 127 for byte in comment[1:5])


def _has_a_trailer(file: _File) -> bool:
    return "/ID" in file.reader.trailer and "/Encrypt" not in file.reader.trailer


def _holds_its_streams(file: _File) -> bool:
    for found in file.objects():
        if isinstance(found, StreamObject) and ({"/F", "/FFilter", "/FDecodeParms"} & set(found)):
            return False
        if "LZW" in str(found.get("/Filter", "")):
            return False
    return True


def _has_an_output_intent(file: _File) -> bool:
    intents = [intent for intent in file.catalog.get("/OutputIntents", ()) if intent["/S"] == "/GTS_PDFA1"]
    if len(intents) != 1:
        return False
    profile = intents[0]["/DestOutputProfile"].get_object()
    header = profile.get_data()[:40]
    is_rgb_of_a_screen = header[12:20] == b"mntrRGB " and header[36:40] == b"acsp" and header[8] <= 4
    return is_rgb_of_a_screen and profile["/N"] == 3


def _has_colours_of_its_profile(file: _File) -> bool:
    groups = [page["/Group"]["/CS"] for page in file.reader.pages if "/Group" in page]
    operators = {operator for _, operator in file.operations()}
    return not _MARKS_OF_CMYK & operators and set(groups) <= {"/DeviceRGB", "/DeviceGray"}


def _embeds_its_fonts(file: _File) -> bool:
    fonts = [found for found in file.objects() if found.get("/Type") == "/Font"]
    simple = [font for font in fonts if font["/Subtype"] not in ("/Type0", "/CIDFontType2")]
    return bool(fonts) and not simple and all("/FontFile2" in font["/FontDescriptor"] for font in file.fonts())


def _maps_its_glyphs(file: _File) -> bool:
    return all("/CIDToGIDMap" in font for font in file.fonts())


def _has_widths_of_its_fonts(file: _File) -> bool:
    for font in file.fonts():
        if "/FontFile2" not in font["/FontDescriptor"] or "/CIDToGIDMap" not in font:
            continue
        metrics = TTFont(io.BytesIO(font["/FontDescriptor"]["/FontFile2"].get_data()))
        order, unit = metrics.getGlyphOrder(), 1000 / metrics["head"].unitsPerEm
        mapped = font["/CIDToGIDMap"].get_data()
        for cid, width in _widths(font["/W"]):
            glyph = int.from_bytes(mapped[2 * cid : 2 * cid + 2])
            # The first is that of no character, which is not shown (6.2.11.8).
            if cid and abs(metrics["hmtx"][order[glyph]][0] * unit - width) > 1:
                return False
    return True


def _shows_no_missing_glyph(file: _File) -> bool:
    return all(file.glyphs_shown())


def _widths(array: Any) -> Iterator[tuple[int, float]]:
    items = list(array)
    while items:
        first, second = int(items.pop(0)), items.pop(0)
        if isinstance(second, list):
            yield from ((first + place, float(width)) for place, width in enumerate(second))
        else:
            width = float(items.pop(0))
            yield from ((cid, width) for cid in range(first, int(second) + 1))


def _runs_nothing(file: _File) -> bool:
    for found in file.objects():
        if found.get("/S") in _ACTIONS_REFUSED or "/AA" in found or "/JavaScript" in found or "/XFA" in found:
            return False
    return True


def _prints_its_annotations(file: _File) -> bool:
    shown = (note.get_object().get("/F", 0) for page in file.reader.pages for note in page.get("/Annots", ()))
    # Print set; Hidden, Invisible, NoView and ToggleNoView not (6.3.2).
    return all(flags & 0b1_0010_0111 == 0b100 for flags in shown)


def _has_metadata(file: _File) -> bool:
    stream = file.catalog["/Metadata"]
    if (stream["/Type"], stream["/Subtype"]) != ("/Metadata", "/XML"):
        return False
    packet = stream.get_data().split(b"?>", 1)[0]
    return b"bytes=" not in packet and b"encoding=" not in packet and file.metadata.find(f"{_RDF}RDF") is not None


def _describes_its_schemas(file: _File) -> bool:
    used = {found.tag.rpartition("}")[2] for found in file.metadata.iter() if found.tag.startswith(_FACTUR_X)}
    schemas = {found.text for found in file.metadata.iter(f"{_SCHEMA}namespaceURI")}
    described = {found.text for found in file.metadata.iter(f"{_PROPERTY}name")}
    return bool(used) and used <= described and _FACTUR_X.strip("{}") in schemas


def _names_its_part(file: _File) -> bool:
    return (file.described(_PDFA_ID, "part"), file.described(_PDFA_ID, "conformance")) == ("3", "B")


def _associates_its_file(file: _File) -> bool:
    return [found.get_object() for found in file.catalog.get("/AF", ())] == [file.attached]


def _names_its_file(file: _File) -> bool:
    return file.attached.get("/F") == file.attached.get("/UF") == XML_NAME


def _says_what_its_file_is(file: _File) -> bool:
    kind = file.attached["/EF"]["/F"].get("/Subtype")
    return file.attached.get("/AFRelationship") == "/Alternative" and kind == "/text/xml"


def _has_its_file_whole(file: _File) -> bool:
    stream = file.attached["/EF"]["/F"]
    content, told = stream.get_data(), stream["/Params"]
    return told["/Size"] == len(content) and "/ModDate" in told and "/CheckSum" not in told


def _says_that_it_is_an_invoice(file: _File) -> bool:
    expected = {
        "DocumentType": "INVOICE",
        "DocumentFileName": XML_NAME,
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }
    return {name: file.described(_FACTUR_X, name) for name in expected} == expected


REQUIREMENTS: Final[dict[str, Callable[[_File], bool]]] = {
    "6.1.2 header": _has_a_header,
    "6.1.3 trailer": _has_a_trailer,
    "6.1.7 streams": _holds_its_streams,
    "6.2.3 output intent": _has_an_output_intent,
    "6.2.4 colours": _has_colours_of_its_profile,
    "6.2.11.3 glyphs of fonts": _maps_its_glyphs,
    "6.2.11.4 fonts embedded": _embeds_its_fonts,
    "6.2.11.5 widths of fonts": _has_widths_of_its_fonts,
    "6.2.11.8 missing glyphs": _shows_no_missing_glyph,
    "6.3.2 annotations": _prints_its_annotations,
    "6.5 actions": _runs_nothing,
    "6.6.2.1 metadata": _has_metadata,
    "6.6.2.3 extension schemas": _describes_its_schemas,
    "6.6.4 part and conformance": _names_its_part,
    "6.8 associated file": _associates_its_file,
    "6.8 name of the file": _names_its_file,
    "6.8 kind of the file": _says_what_its_file_is,
    "Factur-X file parameters": _has_its_file_whole,
    "Factur-X metadata": _says_that_it_is_an_invoice,
}


def requirements_broken(content: bytes) -> list[str]:
    """Return the requirements that a file does not meet."""
    file = _File(content)
    return [clause for clause, is_met in REQUIREMENTS.items() if not is_met(file)]
