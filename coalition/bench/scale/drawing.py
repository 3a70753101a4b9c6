"""A chart of lines as SVG: points on two axes, each linear or logarithmic; the same bytes for the same values."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 820, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 770, 50, 330
COLORS = ("#1f5fa8", "#c2571a", "#2e7d32", "#8e3b8e")
TICKS = 5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows, from the lowest to the highest of its values."""

    title: str
    is_logarithmic: bool = False

    def ticks(self, values: Sequence[float]) -> list[float]:
        """Return round values that span these: powers of ten, or steps of 1, 2 or 5."""
        if self.is_logarithmic:
            low, high = floor(log10(min(values))), ceil(log10(max(values)))
            return [10.0**power for power in range(low, max(high, low + 1) + 1)]
        step = _round_step(max(values) / TICKS)
        return [step * number for number in range(ceil(max(values) / step) + 1)]

    def share(self, value: float, ticks: Sequence[float]) -> float:
        """Return where between the first tick and the last a value lies."""
        if self.is_logarithmic:
            return log10(value / ticks[0]) / log10(ticks[-1] / ticks[0])
        return (value - ticks[0]) / (ticks[-1] - ticks[0])


@dataclass(frozen=True, slots=True)
class Line:
    """Points in order of x. What is predicted is drawn with dashes."""

    name: str
    points: Sequence[Point]
    color: int
    is_dashed: bool = False


def draw_lines(title: str, x: Axis, y: Axis, lines: Sequence[Line]) -> bytes:
    """Return the chart. Raises ValueError where there is no point to draw."""
    points = [point for line in lines for point in line.points]
    if not points:
        raise ValueError(f"{title}: no point to draw")
    x_ticks, y_ticks = x.ticks([point[0] for point in points]), y.ticks([point[1] for point in points])

    def place(point: Point) -> str:
        across, up = x.share(point[0], x_ticks), y.share(point[1], y_ticks)
        return f"{LEFT + across * (RIGHT - LEFT):.1f},{BOTTOM - up * (BOTTOM - TOP):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#333">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="28" font-size="17" fill="#111">{escape(title)}</text>',
        *(_x_tick(x.share(tick, x_ticks), tick) for tick in x_ticks),
        *(_y_tick(y.share(tick, y_ticks), tick) for tick in y_ticks),
        f'<text x="{(LEFT + RIGHT) / 2:.0f}" y="{BOTTOM + 42}" text-anchor="middle">{escape(x.title)}</text>',
        f'<text transform="translate(22 {(TOP + BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y.title)}</text>",
    ]
    for number, line in enumerate(lines):
        parts += _line(line, [place(point) for point in line.points], number, len(lines))
    return ("\n".join([*parts, "</svg>"]) + "\n").encode()


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _x_tick(share: float, value: float) -> str:
    at = LEFT + share * (RIGHT - LEFT)
    return (
        f'<path d="M{at:.1f} {TOP}V{BOTTOM}" stroke="#e4e4e4"/>'
        f'<text x="{at:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{_told(value)}</text>'
    )


def _y_tick(share: float, value: float) -> str:
    at = BOTTOM - share * (BOTTOM - TOP)
    return (
        f'<path d="M{LEFT} {at:.1f}H{RIGHT}" stroke="#e4e4e4"/>'
        f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_told(value)}</text>'
    )


def _line(line: Line, places: Sequence[str], number: int, count: int) -> list[str]:
    color, dashes = COLORS[line.color], ' stroke-dasharray="7 5"' if line.is_dashed else ""
    legend_x = LEFT + number * (RIGHT - LEFT) // max(count, 2)
    dots = [f'<circle cx="{at.split(",")[0]}" cy="{at.split(",")[1]}" r="4" fill="{color}"/>' for at in places]
    return [
        f'<polyline points="{" ".join(places)}" fill="none" stroke="{color}" stroke-width="2.5"{dashes}/>',
        *dots,
        f'<path d="M{legend_x} {HEIGHT - 18}h26" stroke="{color}" stroke-width="2.5"{dashes}/>',
        f'<text x="{legend_x + 33}" y="{HEIGHT - 14}">{escape(line.name)}</text>',
    ]
