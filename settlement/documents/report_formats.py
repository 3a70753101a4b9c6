"""A report as JSON, CSV, and text for a terminal; as XLSX in `report_xlsx`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from settlement.documents.figures import grouped, percent, plain, ungrouped
from settlement.documents.report import NUMBERS, Cell, CellKind, Column, Report, Table, Words
from settlement.documents.report_wording import report_word
from settlement.documents.statement_csv import spreadsheet_text
from settlement.documents.wording import Language


def report_document(report: Report) -> dict[str, Any]:
    """Return a report for machines: money and fractions are text, points and counts whole numbers, days ISO 8601."""
    return {
        "report": report.name,
        "window": report.window,
        "currency": report.currency,
        **{table.key: _table_document(table) for table in report.tables},
    }


def write_report_json(report: Report) -> bytes:
    return json.dumps(report_document(report), ensure_ascii=False, indent=1).encode()


def write_report_csv(report: Report, language: Language) -> bytes:
    """Return a report as CSV that spreadsheets of the language open by a double click; tables follow each other."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    for number, table in enumerate(report.tables):
        if number:
            writer.writerow([])
        if len(report.tables) > 1:
            writer.writerow([report_word(language, f"table.{table.key}")])
        writer.writerow(heading(column, language) for column in table.columns)
        for row in table.rows:
            writer.writerow(
                _csv_cell(cell, column.kind, language) for cell, column in zip(row.cells, table.columns, strict=True)
            )
        if table.total is not None:
            cells = zip(table.total.cells[1:], table.columns[1:], strict=True)
            sums = [_csv_cell(cell, column.kind, language) for cell, column in cells]
            writer.writerow([report_word(language, "total"), *sums])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def report_text(report: Report, language: Language) -> str:
    """Return a report as tables for a terminal, with the window that it is of above them."""
    heads = [] if report.window is None else [f"{report_word(language, 'column.window')} {report.window}"]
    return "\n\n".join((*heads, *(_table_text(table, language) for table in report.tables)))


def heading(column: Column, language: Language) -> str:
    return report_word(language, f"column.{column.key}")


def told(cell: Cell, kind: CellKind, language: Language) -> str:
    """Return a cell as people read it."""
    match cell:
        case None:
            return ""
        case str():
            return report_word(language, cell) if kind == "word" else cell
        case Words():
            return report_word(language, cell.key, **_told_values(cell, language))
        case Decimal():
            return percent(cell, language) if kind == "fraction" else grouped(cell, language)
        case int():
            return grouped(cell, language)
        case datetime():
            return cell.isoformat(sep=" ", timespec="minutes")
        case date():
            return f"{cell:%Y-%m}" if kind == "month" else cell.isoformat()


def _told_values(words: Words, language: Language) -> dict[str, str]:
    return {name: told(value, "text", language) for name, value in words.values.items()}


def _table_document(table: Table) -> list[dict[str, Any]]:
    return [
        {column.key: _json_cell(cell, column.kind) for column, cell in zip(table.columns, row.cells, strict=True)}
        for row in table.rows
    ]


def _json_cell(cell: Cell, kind: CellKind) -> object:
    if isinstance(cell, Words):
        return {"word": cell.key, **{name: _json_cell(value, "text") for name, value in cell.values.items()}}
    if isinstance(cell, Decimal):
        return plain(cell) if kind == "fraction" else format(cell, "f")
    if isinstance(cell, date):
        return f"{cell:%Y-%m}" if kind == "month" else cell.isoformat()
    return cell


def _csv_cell(cell: Cell, kind: CellKind, language: Language) -> str:
    match cell:
        case Decimal():
            return ungrouped(cell, language)
        case int():
            return str(cell)
        case str() | Words():
            return spreadsheet_text(told(cell, kind, language))
        case datetime():
            return cell.isoformat()
        case _:
            return told(cell, kind, language)


def _table_text(table: Table, language: Language) -> str:
    rows = [[heading(column, language) for column in table.columns]]
    rows += [_told_cells(row.cells, table.columns, language) for row in table.rows]
    if table.total is not None:
        sums = _told_cells(table.total.cells[1:], table.columns[1:], language)
        rows.append([report_word(language, "total"), *sums])
    lines = _in_columns(rows, table.columns)
    return "\n".join((report_word(language, f"table.{table.key}"), *lines))


def _told_cells(cells: Sequence[Cell], columns: Sequence[Column], language: Language) -> list[str]:
    return [told(cell, column.kind, language) for cell, column in zip(cells, columns, strict=True)]


def _in_columns(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column.kind in NUMBERS else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in rows
    ]
