"""A partner's prices and fees, as dated versions that are never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args

from settlement.engine.money import Currency
from settlement.engine.vat import NOT_SUBJECT, VatTreatment, vat_problems
from settlement.errors import FieldProblem, InvalidTermsError

# Who pays for points, and when: pool at issue, issuer_pays at burn, prepaid before.
Funding = Literal["pool", "issuer_pays", "prepaid"]
FUNDINGS: tuple[Funding, ...] = get_args(Funding)

PRICE_DECIMALS_MAX = 6
PRICE_MAX = Decimal("999999.999999")
COMMISSION_DECIMALS_MAX = 6
# What is kept holds no more, also where the currency has more.
PLATFORM_FEE_DECIMALS_MAX = 2
PLATFORM_FEE_MAX = Decimal("999999999999.99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of what a partner pays and is paid.

    Prices are money per point: `issue_price` and `service_fee` are paid for each point issued,
    `redemption_price` is received for each point redeemed, less `commission`, a fraction of it.
    `platform_fee` is money per window. All of them are without VAT, which is said by `charge_vat` for what pays for
    points, by `fee_vat` for the operator's fees and commission, and by `redemption_vat` for redemptions. Which version
    applies is decided by an operation's `occurred_at`.

    `funding` is how points issued under this version are paid for. Lots know the month of their sale and no more, so
    another funding begins with a month, in the time zone that `valid_from` is given in.

    Raises:
        InvalidTermsError: fields are negative, too large, too precise or have no time zone; names all of them.
    """

    partner: int
    version: int
    valid_from: datetime
    currency: Currency
    issue_price: Decimal
    service_fee: Decimal = Decimal(0)
    redemption_price: Decimal
    commission: Decimal = Decimal(0)
    platform_fee: Decimal = Decimal(0)
    charge_vat: VatTreatment = NOT_SUBJECT
    fee_vat: VatTreatment = NOT_SUBJECT
    redemption_vat: VatTreatment = NOT_SUBJECT
    funding: Funding = "pool"

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise InvalidTermsError(problems=problems)


def terms_valid_at(versions: Iterable[Terms], moment: datetime) -> Terms | None:
    """Return the latest version that was valid at a moment; of two from the same moment, the later version."""
    begun = [terms for terms in versions if terms.valid_from <= moment]
    return max(begun, key=lambda terms: (terms.valid_from, terms.version), default=None)


def funding_of_month(versions: Iterable[Terms], month: date) -> Funding:
    """Return how points of a month's sales are paid for; `month` is its first day."""
    begun = [terms for terms in versions if terms.valid_from.date() <= month]
    latest = max(begun, key=lambda terms: (terms.valid_from, terms.version), default=None)
    return "pool" if latest is None else latest.funding


@dataclass(frozen=True, slots=True)
class FundingSpan:
    """Months of sale of one partner, by their first days, whose points are paid for in one way; `end` is the first one
    after them, None: all that come."""

    partner: int
    first: date
    end: date | None


def spans_of_funding(versions: Iterable[Terms], funding: Funding) -> list[FundingSpan]:
    """Return the months of one partner's sales that are paid for in a way, as `funding_of_month` has it, in order."""
    in_order = sorted(versions, key=lambda terms: (terms.valid_from, terms.version))
    begins = [_first_month(terms.valid_from.date()) for terms in in_order]
    return [
        FundingSpan(terms.partner, begin, end)
        for terms, begin, end in zip(in_order, begins, [*begins[1:], None], strict=False)
        if terms.funding == funding and begin != end
    ]


def _first_month(day: date) -> date:
    """Return the first day of a month on a day or after it."""
    return day if day.day == 1 else (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def funding_problems(terms: Terms, before: Terms) -> Iterator[FieldProblem]:
    """Tell what is wrong with a version after the one before it: another funding begins with a month."""
    start = terms.valid_from
    is_first = (start.day, start.hour, start.minute, start.second, start.microsecond) == (1, 0, 0, 0, 0)
    if terms.funding != before.funding and not is_first:
        problem = f"goes from {before.funding} to {terms.funding} only at the start of a month, not {start.isoformat()}"
        yield FieldProblem(field="funding", problem=problem)


def _problems(terms: Terms) -> Iterator[FieldProblem]:
    if terms.version < 1:
        yield FieldProblem(field="version", problem=f"must be 1 or more, not {terms.version}")
    if terms.valid_from.utcoffset() is None:
        yield FieldProblem(field="valid_from", problem="must name its time zone")
    for field in ("issue_price", "service_fee", "redemption_price"):
        yield from amount_problems(field, getattr(terms, field), most=PRICE_MAX, decimals_max=PRICE_DECIMALS_MAX)
    yield from amount_problems(
        "commission", terms.commission, most=Decimal(1), decimals_max=COMMISSION_DECIMALS_MAX, unit=" (a fraction)"
    )
    yield from amount_problems(
        "platform_fee",
        terms.platform_fee,
        most=PLATFORM_FEE_MAX,
        decimals_max=min(terms.currency.minor_units, PLATFORM_FEE_DECIMALS_MAX),
    )
    if terms.funding not in FUNDINGS:
        yield FieldProblem(field="funding", problem=f"must be one of {', '.join(FUNDINGS)}, not {terms.funding!r}")
    for field in ("charge_vat", "fee_vat", "redemption_vat"):
        yield from vat_problems(field, getattr(terms, field))
    if (terms.charge_vat.category == "O") != (terms.fee_vat.category == "O"):
        # EN 16931, BR-O-11 to BR-O-14: both stand on the operator's invoice.
        problem = (
            f"must be O (not subject to VAT) if charge_vat is, and not if it is not: they share an invoice "
            f"(BR-O-11), and are {terms.charge_vat.category} and {terms.fee_vat.category}; exempt is E"
        )
        yield FieldProblem(field="fee_vat", problem=problem)


def amount_problems(
    field: str, amount: object, *, most: Decimal, decimals_max: int = PRICE_DECIMALS_MAX, unit: str = ""
) -> Iterator[FieldProblem]:
    if not isinstance(amount, Decimal):
        # A float has already lost the digits that a bill is about.
        yield FieldProblem(field=field, problem=f"must be a Decimal, not {type(amount).__name__}")
    elif not amount.is_finite():
        yield FieldProblem(field=field, problem=f"must be a number, not {amount}")
    elif amount < 0:
        yield FieldProblem(field=field, problem=f"must not be negative: {amount}")
    elif amount > most:
        yield FieldProblem(field=field, problem=f"must be at most {most}{unit}: {amount}")
    elif _decimals(amount) > decimals_max:
        yield FieldProblem(field=field, problem=f"must have at most {decimals_max} decimals: {amount}")


def _decimals(amount: Decimal) -> int:
    # Not by normalize(), which rounds to 28 digits first.
    return len(format(amount, "f").partition(".")[2].rstrip("0"))
