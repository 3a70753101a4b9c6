"""XML from others, read so that it can do no harm: within limits, without entities, each element with its line.

Refused are document types (and with them every entity and external file), and what is too large, too deep or too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from settlement.errors import UnreadableBankFileError
from settlement.worded import WordCode, Worded

BYTES_MAX: Final = 16 * 1024 * 1024
ELEMENTS_MAX: Final = 500_000
DEPTH_MAX: Final = 64
TEXT_CHARS_MAX: Final = 10_000
ATTRIBUTES_MAX: Final = 20


@dataclass(slots=True)
class XmlElement:
    """An element with the line on which it begins; `name` is without its namespace."""

    name: str
    namespace: str
    line: int
    attributes: dict[str, str]
    children: list[XmlElement] = field(default_factory=list)
    text: str = ""

    def find(self, *path: str) -> XmlElement | None:
        """Return the first element at a path below this one."""
        return next(self.find_all(*path), None)

    def find_all(self, *path: str) -> Iterator[XmlElement]:
        """Return all elements at a path below this one, in order."""
        name, *rest = path
        for child in self.children:
            if child.name == name:
                if rest:
                    yield from child.find_all(*rest)
                else:
                    yield child

    def text_at(self, *path: str) -> str | None:
        """Return the text of the first element at a path; None: there is none, or it is empty."""
        found = self.find(*path)
        return (found.text.strip() or None) if found is not None else None


def parse_xml(content: bytes) -> XmlElement:
    """Return the root element.

    Raises:
        UnreadableBankFileError: it is not well-formed, beyond a limit, or has a document type; names the line.
    """
    if len(content) > BYTES_MAX:
        raise UnreadableBankFileError(line=1, problem=Worded.of("file_bytes", most=BYTES_MAX, got=len(content)))
    return _Tree().parse(content)


class _Tree:
    """Builds elements from the parser's events."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add_text
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype
        self._open: list[XmlElement] = []
        self._root: XmlElement | None = None
        self._count = 0

    def parse(self, content: bytes) -> XmlElement:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            raise UnreadableBankFileError(
                line=error.lineno, problem=Worded.of("xml", fault=expat.ErrorString(error.code))
            ) from error
        except (LookupError, ValueError) as error:
            # An encoding that Python does not know, or one that it can't turn into the parser's table.
            raise UnreadableBankFileError(line=1, problem=Worded.of("xml_encoding", fault=error)) from error
        assert self._root is not None, "well-formed XML has a root"
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS_MAX:
            self._refuse("xml_elements", most=ELEMENTS_MAX)
        if len(self._open) >= DEPTH_MAX:
            self._refuse("xml_depth", most=DEPTH_MAX)
        if len(attributes) > ATTRIBUTES_MAX:
            self._refuse("xml_attributes", most=ATTRIBUTES_MAX, got=len(attributes))
        namespace, _, local = name.rpartition(" ")
        element = XmlElement(local, namespace, self._parser.CurrentLineNumber, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _add_text(self, text: str) -> None:
        element = self._open[-1]
        if text.isspace() and (element.children or not element.text):
            # The indentation between elements: of a long file it is long, and says nothing.
            return
        if len(element.text) + len(text) > TEXT_CHARS_MAX:
            self._refuse("xml_text", most=TEXT_CHARS_MAX, name=element.name)
        element.text += text

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("xml_doctype")

    def _refuse(self, code: WordCode, **values: object) -> None:
        raise UnreadableBankFileError(line=self._parser.CurrentLineNumber, problem=Worded.of(code, **values))
