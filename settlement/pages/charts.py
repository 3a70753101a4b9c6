"""Reports' charts as pure figures, drawn by the template; each is as wide as its place, in hundredths of it.

bars    each figure of a row by itself, to both sides of zero where any is below it
parts   a row's figures one after the other, as parts of the longest row
line    figures over days: each stays until the day of the next one
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from settlement.documents.report import Cell, Chart, Report, Table

WIDTH = Decimal(100)
HEIGHT = Decimal(40)
# So that a cent beside millions is still seen.
LEAST_WIDTH = Decimal("0.4")
HUNDREDTH = Decimal("0.01")
ROWS_MAX = 24
# What comes in an order of its own, of which the newest are drawn; of all else the largest are.
ORDERED = ("month", "day", "count", "word")


@dataclass(frozen=True, slots=True)
class Segment:
    """One figure as drawn: `series` counts the chart's figures from 1."""

    series: int
    figure: int | Decimal
    x: Decimal
    width: Decimal


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A row's label as it stands in the table, and its figures."""

    label: Cell
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class BarsChart:
    """`zero`: where zero lies; None: at the left. `left_out` rows are in the table alone."""

    spec: Chart
    rows: tuple[ChartRow, ...]
    zero: Decimal | None
    left_out: int


@dataclass(frozen=True, slots=True)
class LineChart:
    """`lines` are the points of each figure for SVG; `first` and `last` the days at the ends, `least` and `most` the
    figures at the bottom and the top."""

    spec: Chart
    lines: tuple[str, ...]
    first: date
    last: date
    least: Decimal
    most: Decimal
    zero: Decimal


AnyChart = BarsChart | LineChart


def charts_of(report: Report) -> list[AnyChart]:
    """Return a report's charts; those of tables with nothing to draw are left out."""
    drawn = (draw_chart(chart, report.table(chart.table)) for chart in report.charts)
    return [chart for chart in drawn if chart is not None]


def draw_chart(chart: Chart, table: Table) -> AnyChart | None:
    places = {column.key: place for place, column in enumerate(table.columns)}
    rows = [
        (row.cells[places[chart.label]], [_figure(row.cells[places[figure]]) for figure in chart.figures])
        for row in table.rows
    ]
    if chart.kind == "line":
        return _line(chart, rows)
    if not any(figure for _, figures in rows for figure in figures):
        return None
    kind = next(column.kind for column in table.columns if column.key == chart.label)
    of_labels = _by_label(rows)
    kept = _kept(of_labels, is_ordered=kind in ORDERED)
    return (_bars if chart.kind == "bars" else _parts)(chart, kept, left_out=len(of_labels) - len(kept))


Figure = int | Decimal
Rows = Sequence[tuple[Cell, list[Figure]]]


def _by_label(rows: Rows) -> Rows:
    """Add up the rows of one label: a partner has one in a chart, however many it has in the table."""
    sums: dict[Cell, list[Figure]] = {}
    for label, row in rows:
        before = sums.get(label)
        sums[label] = row if before is None else [one + other for one, other in zip(before, row, strict=True)]
    return list(sums.items())


def _kept(rows: Rows, *, is_ordered: bool) -> Rows:
    if len(rows) <= ROWS_MAX:
        return rows
    if is_ordered:
        return rows[-ROWS_MAX:]
    largest = sorted(rows, key=lambda row: max(abs(Decimal(figure)) for figure in row[1]), reverse=True)[:ROWS_MAX]
    return [row for row in rows if row in largest]


def _bars(chart: Chart, rows: Rows, *, left_out: int) -> BarsChart:
    figures = [Decimal(figure) for _, row in rows for figure in row]
    most, least = max(Decimal(0), *figures), min(Decimal(0), *figures)
    span = most - least
    zero = (-least * WIDTH / span).quantize(HUNDREDTH)
    drawn = tuple(
        ChartRow(label, tuple(_bar(place, figure, zero=zero, span=span) for place, figure in enumerate(row, start=1)))
        for label, row in rows
    )
    return BarsChart(chart, drawn, zero if least < 0 else None, left_out)


def _bar(series: int, figure: Figure, *, zero: Decimal, span: Decimal) -> Segment:
    if not figure:
        return Segment(series, figure, zero, Decimal(0))
    width = max(abs(Decimal(figure)) * WIDTH / span, LEAST_WIDTH).quantize(HUNDREDTH)
    return Segment(series, figure, zero if figure > 0 else zero - width, width)


def _parts(chart: Chart, rows: Rows, *, left_out: int) -> BarsChart:
    span = max(sum((_above_zero(figure) for figure in row), Decimal(0)) for _, row in rows) or Decimal(1)
    drawn = []
    for label, row in rows:
        x, segments = Decimal(0), []
        for place, figure in enumerate(row, start=1):
            width = (_above_zero(figure) * WIDTH / span).quantize(HUNDREDTH)
            segments.append(Segment(place, figure, x, width))
            x += width
        drawn.append(ChartRow(label, tuple(segments)))
    return BarsChart(chart, tuple(drawn), None, left_out)


def _line(chart: Chart, rows: Rows) -> LineChart | None:
    days = [label for label, _ in rows if isinstance(label, date)]
    if len(days) < 2:
        return None
    figures = [Decimal(figure) for _, row in rows for figure in row]
    most, least = max(Decimal(0), *figures), min(Decimal(0), *figures)
    span, width = most - least or Decimal(1), Decimal((days[-1] - days[0]).days)

    def at(day: date, figure: Figure) -> tuple[Decimal, Decimal]:
        x = Decimal((day - days[0]).days) * WIDTH / width
        return x.quantize(HUNDREDTH), ((most - figure) * HEIGHT / span).quantize(HUNDREDTH)

    lines = []
    for place in range(len(chart.figures)):
        points, before = [], None
        for day, (_, row) in zip(days, rows, strict=True):
            x, y = at(day, row[place])
            if before is not None:
                points.append(f"{x},{before}")
            points.append(f"{x},{y}")
            before = y
        lines.append(" ".join(points))
    return LineChart(chart, tuple(lines), days[0], days[-1], least, most, at(days[0], 0)[1])


def _figure(cell: Cell) -> Figure:
    return cell if isinstance(cell, int | Decimal) else 0


def _above_zero(figure: Figure) -> Decimal:
    return max(Decimal(figure), Decimal(0))


def legend(chart: AnyChart) -> Mapping[int, str]:
    """Return the key of the words of each series that a chart draws."""
    return {place: f"column.{figure}" for place, figure in enumerate(chart.spec.figures, start=1)}
