"""One partner's lines and totals of one window, with all that its documents show.

The content follows from its arguments alone: made again, it is the same, byte for byte, in every format.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from settlement.engine.document import DocumentTotal, document_totals
from settlement.engine.legal_party import LegalParty
from settlement.engine.line import Line
from settlement.engine.matrix import MatrixCell
from settlement.engine.money import Currency
from settlement.engine.origin import OriginTotal
from settlement.engine.position import Position, position_of
from settlement.engine.prepaid import BlockAccount
from settlement.engine.prior_period import PriorPeriod
from settlement.engine.sales import SalesPeriod, sales_of
from settlement.engine.total import KINDS, Kind, WindowTotal
from settlement.engine.vat_correction import RateOfVat, burned_vat, expired_vat


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who sends or gets a statement, as it stands on the letter."""

    name: str
    address: tuple[str, ...] = ()


def party_on_letter(party: LegalParty | None, *, seen_from: LegalParty | None = None) -> Party | None:
    """Return legal data as they stand on a letter; the country's code is a line of its own on one from abroad."""
    if party is None:
        return None
    address = (party.street, f"{party.post_code} {party.town}")
    is_abroad = seen_from is not None and seen_from.country != party.country
    return Party(name=party.legal_name, address=(*address, party.country) if is_abroad else address)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPeriod:
    """A clearing period: operations booked from `opened_at` on and before `closed_at`, whenever they occurred."""

    window: int
    opened_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTotals:
    """The points and operations of each kind behind the lines, without signs, for a comparison with its own books."""

    points: dict[Kind, int]
    operations: dict[Kind, int]

    @property
    def outstanding_growth(self) -> int:
        """By how many points this partner raised what members hold."""
        points = self.points
        return points["issued"] - points["issue_reversed"] - points["redeemed"] + points["redeem_reversed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsOrigin:
    """Points of one kind by the VAT rate of the sales they came from; the basis of a later VAT correction."""

    kind: Kind
    vat_rate: Decimal | None
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """Points that one partner pays for and another redeemed, seen from one of them: the other, and what it comes to.

    `amount` is the redeemer's credit for them; `partner` 0 has no name: the points are older than the book of lots.
    """

    partner: int
    name: str
    points: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement; `total` > 0 is paid by the partner, < 0 is paid to it.

    `sales` None: only a platform fee is billed, or it was made before statements told it. `points_elsewhere` are points
    that this partner pays for, by redeemer, its own shops among them; `points_here` those that were redeemed with it,
    by payer. `burned_vat` and `expired_vat` are the VAT behind points that it pays for; `blocks` is what is prepaid.
    `prior_periods` is what of the lines was sold before the window and booked in it because it came late.
    """

    number: str
    period: WindowPeriod
    sales: SalesPeriod | None
    made_at: datetime
    operator: Party
    partner: int
    addressee: Party
    currency: Currency
    lines: tuple[Line, ...]
    position: Position
    control: ControlTotals
    origins: tuple[PointsOrigin, ...]
    points_elsewhere: tuple[MatrixRow, ...] = ()
    points_here: tuple[MatrixRow, ...] = ()
    burned_vat: tuple[RateOfVat, ...] = ()
    expired_vat: tuple[RateOfVat, ...] = ()
    blocks: BlockAccount | None = None
    prior_periods: tuple[PriorPeriod, ...] = ()

    @property
    def total(self) -> Decimal:
        return self.position.net

    def counterparty_of(self, line: Line) -> str:
        """Return the name of the partner that a line is about; "" for one about nobody else."""
        return next((row.name for row in self.points_elsewhere if row.partner == line.counterparty), "")

    @property
    def documents(self) -> tuple[DocumentTotal, ...]:
        """What the invoice and the credit note of this window come to, with their VAT."""
        return document_totals(self.lines, self.currency)


def statement_number(*, window: int, partner: int) -> str:
    """Return the number of the one statement that a partner has in a window."""
    return f"ST-{window:05d}-{partner:05d}"


def make_statement(
    *,
    period: WindowPeriod,
    zone: tzinfo,
    made_at: datetime,
    operator: Party,
    partner: int,
    addressee: Party,
    currency: Currency,
    lines: Iterable[Line],
    totals: Iterable[WindowTotal],
    origins: Iterable[OriginTotal] = (),
    matrix: Iterable[MatrixCell] = (),
    names: Mapping[int, str] | None = None,
    point_value: Decimal = Decimal(0),
    blocks: BlockAccount | None = None,
    prior_periods: Iterable[PriorPeriod] = (),
) -> Statement:
    """Put one partner's statement together from its priced lines and the totals that they were priced from.

    `zone` is the programme's: it says which day a sale was of. `origins` are those behind its points that were burned
    or expired. `origins` and `matrix` may be those of all partners, whose `names` they need.
    """
    lines, totals, origins, matrix = tuple(lines), tuple(totals), tuple(origins), tuple(matrix)
    names = names or {}
    return Statement(
        number=statement_number(window=period.window, partner=partner),
        period=period,
        sales=sales_of(totals, zone),
        made_at=made_at,
        operator=operator,
        partner=partner,
        addressee=addressee,
        currency=currency,
        lines=lines,
        position=position_of(partner, lines, currency),
        control=_control_totals(totals),
        origins=_origins(totals),
        points_elsewhere=tuple(_row(cell, cell.redeemer, names) for cell in matrix if cell.payer == partner),
        points_here=tuple(_row(cell, cell.payer, names) for cell in matrix if cell.redeemer == partner),
        burned_vat=burned_vat(origins, partner, point_value=point_value, currency=currency),
        expired_vat=expired_vat(origins, partner, point_value=point_value, currency=currency),
        blocks=blocks,
        prior_periods=tuple(prior_periods),
    )


def _row(cell: MatrixCell, other: int, names: Mapping[int, str]) -> MatrixRow:
    return MatrixRow(partner=other, name=names.get(other, ""), points=cell.points, amount=cell.amount)


def _control_totals(totals: Iterable[WindowTotal]) -> ControlTotals:
    points: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    operations: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    for total in totals:
        points[total.kind] += total.points
        operations[total.kind] += total.operations
    return ControlTotals(points=points, operations=operations)


def _origins(totals: Iterable[WindowTotal]) -> tuple[PointsOrigin, ...]:
    points: defaultdict[tuple[int, Decimal], int] = defaultdict(int)
    for total in totals:
        # Unknown rates first: None has no order among decimals.
        rate = Decimal(-1) if total.vat_rate is None else total.vat_rate
        points[KINDS.index(total.kind), rate] += total.points
    return tuple(
        PointsOrigin(kind=KINDS[kind], vat_rate=None if rate < 0 else rate, points=count)
        for (kind, rate), count in sorted(points.items())
    )
