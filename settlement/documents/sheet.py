"""Tables as an XLSX workbook, a sheet for each; the same tables are the same bytes, whenever they are written.

Figures are figures and days are days, in formats that each spreadsheet shows in its own language. Text is text: nothing
that begins like a formula is run.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import xlsxwriter

SheetCell = str | int | Decimal | date | datetime | None
SheetKind = Literal["text", "whole", "money", "decimal", "percent", "day", "month", "moment"]

ROWS_MAX = 1_048_576
SHEET_NAME_CHARS_MAX = 31
TEXT_CHARS_MAX = 32_767
WIDTH_MIN, WIDTH_MAX = 9, 48
# Excel keeps a moment of creation; one of our own, so that nothing in the file is of the clock.
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
_FORBIDDEN_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_FORMATS: dict[SheetKind, str] = {
    "text": "@",
    "whole": "#,##0",
    "decimal": "#,##0.00####",
    "percent": "0.00%",
    "day": "yyyy-mm-dd",
    "month": "yyyy-mm",
    "moment": "yyyy-mm-dd hh:mm",
}


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column's heading and what its cells are."""

    heading: str
    kind: SheetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table; `total` stands below it. Moments are shown in the time zone that they are given in."""

    name: str
    columns: Sequence[SheetColumn]
    rows: Iterable[Sequence[SheetCell]]
    total: Sequence[SheetCell] | None = None


def write_workbook(sheets: Sequence[Sheet], *, title: str, minor_units: int = 2) -> bytes:
    """Return the workbook; `minor_units` are the decimals of money.

    Raises:
        ValueError: a table has more rows than a sheet may have.
    """
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    workbook.set_properties({"title": title, "created": _CREATED.replace(tzinfo=None)})
    formats = _FORMATS | {"money": _money_format(minor_units)}
    plain = {kind: workbook.add_format({"num_format": text, "valign": "top"}) for kind, text in formats.items()}
    sums = {kind: workbook.add_format({"num_format": text, "bold": True, "top": 1}) for kind, text in formats.items()}
    head = workbook.add_format({"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 1})
    for number, sheet in enumerate(sheets, start=1):
        _write_sheet(workbook.add_worksheet(_sheet_name(sheet.name, number)), sheet, head=head, plain=plain, sums=sums)
    workbook.close()
    return file.getvalue()


def _write_sheet(worksheet: Any, sheet: Sheet, *, head: Any, plain: dict[Any, Any], sums: dict[Any, Any]) -> None:
    widths = [_width(column.heading) for column in sheet.columns]
    for place, column in enumerate(sheet.columns):
        worksheet.write_string(0, place, column.heading, head)
    at = 1
    for row in sheet.rows:
        if at >= ROWS_MAX - 1:
            raise ValueError(f"{sheet.name}: expected at most {ROWS_MAX - 2:,} rows")
        _write_row(worksheet, at, row, sheet.columns, plain, widths)
        at += 1
    if sheet.total is not None:
        _write_row(worksheet, at, sheet.total, sheet.columns, sums, widths)
    for place, width in enumerate(widths):
        worksheet.set_column(place, place, width)
    worksheet.freeze_panes(1, 1)
    if at > 1:
        worksheet.autofilter(0, 0, at - 1, len(sheet.columns) - 1)
    worksheet.set_landscape()
    worksheet.fit_to_pages(1, 0)
    worksheet.repeat_rows(0)


def _write_row(
    worksheet: Any,
    at: int,
    row: Sequence[SheetCell],
    columns: Sequence[SheetColumn],
    formats: dict[Any, Any],
    widths: list[int],
) -> None:
    for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
        form = formats[column.kind]
        match cell:
            case None:
                worksheet.write_blank(at, place, None, form)
            case str():
                worksheet.write_string(at, place, cell[:TEXT_CHARS_MAX], formats["text"])
                widths[place] = max(widths[place], _width(cell))
            case int() | Decimal():
                worksheet.write_number(at, place, cell, form)
                widths[place] = max(widths[place], _width(f"{cell:,}") + 1)
            case datetime():
                # A spreadsheet knows no zones: what is shown is the time of day there.
                worksheet.write_datetime(at, place, cell.replace(tzinfo=None), form)
                widths[place] = max(widths[place], 17)
            case date():
                worksheet.write_datetime(at, place, cell, form)
                widths[place] = max(widths[place], 12)


def _width(text: str) -> int:
    return min(max(len(text) + 2, WIDTH_MIN), WIDTH_MAX)


def _money_format(minor_units: int) -> str:
    return "#,##0" + ("." + "0" * minor_units if minor_units else "")


def _sheet_name(name: str, number: int) -> str:
    """Return a name that spreadsheets accept; they know no two sheets of the same name."""
    clean = _FORBIDDEN_IN_NAMES.sub(" ", name).strip().strip("'")[:SHEET_NAME_CHARS_MAX]
    return clean or f"{number}"
