"""A report as a workbook: a sheet for each of its tables."""

from __future__ import annotations

from settlement.documents.report import Cell, CellKind, Report, Row, Table, Words
from settlement.documents.report_formats import heading, told
from settlement.documents.report_wording import report_word
from settlement.documents.sheet import Sheet, SheetCell, SheetColumn, SheetKind, write_workbook
from settlement.documents.wording import Language

_KINDS: dict[CellKind, SheetKind] = {
    "text": "text",
    "word": "text",
    "points": "whole",
    "count": "whole",
    "money": "money",
    "fraction": "percent",
    "day": "day",
    "month": "month",
    "moment": "moment",
}


def write_report_xlsx(report: Report, language: Language) -> bytes:
    """Return the workbook."""
    sheets = [_sheet(table, language) for table in report.tables]
    title = report_word(language, f"report.{report.name}")
    return write_workbook(sheets, title=title, minor_units=report.minor_units)


def _sheet(table: Table, language: Language) -> Sheet:
    return Sheet(
        name=report_word(language, f"table.{table.key}"),
        columns=[SheetColumn(heading(column, language), _KINDS[column.kind]) for column in table.columns],
        rows=[_cells(row, table, language) for row in table.rows],
        total=None
        if table.total is None
        else [report_word(language, "total"), *_cells(table.total, table, language)[1:]],
    )


def _cells(row: Row, table: Table, language: Language) -> list[SheetCell]:
    return [_cell(cell, column.kind, language) for cell, column in zip(row.cells, table.columns, strict=True)]


def _cell(cell: Cell, kind: CellKind, language: Language) -> SheetCell:
    return told(cell, kind, language) if isinstance(cell, str | Words) else cell
