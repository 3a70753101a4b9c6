"""Multilateral netting through the hub: at most one payment per partner, and all of it adds up.

Netting is a matter of payment only; statements stay gross. Each line is rounded by itself, so that together they may
come to some cents more or less than what they stand for exactly: those cents are the rounding account's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from settlement.engine.claims import Claim, NettingViews, claims_of, views_of
from settlement.engine.document import document_totals
from settlement.engine.line import Line, LineCode, exact_amount
from settlement.engine.matrix import MatrixCell, matrix_of
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.origin import OriginTotal
from settlement.engine.position import Position, position_of
from settlement.errors import UnbalancedNettingError

# What pays into the fund of points, or is paid out of it.
FUND_CODES: frozenset[LineCode] = frozenset(
    (
        *("issue_charge", "issue_charge_reversed", "issue_overdraft", "burn_charge", "burn_charge_reversed"),
        *("cover_charge", "cover_credit", "redemption_credit", "redemption_credit_reversed"),
    )
)

Direction = Literal["to_operator", "to_partner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One transfer between a partner and the operator; `amount` is never negative or zero."""

    partner: int
    direction: Direction
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorShare:
    """What stays with the operator: its fees; the money that covers the growth of points that a fund pays for; blocks
    that were paid before; what rounding line by line leaves; the VAT that it has charged less what it was charged."""

    service_fees: Decimal
    commissions: Decimal
    platform_fees: Decimal
    fund_growth: Decimal
    prepaid_blocks: Decimal
    rounding: Decimal
    vat: Decimal

    @property
    def total(self) -> Decimal:
        fees = self.service_fees + self.commissions + self.platform_fees
        return fees + self.fund_growth + self.prepaid_blocks + self.rounding + self.vat


@dataclass(frozen=True, slots=True, kw_only=True)
class Netting:
    """The result for one window. Partners' nets less the operator's share are zero, to the cent.

    `payments_gross` is how many payments there would be if each charge and each credit were paid by itself. `matrix`
    says whose points were redeemed at whom, `claims` who owes whom by it, and `views` what netting saves."""

    positions: tuple[Position, ...]
    payments: tuple[Payment, ...]
    payments_gross: int
    operator: OperatorShare
    matrix: tuple[MatrixCell, ...]
    claims: tuple[Claim, ...]
    views: NettingViews


def net_out(
    lines_by_partner: Mapping[int, Sequence[Line]], currency: Currency, origins: Iterable[OriginTotal] = ()
) -> Netting:
    """Net every partner's lines against the operator; `origins` say whose points were redeemed.

    Raises:
        UnbalancedNettingError: the nets by partner and the operator's share by kind of line do not agree.
    """
    positions = tuple(position_of(partner, lines, currency) for partner, lines in sorted(lines_by_partner.items()))
    operator = _operator_share(lines_by_partner.values(), currency)
    net_sum = add_exactly(position.net for position in positions)
    if net_sum != operator.total:
        raise UnbalancedNettingError(expected=operator.total, actual=net_sum)
    matrix = matrix_of(lines_by_partner, origins, currency)
    claims = claims_of(positions, matrix, currency)
    return Netting(
        positions=positions,
        payments=tuple(_payment(position) for position in positions if position.net),
        payments_gross=sum(bool(position.owed_by_partner) + bool(position.owed_to_partner) for position in positions),
        operator=operator,
        matrix=matrix,
        claims=claims,
        views=views_of(claims, currency),
    )


def _payment(position: Position) -> Payment:
    direction: Direction = "to_operator" if position.net > 0 else "to_partner"
    return Payment(partner=position.partner, direction=direction, amount=abs(position.net))


def _operator_share(lines_by_partner: Iterable[Sequence[Line]], currency: Currency) -> OperatorShare:
    zero = round_half_up(Decimal(0), currency)
    sums: defaultdict[LineCode, Decimal] = defaultdict(lambda: zero)
    fund, vat = Decimal(0), zero
    for lines in lines_by_partner:
        for line in lines:
            sums[line.code] = add_exactly((sums[line.code], line.amount))
            fund = add_exactly((fund, _exact_for_fund(line)))
        for total in document_totals(lines, currency):
            vat = add_exactly((vat, total.vat if total.document == "invoice" else -total.vat))
    fund_growth = round_half_up(fund, currency)
    return OperatorShare(
        service_fees=sums["service_fee"] + sums["service_fee_reversed"],
        commissions=sums["commission"] + sums["commission_reversed"],
        platform_fees=sums["platform_fee"],
        fund_growth=fund_growth,
        prepaid_blocks=sums["block_purchase"],
        rounding=add_exactly(sums[code] for code in FUND_CODES) - fund_growth,
        vat=vat,
    )


def _exact_for_fund(line: Line) -> Decimal:
    if line.code not in FUND_CODES:
        return Decimal(0)
    return exact_amount(line.code, line.points or 0, line.price)
