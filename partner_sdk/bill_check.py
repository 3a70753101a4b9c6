"""A statement's arithmetic, line by line: points times price, what lines add up to, VAT, the net.

amount     = points * price * rate, rounded half up once, with the other sign on lines of redemptions;
             points < 0: taken back; amount > 0: owed by the partner
VAT        = of each document (invoice, self-billed credit note) and each category, rate and country, rounded once
net        = charge + platform_fee + VAT of the invoice - credit - VAT of the credit note
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from partner_sdk.errors import AnswerNotUnderstoodError

# The total that a line adds to, and the kind of the points that it counts, if it does.
CODES: dict[str, tuple[str, str | None]] = {
    "issue_charge": ("charge", "issued"),
    "issue_charge_reversed": ("charge", "issue_reversed"),
    "issue_deferred": ("charge", "issued"),
    "issue_deferred_reversed": ("charge", "issue_reversed"),
    "issue_prepaid": ("charge", "issued"),
    "issue_prepaid_reversed": ("charge", "issue_reversed"),
    "issue_overdraft": ("charge", None),
    "block_purchase": ("charge", None),
    "burn_charge": ("charge", None),
    "burn_charge_reversed": ("charge", None),
    "cover_charge": ("charge", None),
    "cover_credit": ("charge", None),
    "service_fee": ("charge", None),
    "service_fee_reversed": ("charge", None),
    "redemption_credit": ("credit", "redeemed"),
    "redemption_credit_reversed": ("credit", "redeem_reversed"),
    "commission": ("credit", None),
    "commission_reversed": ("credit", None),
    "platform_fee": ("platform_fee", None),
}
# Which of the contract's figures price a line. The others' prices are another partner's, or those of a block.
PRICED_BY = {
    "issue_charge": ("issue_price", None),
    "issue_overdraft": ("issue_price", None),
    "cover_charge": ("issue_price", None),
    "cover_credit": ("issue_price", None),
    "service_fee": ("service_fee", None),
    "redemption_credit": ("redemption_price", None),
    "commission": ("redemption_price", "commission"),
    "platform_fee": ("platform_fee", None),
}
TAKES_BACK = frozenset(code for code in CODES if code.endswith("_reversed") or code == "cover_credit")
ON_CREDIT_NOTE = ("redemption_credit", "redemption_credit_reversed")

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def bill_faults(statement: Any, prices: Mapping[int, Mapping[str, Decimal]] | None = None) -> list[str]:
    """Return what doesn't add up in a statement; `prices` are those of the contract by terms version, where there is a
    copy of it. Raises AnswerNotUnderstoodError."""
    try:
        unknown = sorted({line["code"] for line in statement["lines"]} - CODES.keys())
        if unknown:
            return [f"lines that this SDK can't check: {', '.join(unknown)}"]
        return list(_faults(statement, prices))
    except (KeyError, TypeError, ValueError, InvalidOperation) as fault:
        raise AnswerNotUnderstoodError("expected a statement", content=statement) from fault


def _faults(statement: Any, prices: Mapping[int, Mapping[str, Decimal]] | None) -> Iterator[str]:
    unit = Decimal(1).scaleb(-int(statement["currency"]["minor_units"]))
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    points: defaultdict[str, int] = defaultdict(int)
    for line in statement["lines"]:
        total, kind = CODES[line["code"]]
        amount = _amount(line, unit)
        if amount != Decimal(line["amount"]):
            yield f"{line['code']}: {line['points']} points come to {amount}, the line says {line['amount']}"
        sums[total] += Decimal(line["amount"])
        if kind is not None:
            points[kind] += abs(_points(line))
        yield from _price_faults(line, prices)
    for kind in ("issued", "issue_reversed", "redeemed", "redeem_reversed"):
        told = int(statement["control"][kind]["points"])
        if points[kind] != told:
            yield f"{kind}: the lines price {points[kind]} points, the control totals say {told}"
    yield from _total_faults(statement, sums, unit)


def _amount(line: Any, unit: Decimal) -> Decimal:
    exact = Decimal(line["price"])
    if line["code"] in ON_CREDIT_NOTE:
        exact = -exact
    if line["points"] is not None:
        exact = _EXACT.multiply(exact, Decimal(_points(line)))
    if line["rate"] is not None:
        exact = _EXACT.multiply(exact, Decimal(line["rate"]))
    return _rounded(exact, unit)


def _points(line: Any) -> int:
    points = int(line["points"])
    # Statements of before told points of reversals without their sign.
    return -abs(points) if line["code"] in TAKES_BACK else points


def _total_faults(statement: Any, sums: Mapping[str, Decimal], unit: Decimal) -> Iterator[str]:
    invoice_vat, credit_note_vat = _vat(statement["lines"], unit)
    expected = {
        "charge": sums["charge"],
        "platform_fee": sums["platform_fee"],
        "credit": -sums["credit"],
        "invoice_vat": invoice_vat,
        "credit_note_vat": -credit_note_vat,
    }
    expected["net"] = (
        expected["charge"] + expected["platform_fee"] + invoice_vat - expected["credit"] - expected["credit_note_vat"]
    )
    for name, amount in expected.items():
        told = Decimal(statement["totals"].get(name, "0"))
        if amount != told:
            yield f"{name}: the lines come to {_rounded(amount, unit)}, the statement says {told}"


def _vat(lines: Any, unit: Decimal) -> tuple[Decimal, Decimal]:
    """Return the VAT of the lines on the invoice and of those on the credit note, with their signs."""
    groups: defaultdict[tuple[bool, Any, Any, Any], Decimal] = defaultdict(Decimal)
    for line in lines:
        treatment = (line["vat_category"], line.get("vat_rate"), line.get("vat_country"))
        groups[(line["code"] in ON_CREDIT_NOTE, *treatment)] += Decimal(line["amount"])
    totals = [Decimal(0), Decimal(0)]
    for (is_on_credit_note, _, rate, _), net in groups.items():
        if rate is not None:
            totals[is_on_credit_note] += _rounded(_EXACT.multiply(net, Decimal(rate)) / 100, unit)
    return totals[0], totals[1]


def _price_faults(line: Any, prices: Mapping[int, Mapping[str, Decimal]] | None) -> Iterator[str]:
    named = PRICED_BY.get(line["code"].removesuffix("_reversed"))
    if prices is None or named is None:
        return
    version = int(line["terms_version"])
    if version not in prices:
        yield f"{line['code']}: terms version {version} is not in the contract"
        return
    price, rate = prices[version][named[0]], None if named[1] is None else prices[version][named[1]]
    told = (Decimal(line["price"]), None if line["rate"] is None else Decimal(line["rate"]))
    if told != (price, rate):
        yield f"{line['code']}: terms version {version} says {_priced(price, rate)}, the line {_priced(*told)}"


def _priced(price: Decimal, rate: Decimal | None) -> str:
    return f"{price}" if rate is None else f"{price} * {rate}"


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, context=_EXACT)
