"""A report as a workbook: a sheet for each of its tables. Figures are figures and days are days, in every language."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from settlement.documents.report import NUMBERS, Cell, CellKind, Report, Row, Table
from settlement.documents.report_formats import heading, told
from settlement.documents.report_wording import report_word
from settlement.documents.wording import Language
from settlement.documents.workbook import StyledWorkbook

# A workbook keeps when it was made; a report is of its figures, so that the same figures are the same bytes.
_MADE_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_FORBIDDEN_IN_NAMES: Final = re.compile(r"[\[\]:*?/\\']")
SHEET_NAME_CHARS_MAX: Final = 31
ROWS_MAX: Final = 1_048_576
WIDTH_MIN, WIDTH_MAX = 11, 48


def write_report_xlsx(report: Report, language: Language) -> bytes:
    """Return the workbook.

    Raises:
        ValueError: a table has more rows than a sheet may have.
    """
    file = io.BytesIO()
    workbook = StyledWorkbook(file, title=report_word(language, f"report.{report.name}"), made_at=_MADE_AT)
    money = workbook.money(report.minor_units)
    sums = workbook.money(report.minor_units, bold=True)
    formats: dict[CellKind, Format] = {
        "text": workbook.wrapped,
        "word": workbook.wrapped,
        "points": workbook.count,
        "count": workbook.count,
        "money": money,
        "fraction": workbook.percent,
        "day": workbook.day,
        "month": workbook.text,
        "moment": workbook.moment,
    }
    bold: dict[CellKind, Format] = dict.fromkeys(formats, workbook.money(0, bold=True)) | {
        "money": sums,
        "fraction": workbook.percent,
    }
    for table in report.tables:
        _write_table(workbook, table, language, formats=formats, bold=bold)
    workbook.close()
    return file.getvalue()


def _write_table(
    workbook: StyledWorkbook,
    table: Table,
    language: Language,
    *,
    formats: Mapping[CellKind, Format],
    bold: Mapping[CellKind, Format],
) -> None:
    if len(table.rows) > ROWS_MAX - 2:
        raise ValueError(f"{table.key}: expected at most {ROWS_MAX - 2:,} rows, got {len(table.rows):,}")
    columns = [
        (heading(column, language), _width(table, place, language), column.kind in NUMBERS)
        for place, column in enumerate(table.columns)
    ]
    name = _FORBIDDEN_IN_NAMES.sub(" ", report_word(language, f"table.{table.key}"))[:SHEET_NAME_CHARS_MAX]
    sheet = workbook.add_sheet(name, columns, language=language)
    for at, row in enumerate(table.rows, start=1):
        _write_row(sheet, at, row, table, language, formats)
    if table.total is not None:
        _write_row(sheet, len(table.rows) + 1, table.total, table, language, bold)
        sheet.write_string(len(table.rows) + 1, 0, report_word(language, "total"), bold["text"])
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)


def _write_row(
    sheet: Worksheet, at: int, row: Row, table: Table, language: Language, formats: Mapping[CellKind, Format]
) -> None:
    for place, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True)):
        form = formats[column.kind]
        match cell:
            case int() | Decimal():
                sheet.write_number(at, place, cell, form)
            case datetime():
                # A spreadsheet knows no zones: what is shown is the time of day in the programme's.
                sheet.write_datetime(at, place, cell.replace(tzinfo=None), form)
            case date() if column.kind == "day":
                sheet.write_datetime(at, place, cell, form)
            case None:
                sheet.write_blank(at, place, None, form)
            case _:
                sheet.write_string(at, place, told(cell, column.kind, language), form)


def _width(table: Table, place: int, language: Language) -> int:
    column = table.columns[place]
    cells: list[Cell] = [row.cells[place] for row in table.rows]
    texts = [heading(column, language)[:24], *(told(cell, column.kind, language) for cell in cells)]
    return min(max(WIDTH_MIN, *(len(text) + 2 for text in texts)), WIDTH_MAX)
