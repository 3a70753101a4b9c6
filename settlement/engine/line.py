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
from settlement.engine.terms import Terms
from settlement.engine.total import KINDS, Kind, WindowTotal
from settlement.engine.vat import NOT_SUBJECT, VatTreatment
from settlement.errors import MixedCurrencyError, UnknownTermsError

LineCode = Literal[
    "issue_charge",
    "issue_charge_reversed",
    "service_fee",
    "service_fee_reversed",
    "redemption_credit",
    "redemption_credit_reversed",
    "commission",
    "commission_reversed",
    "platform_fee",
]
LINE_CODES: tuple[LineCode, ...] = get_args(LineCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a statement; `amount` > 0 is owed by the partner, < 0 is owed to it.

    `amount` is points * price * rate with its sign, rounded half up once (`rate` is 1 where there is none; for the
    platform fee it is the price alone). `operations` counts the booked operations on the line: each is counted on
    exactly one, so fees, which price points that another line has counted, have none. `amount` is without VAT, which
    `vat` says and which is added up per document.
    """

    code: LineCode
    terms_version: int
    price: Decimal
    amount: Decimal
    points: int | None = None
    rate: Decimal | None = None
    operations: int = 0
    vat: VatTreatment = NOT_SUBJECT

    @property
    def description_key(self) -> str:
        """Where the line's words are found in each language."""
        return f"line.{self.code}"


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
    return tuple(sorted(lines, key=lambda line: (LINE_CODES.index(line.code), line.terms_version)))


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
        case "issued":
            principal = _line(
                "issue_charge", terms, points, terms.issue_price, vat=terms.charge_vat, operations=operations
            )
            fee = _line("service_fee", terms, points, terms.service_fee, vat=terms.fee_vat)
        case "issue_reversed":
            principal = _line(
                "issue_charge_reversed", terms, -points, terms.issue_price, vat=terms.charge_vat, operations=operations
            )
            fee = _line("service_fee_reversed", terms, -points, terms.service_fee, vat=terms.fee_vat)
        case "redeemed":
            price = terms.redemption_price
            principal = _line(
                "redemption_credit", terms, -points, price, vat=terms.redemption_vat, operations=operations
            )
            fee = _line("commission", terms, points, price, rate=terms.commission, vat=terms.fee_vat)
        case "redeem_reversed":
            price = terms.redemption_price
            principal = _line(
                "redemption_credit_reversed", terms, points, price, vat=terms.redemption_vat, operations=operations
            )
            fee = _line("commission_reversed", terms, -points, price, rate=terms.commission, vat=terms.fee_vat)
        case _:
            assert_never(kind)
    # A fee line of 0.00 says nothing; a principal line of 0.00 still counts operations.
    return [principal, fee] if fee.price and fee.rate != 0 else [principal]


def _line(
    code: LineCode,
    terms: Terms,
    signed_points: int,
    price: Decimal,
    *,
    vat: VatTreatment,
    rate: Decimal | None = None,
    operations: int = 0,
) -> Line:
    factors = (price,) if rate is None else (price, rate)
    # Half up, once per line: from the exact product, so a commission is not taken of a rounded credit.
    amount = round_half_up(multiply_exactly(signed_points, *factors), terms.currency)
    return Line(
        code=code,
        terms_version=terms.version,
        points=abs(signed_points),
        price=price,
        rate=rate,
        amount=amount,
        operations=operations,
        vat=vat,
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
