"""Statement lines: what each total costs or brings, rounded once.

Issue charge and redemption credit stay lines of their own, and so do fees and reversals: netting is a matter of
payment only, and each line may have its own VAT category (CJEU C-53/09, C-55/09).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, assert_never, get_args

from settlement.engine.money import Currency, multiply_exactly, round_half_up
from settlement.engine.terms import Funding, Terms
from settlement.engine.total import KINDS, Kind, WindowTotal
from settlement.engine.vat import NOT_SUBJECT, VatTreatment
from settlement.errors import MixedCurrencyError, UnknownTermsError

LineCode = Literal[
    "issue_charge",
    "issue_charge_reversed",
    "issue_deferred",
    "issue_deferred_reversed",
    "issue_prepaid",
    "issue_prepaid_reversed",
    "issue_overdraft",
    "block_purchase",
    "burn_charge",
    "burn_charge_reversed",
    "cover_charge",
    "cover_credit",
    "service_fee",
    "service_fee_reversed",
    "redemption_credit",
    "redemption_credit_reversed",
    "commission",
    "commission_reversed",
    "platform_fee",
]
LINE_CODES: tuple[LineCode, ...] = get_args(LineCode)
# What the partner is credited for; all other lines charge it.
CREDITED_CODES: frozenset[LineCode] = frozenset(("redemption_credit", "redemption_credit_reversed"))

# The line that counts points issued, and that of points taken back, by how they are paid for.
_ISSUE_CODES: dict[Funding, tuple[LineCode, LineCode]] = {
    "pool": ("issue_charge", "issue_charge_reversed"),
    "issuer_pays": ("issue_deferred", "issue_deferred_reversed"),
    "prepaid": ("issue_prepaid", "issue_prepaid_reversed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a statement; `amount` > 0 is owed by the partner, < 0 is owed to it.

    `points` < 0 take back points of the same kind, so a line and its reversal add up to what is left; the tax document
    has the same points. `amount` is points * price * rate, with the other sign on a line of `CREDITED_CODES`, rounded
    half up once (`rate` is 1 where there is none; for the platform fee it is the price alone). `operations` counts the
    booked operations on the line: each is counted on exactly one, so fees, which price points that another line has
    counted, have none. `amount` is without VAT, which `vat` says and which is added up per document. `counterparty` is
    the partner at which points were redeemed that this one pays for; the terms version of such a line is that
    partner's.
    """

    code: LineCode
    terms_version: int
    price: Decimal
    amount: Decimal
    points: int | None = None
    rate: Decimal | None = None
    operations: int = 0
    vat: VatTreatment = NOT_SUBJECT
    counterparty: int | None = None

    @property
    def description_key(self) -> str:
        """Where the line's words are found in each language."""
        return f"line.{self.code}"

    @property
    def sort_key(self) -> tuple[int, int, int]:
        """The order of lines on a statement."""
        return LINE_CODES.index(self.code), self.counterparty or 0, self.terms_version


def lines_of(
    totals: Iterable[WindowTotal],
    terms: Mapping[tuple[int, int], Terms],
    *,
    currency: Currency,
    platform_terms: Terms | None = None,
) -> tuple[Line, ...]:
    """Return one partner's lines of a window, in the order of `LINE_CODES`, then of terms versions.

    The result does not depend on the order of the totals. VAT rates of origin are added up: they say where points
    come from, not how the line is taxed. Lines without a price are left out, except those that count operations.
    `platform_terms` are those that charge the platform fee, once per window; None charges none.

    Raises:
        UnknownTermsError: a total names a terms version that is not in `terms`.
        MixedCurrencyError: terms are in another currency than the coalition's.
    """
    lines: list[Line] = []
    for (partner, kind, version), (points, operations) in _added_up(totals).items():
        if (partner, version) not in terms:
            raise UnknownTermsError(partner=partner, version=version)
        lines += _lines_of_kind(kind, points, operations, _in_currency(terms[partner, version], currency))
    if platform_terms is not None and platform_terms.platform_fee:
        lines.append(_platform_line(_in_currency(platform_terms, currency)))
    return in_order(lines)


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return lines as a statement lists them."""
    return tuple(sorted(lines, key=lambda line: line.sort_key))


def priced_line(
    code: LineCode,
    points: int,
    price: Decimal,
    *,
    currency: Currency,
    vat: VatTreatment,
    terms_version: int,
    rate: Decimal | None = None,
    operations: int = 0,
    counterparty: int | None = None,
) -> Line:
    """Return the line of some points; less than 0 are taken back."""
    # Half up, once per line: from the exact product, so a commission is not taken of a rounded credit.
    amount = round_half_up(exact_amount(code, points, price, rate), currency)
    return Line(
        code=code,
        terms_version=terms_version,
        points=points,
        price=price,
        rate=rate,
        amount=amount,
        operations=operations,
        vat=vat,
        counterparty=counterparty,
    )


def exact_amount(code: LineCode, points: int, price: Decimal, rate: Decimal | None = None) -> Decimal:
    """Return what points come to on a line, not rounded; > 0 is owed by the partner."""
    owed = -points if code in CREDITED_CODES else points
    return multiply_exactly(owed, price) if rate is None else multiply_exactly(owed, price, rate)


def _added_up(totals: Iterable[WindowTotal]) -> dict[tuple[int, Kind, int], tuple[int, int]]:
    sums: defaultdict[tuple[int, Kind, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for total in totals:
        key = (total.partner, total.kind, total.terms_version)
        points, operations = sums[key]
        sums[key] = (points + total.points, operations + total.operations)
    return dict(sorted(sums.items(), key=lambda item: (item[0][0], KINDS.index(item[0][1]), item[0][2])))


def _in_currency(terms: Terms, currency: Currency) -> Terms:
    if terms.currency != currency:
        raise MixedCurrencyError(expected=currency.code, actual=terms.currency.code)
    return terms


def _lines_of_kind(kind: Kind, points: int, operations: int, terms: Terms) -> list[Line]:
    match kind:
        case "issued" | "issue_reversed":
            principal, fee = _issue_lines(kind, points, operations, terms)
        case "redeemed" | "redeem_reversed":
            principal, fee = _redemption_lines(kind, points, operations, terms)
        case _:
            assert_never(kind)
    # A fee line of 0.00 says nothing; a principal line of 0.00 still counts operations.
    return [principal, fee] if fee.price and fee.rate != 0 else [principal]


def _issue_lines(
    kind: Literal["issued", "issue_reversed"], points: int, operations: int, terms: Terms
) -> tuple[Line, Line]:
    issued, taken_back = _ISSUE_CODES[terms.funding]
    # Other points than a pool's are not paid for when they are issued; they still count their operations.
    price = terms.issue_price if terms.funding == "pool" else Decimal(0)
    if kind == "issued":
        return (
            _line(issued, terms, points, price, vat=terms.charge_vat, operations=operations),
            _line("service_fee", terms, points, terms.service_fee, vat=terms.fee_vat),
        )
    return (
        _line(taken_back, terms, -points, price, vat=terms.charge_vat, operations=operations),
        _line("service_fee_reversed", terms, -points, terms.service_fee, vat=terms.fee_vat),
    )


def _redemption_lines(
    kind: Literal["redeemed", "redeem_reversed"], points: int, operations: int, terms: Terms
) -> tuple[Line, Line]:
    price, rate = terms.redemption_price, terms.commission
    if kind == "redeemed":
        return (
            _line("redemption_credit", terms, points, price, vat=terms.redemption_vat, operations=operations),
            _line("commission", terms, points, price, rate=rate, vat=terms.fee_vat),
        )
    return (
        _line("redemption_credit_reversed", terms, -points, price, vat=terms.redemption_vat, operations=operations),
        _line("commission_reversed", terms, -points, price, rate=rate, vat=terms.fee_vat),
    )


def _line(
    code: LineCode,
    terms: Terms,
    points: int,
    price: Decimal,
    *,
    vat: VatTreatment,
    rate: Decimal | None = None,
    operations: int = 0,
) -> Line:
    return priced_line(
        code,
        points,
        price,
        currency=terms.currency,
        vat=vat,
        terms_version=terms.version,
        rate=rate,
        operations=operations,
    )


def _platform_line(terms: Terms) -> Line:
    fee = terms.platform_fee
    return Line(
        code="platform_fee",
        terms_version=terms.version,
        price=fee,
        amount=round_half_up(fee, terms.currency),
        vat=terms.fee_vat,
    )
