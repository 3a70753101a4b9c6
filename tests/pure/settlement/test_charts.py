"""Charts as figures: as long as what they show, within their place, and nothing that is not there."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from settlement.documents.report import Chart, ChartKind, Column, Row, Table
from settlement.pages.charts import ROWS_MAX, BarsChart, LineChart, draw_chart


def table(rows: list[tuple[object, ...]], label: str = "text") -> Table:
    columns = (Column("partner", label), Column("issued", "points"), Column("redeemed", "points"))  # type: ignore[arg-type]
    return Table(key="points_by_partner", columns=columns, rows=tuple(Row(cells) for cells in rows))  # type: ignore[arg-type]


def chart(kind: ChartKind, label: str = "partner") -> Chart:
    return Chart(kind=kind, table="points_by_partner", label=label, figures=("issued", "redeemed"))


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9)), max_size=9))
def test_bars_lie_within_the_chart_on_the_side_of_their_sign(rows: list[tuple[str, int, int]]) -> None:
    rows = list({row[0]: row for row in rows}.values())
    drawn = draw_chart(chart("bars"), table(list(rows)))
    if drawn is None:
        assert not any(figure for row in rows for figure in row[1:])
        return
    assert isinstance(drawn, BarsChart)
    zero = drawn.zero or Decimal(0)
    for row, (_, *figures) in zip(drawn.rows, rows, strict=True):
        assert [segment.figure for segment in row.segments] == figures
        for segment in row.segments:
            assert (segment.width > 0) is (segment.figure != 0)
            assert segment.x == (zero if segment.figure >= 0 else zero - segment.width)
            assert -Decimal("0.41") <= segment.x
            assert segment.x + segment.width <= Decimal("100.42")


def test_a_label_is_drawn_once() -> None:
    """As where a partner has a row for each kind."""
    drawn = draw_chart(chart("bars"), table([("A", 5, 1), ("B", 7, 0), ("A", 3, 2)]))

    assert isinstance(drawn, BarsChart)
    assert [(row.label, [one.figure for one in row.segments]) for row in drawn.rows] == [("A", [8, 3]), ("B", [7, 0])]


def test_parts_stand_one_after_the_other_on_one_scale() -> None:
    drawn = draw_chart(chart("parts"), table([("A", 60, 40), ("B", 25, 0)]))

    assert isinstance(drawn, BarsChart)
    assert [[(part.x, part.width) for part in row.segments] for row in drawn.rows] == [
        [(0, 60), (60, 40)],
        [(0, 25), (25, 0)],
    ]


def test_a_line_holds_its_figure_until_the_next_day() -> None:
    first = date(2027, 3, 1)
    days = [(first, 100, 0), (first + timedelta(days=3), 50, -100), (first + timedelta(days=4), 50, 100)]
    drawn = draw_chart(chart("line"), table(days, "day"))

    assert isinstance(drawn, LineChart)
    assert drawn.lines[0] == "0.00,0.00 75.00,0.00 75.00,10.00 100.00,10.00 100.00,10.00"
    assert (drawn.least, drawn.most, drawn.zero) == (-100, 100, 20)
    assert draw_chart(chart("line"), table(days[:1], "day")) is None


def test_what_has_no_place_is_left_to_the_table() -> None:
    """The largest of partners, the newest of windows."""
    partners = [(f"P{number}", number, 0) for number in range(30)]
    of_partners = draw_chart(chart("bars"), table(list(reversed(partners))))
    of_windows = draw_chart(chart("bars"), table([(number, 30 - number, 0) for number in range(30)], "count"))

    assert isinstance(of_partners, BarsChart)
    assert isinstance(of_windows, BarsChart)
    assert [row.label for row in of_partners.rows] == [f"P{number}" for number in range(29, 5, -1)]
    assert [row.label for row in of_windows.rows] == list(range(30 - ROWS_MAX, 30))
    assert of_partners.left_out == of_windows.left_out == 6
