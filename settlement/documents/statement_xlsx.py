"""The statement as a workbook: summary, lines, control totals, and where the points come from.

Figures are numbers, so that they can be added up; Excel keeps 15 digits of each. Moments are in the programme's time
zone, as on the letter.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from settlement.documents.appendix import AppendixTable, appendix_of
from settlement.documents.figures import vat_text
from settlement.documents.line_text import line_text, notes
from settlement.documents.wording import Language, word
from settlement.documents.workbook import StyledWorkbook
from settlement.engine.document import DocumentTotal
from settlement.engine.line import Line
from settlement.engine.statement import Statement
from settlement.engine.total import KINDS

_SUMMARY_WIDTHS = (34, 40, 12)


def write_xlsx(statement: Statement, language: Language) -> bytes:
    """Return the statement as XLSX; the same statement is the same bytes."""
    file = io.BytesIO()
    book = StyledWorkbook(file, title=statement.number, made_at=statement.made_at)
    _summary(book, statement, language)
    _lines(book, statement, language)
    _control(book, statement, language)
    _origins(book, statement, language)
    for table in appendix_of(statement, language):
        _appendix(book, table, statement, language)
    book.close()
    return file.getvalue()


def _summary(book: StyledWorkbook, statement: Statement, language: Language) -> None:
    sheet = book.book.add_worksheet(word(language, "sheet.summary"))
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    for column, width in enumerate(_SUMMARY_WIDTHS):
        sheet.set_column(column, column, width)
    sheet.write_string(0, 0, word(language, "subject", window=statement.period.window), book.title)
    row = 2
    for key, text in _head(statement):
        sheet.write_string(row, 0, word(language, key), book.bold)
        sheet.write_string(row, 1, text, book.text)
        row += 1
    for key, first_or_last in _sales_days(statement):
        sheet.write_string(row, 0, word(language, key), book.bold)
        sheet.write_datetime(row, 1, first_or_last, book.day)
        row += 1
    for key, moment in _moments(statement):
        sheet.write_string(row, 0, word(language, key), book.bold)
        sheet.write_datetime(row, 1, moment, book.moment)
        row += 1
    row = _totals(book, sheet, statement, language, row + 1)
    for document in statement.documents:
        row = _document(book, sheet, document, statement, language, row + 1)
    for number, note in enumerate(notes(statement, language), start=row + 1):
        sheet.write_string(number, 0, note)


def _head(statement: Statement) -> list[tuple[str, str]]:
    return [
        ("number", statement.number),
        ("operator", statement.operator.name),
        ("partner_no", str(statement.partner)),
        ("partner", statement.addressee.name),
        ("currency", statement.currency.code),
    ]


def _sales_days(statement: Statement) -> list[tuple[str, datetime]]:
    sales = statement.sales
    if sales is None:
        return []
    days = (("sales_from", sales.first_day), ("sales_until", sales.last_day))
    return [(key, datetime.combine(day, time())) for key, day in days]


def _moments(statement: Statement) -> list[tuple[str, datetime]]:
    period = statement.period
    moments = (("booked_from", period.opened_at), ("booked_before", period.closed_at), ("date", statement.made_at))
    # A spreadsheet knows no time zones: the programme's, in which they are given.
    return [(key, moment.replace(tzinfo=None)) for key, moment in moments]


def _totals(book: StyledWorkbook, sheet: Worksheet, statement: Statement, language: Language, row: int) -> int:
    position = statement.position
    money = book.money(statement.currency.minor_units)
    for key, amount in (
        ("charge", position.charge),
        ("platform_fee", position.platform_fee),
        ("invoice_vat", position.invoice_vat),
        ("credit", -position.credit),
        ("credit_note_vat", -position.credit_note_vat),
    ):
        sheet.write_string(row, 0, word(language, key))
        _number(sheet, row, 1, amount, money)
        sheet.write_string(row, 2, statement.currency.code)
        row += 1
    sheet.write_string(row, 0, word(language, "net"), book.bold)
    _number(sheet, row, 1, position.net, book.money(statement.currency.minor_units, bold=True))
    sheet.write_string(row, 2, statement.currency.code)
    return row + 1


def _document(
    book: StyledWorkbook,
    sheet: Worksheet,
    total: DocumentTotal,
    statement: Statement,
    language: Language,
    row: int,
) -> int:
    money = book.money(statement.currency.minor_units)
    sheet.write_string(row, 0, word(language, f"sheet.document.{total.document}"), book.bold)
    row += 1
    for group in total.breakdown:
        treatment = vat_text(group.treatment, language)
        for key, amount in (("sheet.net_of", group.net), ("sheet.vat_of", group.vat)):
            sheet.write_string(row, 0, word(language, key, treatment=treatment))
            _number(sheet, row, 1, amount, money)
            sheet.write_string(row, 2, statement.currency.code)
            row += 1
    sheet.write_string(row, 0, word(language, "sheet.gross"), book.bold)
    _number(sheet, row, 1, total.gross, book.money(statement.currency.minor_units, bold=True))
    sheet.write_string(row, 2, statement.currency.code)
    return row + 1


def _lines(book: StyledWorkbook, statement: Statement, language: Language) -> None:
    keys = (
        ("code", 26, False), ("description", 40, False), ("terms_version", 12, True), ("points", 16, True),
        ("price", 12, True), ("rate", 10, True), ("amount", 16, True), ("currency", 10, False),
        ("operations", 12, True), ("vat_category", 12, False), ("vat_rate", 10, True), ("vat_country", 12, False),
    )  # fmt: skip
    columns = [(word(language, key), width, is_figure) for key, width, is_figure in keys]
    sheet = book.add_sheet(word(language, "sheet.lines"), columns, language=language)
    money = book.money(statement.currency.minor_units)
    for row, line in enumerate(statement.lines, start=1):
        _line(book, sheet, line, statement, language, row, money)
    end = len(statement.lines) + 1
    sheet.write_string(end, 1, word(language, "sheet.sum"), book.bold)
    _number(
        sheet, end, 6, sum((line.amount for line in statement.lines), Decimal(0)),
        book.money(statement.currency.minor_units, bold=True),
    )  # fmt: skip
    sheet.autofilter(0, 0, max(len(statement.lines), 1), len(columns) - 1)


def _line(
    book: StyledWorkbook,
    sheet: Worksheet,
    line: Line,
    statement: Statement,
    language: Language,
    row: int,
    money: Format,
) -> None:
    sheet.write_string(row, 0, line.code, book.text)
    sheet.write_string(row, 1, line_text(line, statement, language), book.text)
    sheet.write_number(row, 2, line.terms_version, book.count)
    if line.points is not None:
        sheet.write_number(row, 3, line.points, book.count)
    _number(sheet, row, 4, line.price, book.price)
    if line.rate is not None:
        _number(sheet, row, 5, line.rate, book.percent)
    _number(sheet, row, 6, line.amount, money)
    sheet.write_string(row, 7, statement.currency.code)
    sheet.write_number(row, 8, line.operations, book.count)
    sheet.write_string(row, 9, line.vat.category)
    if line.vat.category != "O":
        _number(sheet, row, 10, line.vat.rate.scaleb(-2), book.percent)
    sheet.write_string(row, 11, line.vat.country or "")


def _control(book: StyledWorkbook, statement: Statement, language: Language) -> None:
    columns = [(word(language, "control"), 34, False), (word(language, "points"), 18, True),
               (word(language, "operations"), 18, True)]  # fmt: skip
    sheet = book.add_sheet(word(language, "sheet.control"), columns, language=language, landscape=False)
    control = statement.control
    for row, kind in enumerate(KINDS, start=1):
        _row(sheet, row, word(language, f"kind.{kind}"), (control.points[kind], control.operations[kind]), book)
    _row(sheet, len(KINDS) + 1, word(language, "outstanding_growth"), (control.outstanding_growth,), book)


def _origins(book: StyledWorkbook, statement: Statement, language: Language) -> None:
    columns = [(word(language, "sheet.kind"), 34, False), (word(language, "sheet.sales_vat_rate"), 18, True),
               (word(language, "points"), 18, True)]  # fmt: skip
    sheet = book.add_sheet(word(language, "sheet.origins"), columns, language=language, landscape=False)
    for row, origin in enumerate(statement.origins, start=1):
        sheet.write_string(row, 0, word(language, f"kind.{origin.kind}"), book.text)
        if origin.vat_rate is not None:
            _number(sheet, row, 1, origin.vat_rate.scaleb(-2), book.percent)
        sheet.write_number(row, 2, origin.points, book.count)


def _appendix(book: StyledWorkbook, table: AppendixTable, statement: Statement, language: Language) -> None:
    columns = [
        (head, 34 if column == 0 else 20, not isinstance(table.rows[0][column], str))
        for column, head in enumerate(table.heads)
    ]
    sheet = book.add_sheet(table.name, columns, language=language, landscape=False)
    money = book.money(statement.currency.minor_units)
    for number, row in enumerate((*table.rows, *table.sums), start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell, book.text)
            elif isinstance(cell, int):
                sheet.write_number(number, column, cell, book.count)
            else:
                _number(sheet, number, column, cell, money)


def _row(sheet: Worksheet, row: int, text: str, figures: Sequence[int], book: StyledWorkbook) -> None:
    sheet.write_string(row, 0, text, book.text)
    for column, figure in enumerate(figures, start=1):
        sheet.write_number(row, column, figure, book.count)


def _number(sheet: Worksheet, row: int, column: int, number: Decimal, cell_format: Format) -> None:
    sheet.write_number(row, column, float(number), cell_format)
