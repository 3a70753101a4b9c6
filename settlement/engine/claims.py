"""Who owes whom before anything is netted, and what netting saves: gross, bilateral, multilateral.

Each payer owes each redeemer what its points brought there; all the rest (fees, VAT, what the fund grows by) is owed to
or by the operator, who is one of the parties. So a party's claims add up to its net, however they are netted:

    gross         every claim is paid by itself, up to n(n-1) payments
    bilateral     one payment for each pair, up to n(n-1)/2
    multilateral  one payment for each party, through the hub

    saving = 1 - sum|N_i| / (2 * sum G_ij)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from settlement.engine.matrix import MatrixCell
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.origin import UNKNOWN_PAYER
from settlement.engine.position import Position

OPERATOR = 0
_SAVING = Context(prec=28, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one party owes another; `amount` is more than 0. Party 0 is the operator."""

    debtor: int
    creditor: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NettingView:
    """How many payments one way of netting takes, and how much money they move."""

    payments: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NettingViews:
    """The three ways side by side; `saving` is a fraction, 0 where nothing is owed."""

    gross: NettingView
    bilateral: NettingView
    multilateral: NettingView
    saving: Decimal


def claims_of(positions: Iterable[Position], matrix: Iterable[MatrixCell], currency: Currency) -> tuple[Claim, ...]:
    """Return every claim between two parties, by debtor, then creditor."""
    owed: defaultdict[tuple[int, int], Decimal] = defaultdict(lambda: round_half_up(Decimal(0), currency))
    for position in positions:
        _owe(owed, position.partner, OPERATOR, position.owed_by_partner)
        _owe(owed, OPERATOR, position.partner, position.owed_to_partner)
    for cell in matrix:
        if cell.payer == UNKNOWN_PAYER:
            continue
        # Paid to the redeemer itself, so no longer to the operator or by it.
        _owe(owed, cell.payer, OPERATOR, -cell.amount)
        _owe(owed, OPERATOR, cell.redeemer, -cell.amount)
        _owe(owed, cell.payer, cell.redeemer, cell.amount)
    sums: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for claim in (_claim(debtor, creditor, amount) for (debtor, creditor), amount in owed.items() if amount):
        # What is less than nothing is owed the other way round, where there may be a claim already.
        sums[claim.debtor, claim.creditor] = add_exactly((sums[claim.debtor, claim.creditor], claim.amount))
    return tuple(
        Claim(debtor=debtor, creditor=creditor, amount=amount) for (debtor, creditor), amount in sorted(sums.items())
    )


def net_of(claims: Iterable[Claim]) -> dict[int, Decimal]:
    """Return what each party owes (+) or is owed (-) in all; together they are zero."""
    nets: defaultdict[int, Decimal] = defaultdict(Decimal)
    for claim in claims:
        nets[claim.debtor] = add_exactly((nets[claim.debtor], claim.amount))
        nets[claim.creditor] = add_exactly((nets[claim.creditor], -claim.amount))
    return dict(sorted(nets.items()))


def net_bilaterally(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return one claim for each pair that owes each other anything but the same."""
    pairs: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for claim in claims:
        low, high = min(claim.debtor, claim.creditor), max(claim.debtor, claim.creditor)
        pairs[low, high] = add_exactly((pairs[low, high], claim.amount if claim.debtor == low else -claim.amount))
    return tuple(_claim(low, high, amount) for (low, high), amount in sorted(pairs.items()) if amount)


def views_of(claims: Iterable[Claim], currency: Currency) -> NettingViews:
    """Return gross, bilateral and multilateral netting of the same claims."""
    claims = tuple(claims)
    nets = net_of(claims)
    # The hub is where everybody pays, so what it keeps for itself is no payment.
    partners = [abs(net) for party, net in nets.items() if party != OPERATOR and net]
    gross = add_exactly(claim.amount for claim in claims)
    netted = add_exactly(abs(net) for net in nets.values())
    return NettingViews(
        gross=_view((claim.amount for claim in claims), currency),
        bilateral=_view((claim.amount for claim in net_bilaterally(claims)), currency),
        multilateral=_view(partners, currency),
        saving=1 - _SAVING.divide(netted, 2 * gross) if gross else Decimal(0),
    )


def _owe(owed: dict[tuple[int, int], Decimal], debtor: int, creditor: int, amount: Decimal) -> None:
    if debtor != creditor:
        owed[debtor, creditor] = add_exactly((owed[debtor, creditor], amount))


def _claim(debtor: int, creditor: int, amount: Decimal) -> Claim:
    if amount < 0:
        debtor, creditor, amount = creditor, debtor, -amount
    return Claim(debtor=debtor, creditor=creditor, amount=amount)


def _view(amounts: Iterable[Decimal], currency: Currency) -> NettingView:
    amounts = tuple(amounts)
    return NettingView(payments=len(amounts), amount=round_half_up(add_exactly(amounts), currency))
