"""What a dispute takes out of a share until it is resolved, and what its resolution moves.

    payable = net - held out + what comes from earlier windows

Held out is what the partner owes by the line that it disputes, as far as it disputes it. A claim that the partner is
owed more than its statement says takes nothing out: that money is not in the net.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from settlement.engine.line import Line, LineCode
from settlement.engine.money import Currency, add_exactly, multiply_exactly, round_half_up
from settlement.errors import FieldProblem, InvalidDisputeError

LineKey = tuple[LineCode, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`amount` > 0: by so much, VAT included, the partner holds that its net is too high. `line` None: by operations
    alone."""

    line: LineKey | None
    operation_ids: tuple[str, ...]
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an answer moves: `still_held` stays out, credit notes are set against it first; `released` is payable."""

    still_held: Decimal
    released: Decimal


def held_by(claim: Claim, lines: Iterable[Line], held: Mapping[LineKey | None, Decimal], currency: Currency) -> Decimal:
    """Return what a claim takes out of the payable, beside what others have `held` out by line.

    Raises:
        InvalidDisputeError: the statement has no such line, or less is left of it than is claimed.
    """
    # Points redeemed at several partners are several lines of one code and version of terms.
    owed: defaultdict[LineKey, Decimal] = defaultdict(Decimal)
    for line in lines:
        key = (line.code, line.terms_version)
        owed[key] = add_exactly((owed[key], _with_vat(line, currency)))
    if claim.line is not None:
        if claim.line not in owed:
            lines_there = ", ".join(f"{code} of terms version {version}" for code, version in owed)
            expected, got = f"a line of the statement ({lines_there})", f"{claim.line[0]} of {claim.line[1]}"
            raise InvalidDisputeError(problems=[FieldProblem.of("line", expected=expected, got=got)])
        most = owed[claim.line] - held.get(claim.line, Decimal(0))
        if owed[claim.line] <= 0:
            return round_half_up(Decimal(0), currency)
    else:
        most = add_exactly(amount for amount in owed.values() if amount > 0)
    # Disputes of several lines, and of operations, hold out no more than there is in all.
    taken = add_exactly(amount for key, amount in held.items() if key is None or owed.get(key, 0) > 0)
    most = min(most, add_exactly(amount for amount in owed.values() if amount > 0) - taken)
    if claim.amount > most:
        expected = f"at most {most}, what is owed by it and not disputed yet"
        raise InvalidDisputeError(problems=[FieldProblem.of("amount", expected=expected, got=claim.amount)])
    return claim.amount


def resolve(*, held: Decimal, accepted: Decimal) -> Resolution:
    """Return what becomes of what is held out, once so much of the claim is accepted."""
    still_held = min(held, accepted)
    return Resolution(still_held=still_held, released=held - still_held)


def _with_vat(line: Line, currency: Currency) -> Decimal:
    return round_half_up(multiply_exactly(1, line.amount, 1 + line.vat.rate / 100), currency)
