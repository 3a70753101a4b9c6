"""The books of a partner that does not use the outbox, from a CSV file.

    id,type,points,day             id as it was sent; type: earn, burn, capture or reverse; day: 2026-11-21
    id,type,points,day,window      with the clearing window that each receipt named

UTF-8, the columns in any order, comma or semicolon between them. A file with any bad row is refused as a whole.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from partner_sdk.books import LINE_TYPES, BookLine, Books, line_type
from partner_sdk.errors import BooksInvalidError, FieldFault
from partner_sdk.operation import POINTS_MAX

COLUMNS = ("id", "type", "points", "day")
WINDOW_COLUMN = "window"
WINDOW_MAX = 2_147_483_647
FAULTS_MAX = 20

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_books(path: Path) -> Books:
    """Return the lines of a file. Raises BooksInvalidError with the line number of each bad row, the first 20."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise BooksInvalidError(path, [FieldFault("", str(fault))]) from fault
    return parse_books(text, path=path)


def parse_books(text: str, *, path: Path) -> Books:
    """Return the lines of a file's text; `path` is what errors name. Raises BooksInvalidError."""
    header, _, _ = text.partition("\n")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    lines: dict[str, BookLine] = {}
    places: dict[str, int] = {}
    faults: list[FieldFault] = []
    try:
        names = _names(next(rows, []), path)
        for row in rows:
            if not row:
                continue
            line, found = _line(names, row, place=f"line {rows.line_num}")
            if line is not None and (before := places.setdefault(line.id, rows.line_num)) != rows.line_num:
                found = [FieldFault(f"line {rows.line_num}", f"id {line.id} is on line {before} already")]
            faults += found
            if len(faults) >= FAULTS_MAX:
                raise BooksInvalidError(path, faults)
            if line is not None:
                lines[line.id] = line
    except csv.Error as fault:
        faults.append(FieldFault(f"line {rows.line_num}", str(fault)))
    if faults:
        raise BooksInvalidError(path, faults)
    return Books(lines, names_windows=WINDOW_COLUMN in names)


def _names(header: list[str], path: Path) -> list[str]:
    names = [name.strip().lower() for name in header]
    if sorted(names) not in (sorted(COLUMNS), sorted((*COLUMNS, WINDOW_COLUMN))):
        expected = f"the columns {', '.join(COLUMNS)}, and window if you have it"
        came = ", ".join(names) or "nothing"
        raise BooksInvalidError(path, [FieldFault("line 1", f"expected {expected}; got {came:.200}")])
    return names


def _line(names: list[str], row: list[str], *, place: str) -> tuple[BookLine | None, list[FieldFault]]:
    if len(row) != len(names):
        return None, [FieldFault(place, f"expected {len(names)} columns, got {len(row)}")]
    fields = {name: value.strip() for name, value in zip(names, row, strict=True)}
    faults = [
        FieldFault(place, f"{name}: expected {expected}, got {got!r:.60}") for name, expected, got in _bad(fields)
    ]
    kind = line_type(fields["type"])
    if faults or kind is None:
        return None, faults
    window = int(fields[WINDOW_COLUMN]) if WINDOW_COLUMN in fields else None
    return BookLine(fields["id"], kind, int(fields["points"]), date.fromisoformat(fields["day"]), window), []


def _bad(fields: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each bad field with what was expected and what came."""
    if not _ID.fullmatch(fields["id"]):
        yield "id", "1 to 64 of letters, digits and ._:-", fields["id"]
    if line_type(fields["type"]) is None:
        yield "type", f"one of {', '.join(LINE_TYPES)}", fields["type"]
    if not _is_whole(fields["points"], most=POINTS_MAX):
        yield "points", f"a whole number from 1 to {POINTS_MAX}", fields["points"]
    if not _is_day(fields["day"]):
        yield "day", "a day such as 2026-11-21", fields["day"]
    if WINDOW_COLUMN in fields and not _is_whole(fields[WINDOW_COLUMN], most=WINDOW_MAX):
        yield WINDOW_COLUMN, "the number of a window", fields[WINDOW_COLUMN]


def _is_whole(text: str, *, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        return date(2000, 1, 1) <= date.fromisoformat(text) <= date(2199, 12, 31)
    except ValueError:
        return False
