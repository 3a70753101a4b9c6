"""What a partner pays for points, what it is paid at redemption, and the net of both; here in the pool model:

    charge = issued   * (issue_price + service_fee)             issued   net of reversals
    credit = redeemed * redemption_price * (1 - commission)     redeemed net of reversals
    net    = charge + platform_fee + invoice_vat - credit - credit_note_vat
                                                                > 0: the partner pays, < 0: it is paid

Each figure is the sum of the rounded lines of the partner's statement, so that both agree to the cent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from settlement.engine.document import document_vat
from settlement.engine.line import LINE_CODES, Line, LineCode, lines_of
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.terms import Terms
from settlement.engine.total import WindowTotal

PLATFORM_CODES: frozenset[LineCode] = frozenset(("platform_fee",))
CREDIT_CODES: frozenset[LineCode] = frozenset(
    ("redemption_credit", "redemption_credit_reversed", "commission", "commission_reversed")
)
CHARGE_CODES: frozenset[LineCode] = frozenset(LINE_CODES) - CREDIT_CODES - PLATFORM_CODES


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What a partner owes (+) or is owed (-) for one window, before payment.

    `charge`, `credit` and `platform_fee` are without VAT; `net` is with it. `invoice_vat` is owed by the partner,
    `credit_note_vat` to it.
    """

    partner: int
    charge: Decimal
    credit: Decimal
    platform_fee: Decimal
    invoice_vat: Decimal = Decimal("0.00")
    credit_note_vat: Decimal = Decimal("0.00")

    @property
    def vat(self) -> Decimal:
        """The VAT that the partner owes (+) or is owed (-)."""
        return self.invoice_vat - self.credit_note_vat

    @property
    def owed_by_partner(self) -> Decimal:
        return self.charge + self.platform_fee + self.invoice_vat

    @property
    def owed_to_partner(self) -> Decimal:
        return self.credit + self.credit_note_vat

    @property
    def net(self) -> Decimal:
        return self.owed_by_partner - self.owed_to_partner


def position_of(partner: int, lines: Iterable[Line], currency: Currency) -> Position:
    """Return the position that a partner's lines add up to; nothing is 0.00, like every other amount."""
    lines = tuple(lines)
    credit = _sum_of(lines, CREDIT_CODES, currency)
    return Position(
        partner=partner,
        charge=_sum_of(lines, CHARGE_CODES, currency),
        # A line owed to the partner is negative; a credit is that amount without the sign.
        credit=-credit if credit else credit,
        platform_fee=_sum_of(lines, PLATFORM_CODES, currency),
        invoice_vat=document_vat(lines, "invoice", currency),
        credit_note_vat=document_vat(lines, "credit_note", currency),
    )


def lines_by_partner(
    totals: Iterable[WindowTotal],
    terms: Mapping[tuple[int, int], Terms],
    *,
    currency: Currency,
    platform_terms: Mapping[int, Terms] | None = None,
) -> dict[int, tuple[Line, ...]]:
    """Return the lines of every partner that has totals or a platform fee, by partner in sorted order.

    Raises:
        UnknownTermsError, MixedCurrencyError: as `lines_of`.
    """
    platform_terms = platform_terms or {}
    totals_of: defaultdict[int, list[WindowTotal]] = defaultdict(list)
    for total in totals:
        totals_of[total.partner].append(total)
    return {
        partner: lines_of(
            totals_of.get(partner, ()), terms, currency=currency, platform_terms=platform_terms.get(partner)
        )
        for partner in sorted(totals_of.keys() | platform_terms.keys())
    }


def _sum_of(lines: Iterable[Line], codes: frozenset[LineCode], currency: Currency) -> Decimal:
    # Lines are rounded already: this gives a sum of no lines its decimals and changes no other.
    return round_half_up(add_exactly(line.amount for line in lines if line.code in codes), currency)
