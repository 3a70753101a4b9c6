"""A statement's items as CSV, JSON lines or a workbook, written as they come: of a million, a page is in memory.

`item` names the place of a row: the next page of them begins after it. Amounts have all their digits and a full stop,
in every language, since this is for programs first; moments are in the programme's time zone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Any, BinaryIO, Final, Literal, Protocol, assert_never

from settlement.documents.figures import plain
from settlement.documents.statement_csv import spreadsheet_text
from settlement.documents.workbook import StyledWorkbook
from settlement.engine.item import Item
from settlement.engine.statement import Statement

ItemsFormat = Literal["csv", "jsonl", "xlsx"]

COLUMNS: Final = (
    "item", "lane", "leaf", "operation", "partner", "kind", "points", "operations", "occurred_at", "booked_at",
    "shop", "till", "reference", "line", "terms_version", "price", "amount",
    "fee_line", "fee",
)  # fmt: skip
# Excel's limit less the heading; the next sheet goes on.
SHEET_ROWS_MAX: Final = 1_048_575
_WIDTHS: Final = (16, 6, 10, 38, 8, 16, 12, 10, 26, 26, 10, 8, 20, 26, 8, 12, 16, 22, 16)
_FIGURES: Final = frozenset(
    ("lane", "leaf", "partner", "points", "operations", "terms_version", "price", "amount", "fee")
)
# What partners choose: in a spreadsheet it must not run.
_TYPED: Final = frozenset(("operation", "shop", "till", "reference"))


class ItemsFile(Protocol):
    """Takes items and writes them to its file; all is there after `close`."""

    def add(self, items: Iterable[Item]) -> None: ...

    def close(self) -> None: ...


def open_items_file(items_format: ItemsFormat, target: BinaryIO, statement: Statement, *, zone: tzinfo) -> ItemsFile:
    """Return a writer of the format onto a file that is open for writing; a workbook needs one that can seek."""
    match items_format:
        case "csv":
            target.write(csv_head())
            return _Lines(target, zone, csv_rows)
        case "jsonl":
            return _Lines(target, zone, json_lines)
        case "xlsx":
            return _Sheets(target, statement, zone)
        case _:
            assert_never(items_format)


def csv_head() -> bytes:
    """Return the heading of the CSV, with the byte order mark that spreadsheets want."""
    return b"\xef\xbb\xbf" + _csv_bytes([COLUMNS])


def csv_rows(items: Iterable[Item], zone: tzinfo) -> bytes:
    """Return items as rows of the CSV."""
    return _csv_bytes(_guarded(_values(item, zone)) for item in items)


def json_lines(items: Iterable[Item], zone: tzinfo) -> bytes:
    """Return items as JSON, one a line; money is text."""
    lines = (
        json.dumps(dict(zip(COLUMNS, _values(item, zone), strict=True)), separators=(",", ":"), ensure_ascii=False)
        for item in items
    )
    return "".join(f"{line}\n" for line in lines).encode()


class _Lines:
    def __init__(self, target: BinaryIO, zone: tzinfo, write: Callable[[Iterable[Item], tzinfo], bytes]) -> None:
        self._target, self._zone, self._write = target, zone, write

    def add(self, items: Iterable[Item]) -> None:
        self._target.write(self._write(items, self._zone))

    def close(self) -> None:
        self._target.flush()


class _Sheets:
    """Sheets of as many rows as one may have; rows go to a file of their own as they come."""

    def __init__(self, target: BinaryIO, statement: Statement, zone: tzinfo) -> None:
        self._book = StyledWorkbook(
            target, title=f"{statement.number} items", made_at=statement.made_at, is_streamed=True
        )
        self._zone = zone
        self._sheets = 0
        self._add_sheet()

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            if self._row > SHEET_ROWS_MAX:
                self._add_sheet()
            for column, value in enumerate(_values(item, self._zone)):
                if value is None:
                    continue
                if COLUMNS[column] in _FIGURES:
                    self._sheet.write_number(self._row, column, float(value))
                else:
                    self._sheet.write_string(self._row, column, str(value))
            self._row += 1

    def close(self) -> None:
        self._book.close()

    def _add_sheet(self) -> None:
        self._sheets += 1
        columns = [(name, width, name in _FIGURES) for name, width in zip(COLUMNS, _WIDTHS, strict=True)]
        self._sheet = self._book.add_sheet(f"Items {self._sheets}", columns, language="en")
        self._row = 1


def _values(item: Item, zone: tzinfo) -> Sequence[str | int | None]:
    booked = item.booked
    return (
        str(booked.place),
        booked.place.lane,
        booked.place.leaf,
        booked.operation_id,
        booked.sender,
        booked.kind,
        item.points,
        booked.operations,
        booked.occurred_at.astimezone(zone).isoformat(),
        booked.booked_at.astimezone(zone).isoformat(),
        booked.shop,
        booked.till,
        booked.reference,
        item.line,
        booked.terms_version,
        plain(item.price),
        plain(item.amount),
        item.fee_line,
        None if item.fee is None else plain(item.fee),
    )


def _guarded(values: Sequence[str | int | None]) -> list[str | int | None]:
    return [
        spreadsheet_text(value) if column in _TYPED and isinstance(value, str) else value
        for column, value in zip(COLUMNS, values, strict=True)
    ]


def _csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=";", lineterminator="\r\n").writerows(rows)
    return file.getvalue().encode()
