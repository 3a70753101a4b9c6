"""What every letter has in common: an A4 page of DIN 5008, its typeface, sender, address, facts, tables, footer.

The JSON keeps every name as it is; on the letter, a character that the typeface lacks is stood in for.
Nothing in the file depends on the clock, the machine or chance: the same content is the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from fpdf import FPDF
from fpdf.enums import Align, DocumentCompliance, MethodReturnValue, XPos, YPos
from fpdf.fonts import TTFFont

from settlement.documents.typeface import FONT_FILES, printable
from settlement.documents.wording import Language, word
from settlement.engine.statement import Party

# Millimetres on A4, after DIN 5008 form B: a window envelope shows the address.
LEFT, RIGHT, TOP, BOTTOM = 25.0, 20.0, 20.0, 34.0
WIDTH: Final = 210.0 - LEFT - RIGHT
# No letter is smaller, in points.
SIZE_MIN: Final = 7.0
ADDRESS_TOP: Final = 50.0
SUBJECT_TOP: Final = 98.0

INK, QUIET, ACCENT, SHADE = (28, 32, 38), (98, 106, 117), (24, 78, 119), (241, 244, 247)
RULE: Final = (200, 206, 213)
TYPEFACE: Final = "roboto"


class Column(NamedTuple):
    """One column of a table: its width in millimetres and where its cells lie."""

    width: float
    align: Align


class Letter(FPDF):
    """A letter to be written from top to bottom.

    `number` identifies it on every page, `digest` is of what it is made from: the file's identity follows from it.
    `footer_text` stands at the foot of each page.
    """

    def __init__(
        self,
        *,
        language: Language,
        title: str,
        number: str,
        sender: Party,
        made_at: datetime,
        digest: str,
        footer_text: str,
        compliance: DocumentCompliance | None = None,
    ) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4", enforce_compliance=compliance)
        self._language = language
        self._number = number
        self._sender = sender
        self._digest = digest
        self._footer_text = footer_text
        self._slip_pages: set[int] = set()
        for style, file in FONT_FILES.items():
            self.add_font(TYPEFACE, style, file)
        self.set_margins(LEFT, TOP, RIGHT)
        self.set_auto_page_break(True, BOTTOM)
        self.set_creation_date(made_at)
        self.set_lang(language)
        self.set_title(title)
        self.set_author(sender.name)
        self.alias_nb_pages("{pages}")

    def file_id(self) -> str:
        # From the content, not from the clock.
        return f"<{self._digest[:32].upper()}><{self._digest[:32].upper()}>"

    def header(self) -> None:
        if self.page == 1:
            return
        self.pen(8.5, QUIET)
        self.text_cell(WIDTH, 5, f"{self._sender.name} · {self._number}", next_line=True)
        self.ln(5)

    def keep_foot_for_slip(self) -> None:
        """Leave the foot of this page to a payment slip."""
        self._slip_pages.add(self.page)

    def footer(self) -> None:
        if self.page in self._slip_pages:
            return
        self.set_y(-BOTTOM + 8)
        self.rule()
        self.ln(2)
        self.pen(7.5, QUIET)
        for paragraph in self._footer_text.split("\n"):
            self.wrapped(WIDTH, 3.6, paragraph)
        self.ln(1.5)
        page = self.word("page", page=self.page, pages="{pages}")
        self.text_cell(WIDTH, 3.6, f"{self._number} · {page}")

    def write_sender(self) -> None:
        """Write who the letter is from, as a letterhead."""
        self.pen(19, ACCENT, "B")
        if self._fits(WIDTH, self._sender.name):
            self.text_cell(WIDTH, 9, self._sender.name, next_line=True)
        else:
            self.pen(14, ACCENT, "B")
            self.wrapped(WIDTH, 6.4, self._sender.name)
        self.pen(8.5, QUIET)
        for line in self._sender.address:
            self.text_cell(WIDTH, 4.2, line, next_line=True)

    def write_address_and_facts(self, addressee: Party, facts: Sequence[tuple[str, str]]) -> None:
        """Write where the letter goes and, beside it, what identifies it."""
        top = max(ADDRESS_TOP, self.y + 4)
        self._write_address(addressee, top)
        bottom = self.y
        self._write_facts(facts, top)
        # An address of many lines pushes the letter down rather than run into it.
        self.set_y(max(SUBJECT_TOP, bottom + 8, self.y + 8))

    def write_heads(self, columns: tuple[Column, ...], heads: tuple[str, ...]) -> None:
        self.pen(8.5, QUIET, "B")
        self.write_cells(columns, heads, 6)
        self.rule(sum(column.width for column in columns), INK)

    def write_cells(self, columns: tuple[Column, ...], cells: tuple[str, ...], height: float) -> None:
        for column, cell in zip(columns, cells, strict=True):
            self.text_cell(column.width, height, cell, align=column.align)
        self.ln(height)

    def write_sum(self, label: str, amount: str) -> None:
        """Write one line of a sum: what it is, and how much."""
        self.pen(9.5, INK)
        self.text_cell(WIDTH - 32, 6, label)
        self.text_cell(32, 6, amount, align=Align.R, next_line=True)

    def write_due(self, label: str, amount: str) -> None:
        """Write what a letter comes to, so that nobody has to look for it."""
        self.set_fill_color(*SHADE)
        self.pen(12, ACCENT, "B")
        self.text_cell(WIDTH - 60, 11, f" {label}", fill=True)
        self.text_cell(60, 11, amount, align=Align.R, fill=True, next_line=True)

    def text_cell(
        self,
        width: float,
        height: float,
        text: str,
        *,
        align: Align = Align.L,
        fill: bool = False,
        next_line: bool = False,
    ) -> None:
        """Write a text in one line; what a cell cannot hold is written smaller, and cut at last, with an ellipsis."""
        new_x, new_y = (XPos.LMARGIN, YPos.NEXT) if next_line else (XPos.RIGHT, YPos.TOP)
        size = self.font_size_pt
        while not self._fits(width, text) and self.font_size_pt > SIZE_MIN:
            self.set_font_size(self.font_size_pt - 0.5)
        fitting = self._cut_to(width, self.printable(text))
        self.cell(width, height, fitting, align=align, fill=fill, new_x=new_x, new_y=new_y)
        self.set_font_size(size)

    def wrapped(self, width: float, height: float, text: str) -> None:
        self.multi_cell(width, height, self.printable(text), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def paragraph(self, text: str, *, size: float = 9.5, color: tuple[int, int, int] = INK) -> None:
        self.pen(size, color)
        self.wrapped(WIDTH, size / 2, text)

    def height_of(self, text: str, *, size: float = 9.5) -> float:
        """Return how many millimetres a paragraph takes."""
        self.pen(size, INK)
        height = self.multi_cell(WIDTH, size / 2, self.printable(text), dry_run=True, output=MethodReturnValue.HEIGHT)
        assert isinstance(height, float), "asked for the height alone"
        return height

    def keep_together(self, height: float) -> None:
        """Begin a new page where this one has not so many millimetres left."""
        if self.will_page_break(height):
            self.add_page()

    def rule(self, width: float = WIDTH, color: tuple[int, int, int] = RULE) -> None:
        self.set_draw_color(*color)
        self.set_line_width(0.2)
        self.line(LEFT, self.y, LEFT + width, self.y)

    def pen(self, size: float, color: tuple[int, int, int], style: str = "", *, typeface: str = TYPEFACE) -> None:
        self.set_font(typeface, style, size)
        self.set_text_color(*color)

    def printable(self, text: str) -> str:
        """Return a text in the characters that the pen has."""
        font = self.current_font
        assert isinstance(font, TTFFont), "a pen is taken before anything is written"
        return printable(text, font.cmap)

    def word(self, key: str, **values: object) -> str:
        return word(self._language, key, **values)

    def _write_address(self, addressee: Party, top: float) -> None:
        self.set_y(top)
        self.pen(7, QUIET)
        self.text_cell(85, 4, " · ".join((self._sender.name, *self._sender.address)), next_line=True)
        self.ln(1.5)
        self.pen(10.5, INK)
        for line in (addressee.name, *addressee.address):
            # Wrapped, not cut: a letter goes to the whole name.
            self.wrapped(85, 5, line)

    def _write_facts(self, facts: Sequence[tuple[str, str]], top: float) -> None:
        self.set_y(top)
        for label, fact in facts:
            self.set_x(LEFT + 95)
            self.pen(8.5, QUIET)
            self.text_cell(35, 5.2, label)
            self.pen(8.5, INK)
            self.text_cell(35, 5.2, fact, align=Align.R, next_line=True)

    def _cut_to(self, width: float, text: str) -> str:
        """Shorten a text that a cell cannot hold; figures are never so long, names may be."""
        if self._fits(width, text):
            return text
        while text and not self._fits(width, f"{text}…"):
            text = text[:-1]
        return f"{text.rstrip()}…"

    def _fits(self, width: float, text: str) -> bool:
        return bool(self.get_string_width(self.printable(text)) <= width - 2 * self.c_margin)
