"""The statement as a letter.

Nothing in the file depends on the clock, the machine or chance: the same statement is the same bytes.
"""

from __future__ import annotations

import hashlib
from typing import Final

from fpdf.enums import Align

from settlement.documents.appendix import AppendixTable, Cell, appendix_of
from settlement.documents.figures import day, days, grouped, minute, percent, price, vat_text
from settlement.documents.letter import ACCENT, INK, QUIET, WIDTH, Column, Letter
from settlement.documents.line_text import line_text, notes
from settlement.documents.statement_json import read_json
from settlement.documents.wording import Language, word
from settlement.engine.line import Line
from settlement.engine.statement import Statement
from settlement.engine.total import KINDS

LINE_COLUMNS: Final = (Column(80, Align.L), Column(30, Align.R), Column(23, Align.R), Column(32, Align.R))
FIGURE_WIDTH: Final = 36.0
CONTROL_COLUMNS: Final = (Column(80, Align.L), Column(30, Align.R), Column(23, Align.R))


def write_pdf(content: bytes, language: Language) -> bytes:
    """Return a statement's JSON as a PDF of A4 pages, which names the digest of just these bytes."""
    letter = _StatementLetter(read_json(content), language, digest=hashlib.sha256(content).hexdigest())
    letter.add_page()
    letter.write_sender()
    letter.write_head()
    letter.write_subject()
    letter.write_lines()
    letter.write_totals()
    letter.write_control()
    letter.write_appendix()
    return bytes(letter.output())


def _columns(table: AppendixTable) -> tuple[Column, ...]:
    """Return the columns of a table: text on the left, as wide as the figures leave it."""
    figures = [not isinstance(cell, str) for cell in table.rows[0]]
    texts_width = WIDTH - FIGURE_WIDTH * sum(figures)
    first, *others = [index for index, is_figure in enumerate(figures) if not is_figure]
    widths = {first: texts_width * (0.6 if others else 1.0)} | dict.fromkeys(others, texts_width * 0.4)
    return tuple(
        Column(FIGURE_WIDTH, Align.R) if is_figure else Column(widths[index], Align.L)
        for index, is_figure in enumerate(figures)
    )


class _StatementLetter(Letter):
    def __init__(self, statement: Statement, language: Language, *, digest: str) -> None:
        super().__init__(
            language=language,
            title=f"{word(language, 'title')} {statement.number}",
            number=statement.number,
            sender=statement.operator,
            made_at=statement.made_at,
            digest=digest,
            footer_text=word(language, "verify", digest=digest),
        )
        self._statement = statement

    def write_head(self) -> None:
        statement = self._statement
        facts = (
            (self.word("number"), statement.number),
            (self.word("partner_no"), str(statement.partner)),
            (self.word("window"), str(statement.period.window)),
            (self.word("date"), day(statement.made_at, self._language)),
        )
        self.write_address_and_facts(statement.addressee, facts)

    def write_subject(self) -> None:
        statement, language = self._statement, self._language
        period, sales = statement.period, statement.sales
        self.pen(15, INK, "B")
        self.text_cell(WIDTH, 7.5, self.word("subject", window=period.window), next_line=True)
        if sales:
            self.pen(12, ACCENT, "B")
            self.text_cell(WIDTH, 6.5, self.word("sales_of", days=days(sales, language)), next_line=True)
        self.ln(3)
        self.paragraph(self.word("intro" if sales else "intro_platform_fee"))
        booked = self.word(
            "booked", opened_at=minute(period.opened_at, language), closed_at=minute(period.closed_at, language)
        )
        self.paragraph(booked, size=8, color=QUIET)
        self.ln(4)

    def write_lines(self) -> None:
        statement = self._statement
        self._write_line_heads()
        if not statement.lines:
            self.pen(9.5, QUIET)
            self.text_cell(WIDTH, 9, self.word("no_lines"), next_line=True)
            self.rule()
        for line in statement.lines:
            if self.will_page_break(12):
                self.add_page()
                self._write_line_heads()
            self._write_line(line)

    def write_totals(self) -> None:
        position = self._statement.position
        # Sums and what is due stay together: a total alone on a page is a total of what?
        self.keep_together(50)
        self.ln(2)
        vat = (("invoice_vat", position.invoice_vat), ("credit_note_vat", -position.credit_note_vat))
        for key, amount in (
            ("charge", position.charge),
            ("platform_fee", position.platform_fee),
            ("credit", -position.credit if position.credit else position.credit),
            *((key, amount) for key, amount in vat if amount),
        ):
            self.write_sum(self.word(key), grouped(amount, self._language))
        self.ln(1)
        self._write_net()
        self.ln(2)
        self.pen(8, QUIET)
        for note in notes(self._statement, self._language):
            self.text_cell(WIDTH, 4.2, note, next_line=True)

    def write_control(self) -> None:
        control, language = self._statement.control, self._language
        self.keep_together(52)
        self.ln(6)
        self.pen(11, INK, "B")
        self.text_cell(WIDTH, 6, self.word("control"), next_line=True)
        self.ln(0.5)
        self.paragraph(self.word("control_intro"))
        self.ln(2)
        self.write_heads(CONTROL_COLUMNS, ("", self.word("points"), self.word("operations")))
        self.ln(0.8)
        for kind in KINDS:
            cells = (
                self.word(f"kind.{kind}"),
                grouped(control.points[kind], language),
                grouped(control.operations[kind], language),
            )
            self.pen(9, INK)
            self.write_cells(CONTROL_COLUMNS, cells, 5.4)
        self.rule(sum(column.width for column in CONTROL_COLUMNS))
        self.pen(9, INK, "B")
        growth = grouped(control.outstanding_growth, language)
        self.write_cells(CONTROL_COLUMNS, (self.word("outstanding_growth"), growth, ""), 6.4)

    def write_appendix(self) -> None:
        """Write each table with as many of its rows as fit, and its heads again on the next page."""
        for table in appendix_of(self._statement, self._language):
            columns = _columns(table)
            self.keep_together(42)
            self.ln(7)
            self.pen(11, INK, "B")
            self.text_cell(WIDTH, 6, table.title, next_line=True)
            self.ln(0.5)
            self.paragraph(table.intro)
            self.ln(2)
            self.write_heads(columns, table.heads)
            self.ln(0.8)
            for row in table.rows:
                if self.will_page_break(6):
                    self.add_page()
                    self.write_heads(columns, table.heads)
                    self.ln(0.8)
                self.pen(9, INK)
                self.write_cells(columns, tuple(self._cell(cell) for cell in row), 5.4)
            for row in table.sums:
                self.rule(sum(column.width for column in columns))
                self.pen(9, INK, "B")
                self.write_cells(columns, tuple(self._cell(cell) for cell in row), 6.4)

    def _cell(self, cell: Cell) -> str:
        return cell if isinstance(cell, str) else grouped(cell, self._language)

    def _write_line_heads(self) -> None:
        amount = self.word("amount_in", currency=self._statement.currency)
        self.write_heads(LINE_COLUMNS, (self.word("description"), self.word("points"), self.word("price"), amount))

    def _write_line(self, line: Line) -> None:
        language = self._language
        points = "" if line.points is None else grouped(line.points, language)
        # The price of a platform fee is its amount: said once is enough.
        each = "" if line.points is None else price(line.price, language)
        amount = grouped(line.amount, language)
        self.ln(1.2)
        self.pen(9.5, INK)
        self.write_cells(
            LINE_COLUMNS,
            (line_text(line, self._statement, language), points, each, amount),
            5,
        )
        self.pen(8, QUIET)
        self.text_cell(WIDTH, 4, self._details(line), next_line=True)
        self.ln(1.2)
        self.rule()

    def _details(self, line: Line) -> str:
        details = [self.word("terms", version=line.terms_version)]
        if line.rate is not None:
            details.insert(0, percent(line.rate, self._language))
        if line.operations:
            details.append(self.word("operations_of", count=grouped(line.operations, self._language)))
        if line.vat.category != "O":
            details.append(self.word("vat_of_line", treatment=vat_text(line.vat, self._language)))
        return " · ".join(details)

    def _write_net(self) -> None:
        net, currency = self._statement.total, self._statement.currency
        key = "you_pay" if net > 0 else "you_get" if net < 0 else "nothing_due"
        self.write_due(self.word(key), f"{grouped(abs(net), self._language)} {currency}")
