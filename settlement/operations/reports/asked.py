"""What every report is made from: the connection, the programme, and what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from coalition.database.pool import Connection
from coalition.name_order import name_order
from settlement.documents.report import Report, Table
from settlement.engine.money import Currency, multiply_exactly, round_half_up
from settlement.stores.hub import Programme
from settlement.stores.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a report. `windows` are all there are, oldest first; `window` is the one that it is about: as
    asked for, else the newest closed one, else the open one. `partner` None: all of them."""

    connection: Connection
    programme: Programme
    names: Mapping[int, str]
    windows: Sequence[Window]
    window: Window
    partner: int | None
    now: datetime

    @property
    def lanes(self) -> list[int]:
        return list(range(self.programme.lanes))

    @property
    def currency(self) -> Currency:
        return self.programme.currency

    @property
    def today(self) -> date:
        return self.now.astimezone(self.programme.zone).date()

    @property
    def closed_windows(self) -> list[Window]:
        return [window for window in self.windows if window.closed_at is not None]

    def value(self, points: int) -> Decimal:
        """Return what points are worth to members, rounded half up."""
        return self.rounded(multiply_exactly(points, self.programme.point_value))

    def rounded(self, amount: Decimal) -> Decimal:
        return round_half_up(amount, self.currency)

    def name(self, partner: int) -> str:
        return self.names.get(partner, str(partner))

    def place(self, partner: int) -> tuple[tuple[str, str], int]:
        """Return the key by which partners are sorted."""
        return name_order(self.name(partner)), partner

    def wants(self, partner: int) -> bool:
        return self.partner is None or self.partner == partner

    def report(self, name: str, *tables: Table, has_window: bool = True) -> Report:
        return Report(
            name=name,
            window=self.window.window_no if has_window else None,
            currency=self.currency.code,
            minor_units=self.currency.minor_units,
            tables=tables,
        )


def fraction(part: int | Decimal, whole: int | Decimal) -> Decimal | None:
    """Return a part of a whole, to four decimals; None: there is no whole."""
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001")) if whole else None
