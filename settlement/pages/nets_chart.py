"""Partners' nets as bars to both sides of zero: pure figures, drawn by the template.

paid           zero           pays
 |   ██████████ │                |
 |              │ ████████████   |
 0            zero             100      x, in hundredths of the chart's width
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from coalition.name_order import name_order

WIDTH = Decimal(100)
# So that a net of a cent beside one of millions is still seen.
LEAST_WIDTH = Decimal("0.4")
HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Bar:
    """One partner's net; `x` and `width` in a chart that is 100 wide. A net of nothing has no width."""

    name: str
    net: Decimal
    x: Decimal
    width: Decimal


@dataclass(frozen=True, slots=True)
class NetsChart:
    """Bars from the largest payer to the largest payee, and where zero lies."""

    zero: Decimal
    bars: tuple[Bar, ...]


def nets_chart(nets: Sequence[tuple[str, Decimal]]) -> NetsChart:
    """Return the chart of (partner's name, net); net > 0: the partner pays, to the right."""
    most = max((net for _, net in nets), default=Decimal(0))
    least = min((net for _, net in nets), default=Decimal(0))
    most, least = max(most, Decimal(0)), min(least, Decimal(0))
    span = most - least or Decimal(1)
    zero = (-least * WIDTH / span).quantize(HUNDREDTH)
    ordered = sorted(nets, key=lambda item: (-item[1], name_order(item[0])))
    return NetsChart(zero, tuple(_bar(name, net, zero=zero, span=span) for name, net in ordered))


def _bar(name: str, net: Decimal, *, zero: Decimal, span: Decimal) -> Bar:
    if not net:
        return Bar(name, net, zero, Decimal(0))
    width = max(abs(net) * WIDTH / span, LEAST_WIDTH).quantize(HUNDREDTH)
    return Bar(name, net, zero if net > 0 else zero - width, width)
