"""The statement as a letter, in a typeface that is part of the file.

The JSON keeps every name as it is; on the letter, a character that the typeface lacks is stood in for.
Nothing in the file depends on the clock, the machine or chance: the same statement is the same bytes.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from fpdf.fonts import TTFFont

from settlement.documents.figures import day, days, grouped, minute, percent, price
from settlement.documents.statement_json import read_json
from settlement.documents.typeface import FONT_FILES, printable
from settlement.documents.wording import Language, word
from settlement.engine.line import Line
from settlement.engine.statement import Statement
from settlement.engine.total import KINDS

# Millimetres on A4, after DIN 5008 form B: a window envelope shows the address.
LEFT, RIGHT, TOP, BOTTOM = 25.0, 20.0, 20.0, 34.0
WIDTH: Final = 210.0 - LEFT - RIGHT
ADDRESS_TOP: Final = 50.0
SUBJECT_TOP: Final = 98.0

INK, QUIET, ACCENT, SHADE = (28, 32, 38), (98, 106, 117), (24, 78, 119), (241, 244, 247)
RULE: Final = (200, 206, 213)
TYPEFACE: Final = "roboto"


class Column(NamedTuple):
    """One column of a table: its width in millimetres and where its cells lie."""

    width: float
    align: Align


LINE_COLUMNS: Final = (Column(80, Align.L), Column(30, Align.R), Column(23, Align.R), Column(32, Align.R))
CONTROL_COLUMNS: Final = (Column(80, Align.L), Column(30, Align.R), Column(23, Align.R))


def write_pdf(content: bytes, language: Language) -> bytes:
    """Return a statement's JSON as a PDF of A4 pages, which names the digest of just these bytes."""
    letter = _Letter(read_json(content), language, digest=hashlib.sha256(content).hexdigest())
    letter.add_page()
    letter.write_sender()
    letter.write_address_and_facts()
    letter.write_subject()
    letter.write_lines()
    letter.write_totals()
    letter.write_control()
    return bytes(letter.output())


class _Letter(FPDF):
    def __init__(self, statement: Statement, language: Language, *, digest: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self._statement = statement
        self._language = language
        self._digest = digest
        for style, file in FONT_FILES.items():
            self.add_font(TYPEFACE, style, file)
        fonts = [font for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._characters = frozenset.intersection(*(frozenset(font.cmap) for font in fonts))
        self.set_margins(LEFT, TOP, RIGHT)
        self.set_auto_page_break(True, BOTTOM)
        self.set_creation_date(statement.made_at)
        self.set_lang(language)
        self.set_title(f"{self._word('title')} {statement.number}")
        self.set_author(statement.operator.name)
        self.alias_nb_pages("{pages}")

    def file_id(self) -> str:
        # From the content, not from the clock.
        return f"<{self._digest[:32].upper()}><{self._digest[:32].upper()}>"

    def header(self) -> None:
        if self.page == 1:
            return
        self._pen(8.5, QUIET)
        self._text_cell(WIDTH, 5, f"{self._statement.operator.name} · {self._statement.number}", next_line=True)
        self.ln(5)

    def footer(self) -> None:
        self.set_y(-BOTTOM + 8)
        self._rule()
        self.ln(2)
        self._pen(7.5, QUIET)
        self.multi_cell(WIDTH, 3.6, self._word("verify", digest=self._digest), align=Align.L, new_x=XPos.LMARGIN)
        self.ln(1.5)
        page = self._word("page", page=self.page, pages="{pages}")
        self._text_cell(WIDTH, 3.6, f"{self._statement.number} · {page}")

    def write_sender(self) -> None:
        operator = self._statement.operator
        self._pen(19, ACCENT, "B")
        if self._fits(WIDTH, operator.name):
            self._text_cell(WIDTH, 9, operator.name, next_line=True)
        else:
            self._pen(14, ACCENT, "B")
            self._wrapped(WIDTH, 6.4, operator.name)
        self._pen(8.5, QUIET)
        for line in operator.address:
            self._text_cell(WIDTH, 4.2, line, next_line=True)

    def write_address_and_facts(self) -> None:
        """Write where the letter goes and, beside it, what identifies the statement."""
        top = max(ADDRESS_TOP, self.y + 4)
        self._write_address(top)
        bottom = self.y
        self._write_facts(top)
        self.y = max(bottom, self.y)

    def write_subject(self) -> None:
        statement, language = self._statement, self._language
        period, sales = statement.period, statement.sales
        # An address of many lines pushes the letter down rather than run into it.
        self.set_y(max(SUBJECT_TOP, self.y + 8))
        self._pen(15, INK, "B")
        self._text_cell(WIDTH, 7.5, self._word("subject", window=period.window), next_line=True)
        if sales:
            self._pen(12, ACCENT, "B")
            self._text_cell(WIDTH, 6.5, self._word("sales_of", days=days(sales, language)), next_line=True)
        self.ln(3)
        self._paragraph(self._word("intro" if sales else "intro_platform_fee"))
        booked = self._word(
            "booked", opened_at=minute(period.opened_at, language), closed_at=minute(period.closed_at, language)
        )
        self._paragraph(booked, size=8, color=QUIET)
        self.ln(4)

    def write_lines(self) -> None:
        statement = self._statement
        self._write_line_heads()
        if not statement.lines:
            self._pen(9.5, QUIET)
            self._text_cell(WIDTH, 9, self._word("no_lines"), next_line=True)
            self._rule()
        for line in statement.lines:
            if self.will_page_break(12):
                self.add_page()
                self._write_line_heads()
            self._write_line(line)

    def write_totals(self) -> None:
        position = self._statement.position
        # Sums and what is due stay together: a total alone on a page is a total of what?
        self._keep_together(46)
        self.ln(2)
        for key, amount in (
            ("charge", position.charge),
            ("platform_fee", position.platform_fee),
            ("credit", -position.credit if position.credit else position.credit),
        ):
            self._pen(9.5, INK)
            self._text_cell(WIDTH - 32, 6, self._word(key))
            self._text_cell(32, 6, grouped(amount, self._language), align=Align.R, next_line=True)
        self.ln(1)
        self._write_due()
        self.ln(2)
        self._pen(8, QUIET)
        self._text_cell(WIDTH, 4.2, self._word("signs"), next_line=True)
        self._text_cell(WIDTH, 4.2, self._word("no_tax_document"), next_line=True)

    def write_control(self) -> None:
        control, language = self._statement.control, self._language
        self._keep_together(52)
        self.ln(6)
        self._pen(11, INK, "B")
        self._text_cell(WIDTH, 6, self._word("control"), next_line=True)
        self.ln(0.5)
        self._paragraph(self._word("control_intro"))
        self.ln(2)
        self._write_heads(CONTROL_COLUMNS, ("", self._word("points"), self._word("operations")))
        self.ln(0.8)
        for kind in KINDS:
            cells = (
                self._word(f"kind.{kind}"),
                grouped(control.points[kind], language),
                grouped(control.operations[kind], language),
            )
            self._pen(9, INK)
            self._write_cells(CONTROL_COLUMNS, cells, 5.4)
        self._rule(sum(column.width for column in CONTROL_COLUMNS))
        self._pen(9, INK, "B")
        growth = grouped(control.outstanding_growth, language)
        self._write_cells(CONTROL_COLUMNS, (self._word("outstanding_growth"), growth, ""), 6.4)

    def _write_address(self, top: float) -> None:
        operator, addressee = self._statement.operator, self._statement.addressee
        self.set_y(top)
        self._pen(7, QUIET)
        self._text_cell(85, 4, " · ".join((operator.name, *operator.address)), next_line=True)
        self.ln(1.5)
        self._pen(10.5, INK)
        for line in (addressee.name, *addressee.address):
            # Wrapped, not cut: a letter goes to the whole name.
            self._wrapped(85, 5, line)

    def _write_facts(self, top: float) -> None:
        statement = self._statement
        facts = (
            ("number", statement.number),
            ("partner_no", str(statement.partner)),
            ("window", str(statement.period.window)),
            ("date", day(statement.made_at, self._language)),
        )
        self.set_y(top)
        for key, fact in facts:
            self.set_x(LEFT + 100)
            self._pen(8.5, QUIET)
            self._text_cell(25, 5.2, self._word(key))
            self._pen(8.5, INK)
            self._text_cell(40, 5.2, fact, align=Align.R, next_line=True)

    def _write_line_heads(self) -> None:
        amount = self._word("amount_in", currency=self._statement.currency)
        self._write_heads(LINE_COLUMNS, (self._word("description"), self._word("points"), self._word("price"), amount))

    def _write_line(self, line: Line) -> None:
        language = self._language
        points = "" if line.points is None else grouped(line.points, language)
        # The price of a platform fee is its amount: said once is enough.
        each = "" if line.points is None else price(line.price, language)
        amount = grouped(line.amount, language)
        self.ln(1.2)
        self._pen(9.5, INK)
        self._write_cells(LINE_COLUMNS, (self._word(line.description_key), points, each, amount), 5)
        self._pen(8, QUIET)
        self._text_cell(WIDTH, 4, self._details(line), next_line=True)
        self.ln(1.2)
        self._rule()

    def _details(self, line: Line) -> str:
        details = [self._word("terms", version=line.terms_version)]
        if line.rate is not None:
            details.insert(0, percent(line.rate, self._language))
        if line.operations:
            details.append(self._word("operations_of", count=grouped(line.operations, self._language)))
        return " · ".join(details)

    def _write_due(self) -> None:
        net, currency = self._statement.total, self._statement.currency
        key = "you_pay" if net > 0 else "you_get" if net < 0 else "nothing_due"
        self.set_fill_color(*SHADE)
        self._pen(12, ACCENT, "B")
        self._text_cell(WIDTH - 60, 11, f" {self._word(key)}", fill=True)
        amount = f"{grouped(abs(net), self._language)} {currency}"
        self._text_cell(60, 11, amount, align=Align.R, fill=True, next_line=True)

    def _write_heads(self, columns: tuple[Column, ...], heads: tuple[str, ...]) -> None:
        self._pen(8.5, QUIET, "B")
        self._write_cells(columns, heads, 6)
        self._rule(sum(column.width for column in columns), INK)

    def _write_cells(self, columns: tuple[Column, ...], cells: tuple[str, ...], height: float) -> None:
        for column, cell in zip(columns, cells, strict=True):
            self._text_cell(column.width, height, cell, align=column.align)
        self.ln(height)

    def _text_cell(
        self,
        width: float,
        height: float,
        text: str,
        *,
        align: Align = Align.L,
        fill: bool = False,
        next_line: bool = False,
    ) -> None:
        new_x, new_y = (XPos.LMARGIN, YPos.NEXT) if next_line else (XPos.RIGHT, YPos.TOP)
        fitting = self._cut_to(width, self._printable(text))
        self.cell(width, height, fitting, align=align, fill=fill, new_x=new_x, new_y=new_y)

    def _cut_to(self, width: float, text: str) -> str:
        """Shorten a text that a cell cannot hold; figures are never so long, names may be."""
        if self._fits(width, text):
            return text
        while text and not self._fits(width, f"{text}…"):
            text = text[:-1]
        return f"{text.rstrip()}…"

    def _fits(self, width: float, text: str) -> bool:
        return bool(self.get_string_width(self._printable(text)) <= width - 2 * self.c_margin)

    def _wrapped(self, width: float, height: float, text: str) -> None:
        self.multi_cell(width, height, self._printable(text), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _paragraph(self, text: str, *, size: float = 9.5, color: tuple[int, int, int] = INK) -> None:
        self._pen(size, color)
        self._wrapped(WIDTH, size / 2, text)

    def _keep_together(self, height: float) -> None:
        if self.will_page_break(height):
            self.add_page()

    def _rule(self, width: float = WIDTH, color: tuple[int, int, int] = RULE) -> None:
        self.set_draw_color(*color)
        self.set_line_width(0.2)
        self.line(LEFT, self.y, LEFT + width, self.y)

    def _pen(self, size: float, color: tuple[int, int, int], style: str = "") -> None:
        self.set_font(TYPEFACE, style, size)
        self.set_text_color(*color)

    def _printable(self, text: str) -> str:
        return printable(text, self._characters)

    def _word(self, key: str, **values: object) -> str:
        return word(self._language, key, **values)
