"""A report as values: tables of typed columns, which every format is made from: page, JSON, CSV, XLSX, text.

Where a figure can be opened, its row names a source: the page that lists what stands behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

# word: a key of the reports' words, or one with values; points and count: whole numbers; fraction: 0.95 is 95 %;
# month: its first day.
CellKind = Literal["text", "word", "points", "count", "money", "fraction", "day", "month", "moment"]


@dataclass(frozen=True, slots=True)
class Words:
    """A cell of the reports' words by their key, with values filled in."""

    key: str
    values: Mapping[str, str | int | Decimal | datetime] = field(default_factory=dict)


Cell = str | int | Decimal | date | datetime | Words | None
ChartKind = Literal["bars", "parts", "line"]

NUMBERS: frozenset[CellKind] = frozenset(("points", "count", "money", "fraction"))


@dataclass(frozen=True, slots=True)
class Column:
    """`key` is the column's name for machines, and names its heading in the reports' words."""

    key: str
    kind: CellKind


@dataclass(frozen=True, slots=True)
class Source:
    """Where what stands behind a figure is listed: a finance page, what it is asked, and which of its tables it is."""

    page: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    table: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `sources` by the key of the column whose figure can be opened."""

    cells: tuple[Cell, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`key` names the table for machines and its title in the reports' words; `total` sums what can be summed."""

    key: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: Row | None = None

    def cells_of(self, key: str) -> list[Cell]:
        """Return one column's cells, without the total."""
        place = [column.key for column in self.columns].index(key)
        return [row.cells[place] for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of some of a table's columns.

    bars: each figure by itself, to both sides of zero; parts: the figures beside each other, as parts of a whole;
    line: the figures over the days of the rows.
    """

    kind: ChartKind
    table: str
    label: str
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report; `name` is that of the command and the page. `window` None: it is of no window."""

    name: str
    currency: str
    minor_units: int
    tables: tuple[Table, ...]
    window: int | None = None
    charts: tuple[Chart, ...] = ()

    def table(self, key: str) -> Table:
        return next(table for table in self.tables if table.key == key)


def sum_row(columns: tuple[Column, ...], rows: tuple[Row, ...], *, summed: frozenset[str]) -> Row:
    """Return the row that sums some columns; its first cell is empty, and every format says there what it is."""
    cells: list[Cell] = []
    for place, column in enumerate(columns):
        figures = [cell for row in rows if isinstance(cell := row.cells[place], int | Decimal)]
        start = Decimal(0) if column.kind == "money" else 0
        cells.append(sum(figures, start) if column.key in summed and place else None)
    return Row(tuple(cells))
