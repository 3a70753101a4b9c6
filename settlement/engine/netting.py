"""Multilateral netting through the hub: at most one payment per partner, and all of it adds up.

Netting is a matter of payment only; statements stay gross.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from settlement.engine.document import document_totals
from settlement.engine.line import Line, LineCode
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.position import Position, position_of
from settlement.errors import UnbalancedNettingError

Direction = Literal["to_operator", "to_partner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One transfer between a partner and the operator; `amount` is never negative or zero."""

    partner: int
    direction: Direction
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorShare:
    """What stays with the operator: its fees, the money that covers the growth of outstanding points, and the VAT that
    it has charged less the VAT that it was charged."""

    service_fees: Decimal
    commissions: Decimal
    platform_fees: Decimal
    fund_growth: Decimal
    vat: Decimal

    @property
    def total(self) -> Decimal:
        return self.service_fees + self.commissions + self.platform_fees + self.fund_growth + self.vat


@dataclass(frozen=True, slots=True, kw_only=True)
class Netting:
    """The result for one window. Partners' nets less the operator's share are zero, to the cent."""

    positions: tuple[Position, ...]
    payments: tuple[Payment, ...]
    payments_gross: int
    operator: OperatorShare


def net_out(lines_by_partner: Mapping[int, Sequence[Line]], currency: Currency) -> Netting:
    """Net every partner's lines against the operator.

    `payments_gross` is how many payments there would be if each charge and each credit were paid by itself.

    Raises:
        UnbalancedNettingError: the nets by partner and the operator's share by kind of line do not agree.
    """
    positions = tuple(position_of(partner, lines, currency) for partner, lines in sorted(lines_by_partner.items()))
    operator = _operator_share(lines_by_partner.values(), currency)
    net_sum = add_exactly(position.net for position in positions)
    if net_sum != operator.total:
        raise UnbalancedNettingError(expected=operator.total, actual=net_sum)
    return Netting(
        positions=positions,
        payments=tuple(_payment(position) for position in positions if position.net),
        payments_gross=sum(bool(position.owed_by_partner) + bool(position.owed_to_partner) for position in positions),
        operator=operator,
    )


def _payment(position: Position) -> Payment:
    direction: Direction = "to_operator" if position.net > 0 else "to_partner"
    return Payment(partner=position.partner, direction=direction, amount=abs(position.net))


def _operator_share(lines_by_partner: Iterable[Sequence[Line]], currency: Currency) -> OperatorShare:
    sums: defaultdict[LineCode, Decimal] = defaultdict(lambda: round_half_up(Decimal(0), currency))
    vat = round_half_up(Decimal(0), currency)
    for lines in lines_by_partner:
        for line in lines:
            sums[line.code] = add_exactly((sums[line.code], line.amount))
        for total in document_totals(lines, currency):
            vat = add_exactly((vat, total.vat if total.document == "invoice" else -total.vat))
    return OperatorShare(
        service_fees=sums["service_fee"] + sums["service_fee_reversed"],
        commissions=sums["commission"] + sums["commission_reversed"],
        platform_fees=sums["platform_fee"],
        fund_growth=(
            sums["issue_charge"]
            + sums["issue_charge_reversed"]
            + sums["redemption_credit"]
            + sums["redemption_credit_reversed"]
        ),
        vat=vat,
    )
