"""What may be corrected of a tax document after it was issued, and by what.

Amounts are taken back, line by line, by a credit note that names its original: over all credit notes together never
more than a line came to, nor than all lines of its VAT rate. Words (a name, an address, a VAT id) are put right by a
corrected invoice, whose amounts are those of its original. Nothing is ever added: what was billed too low is a matter
of new terms and a later window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from settlement.engine.document import VatGroup
from settlement.engine.invoice import Invoice, InvoiceKind, InvoiceLine, InvoiceParty, Original
from settlement.engine.legal_party import LegalParty
from settlement.engine.money import Currency, add_exactly, multiply_exactly, round_half_up
from settlement.engine.vat import VatTreatment
from settlement.errors import FieldProblem, InvalidCorrectionError

REASON_CHARS_MAX: Final = 500
_CREDIT_NOTES: Final[Mapping[InvoiceKind, InvoiceKind]] = {
    "invoice": "credit_note",
    "self_billed_invoice": "self_billed_credit_note",
}


def correct(
    original: Invoice,
    taken_back: Mapping[int, Decimal],
    earlier: Sequence[Invoice],
    *,
    reason: str,
    operator: LegalParty,
    partner: LegalParty,
    issued_on: date,
) -> Invoice:
    """Return the document that corrects another, still without a number; its parties are as they are now.

    `taken_back` is the amount without VAT by line of the original, below 0 where the line is; empty: only its words are
    put right. `earlier` are the documents that correct it already. When the last of a VAT rate is taken back, so is the
    rest of its VAT, so that all credit notes together take back no cent more or less than was charged.

    Raises:
        InvalidCorrectionError: names every line and field that is wrong.
    """
    problems = [*_problems(original, taken_back, earlier, reason)]
    if problems:
        raise InvalidCorrectionError(number=original.number, problems=problems)
    corrected = replace(
        original,
        number="",
        kind=_CREDIT_NOTES[original.kind] if taken_back else "corrected_invoice",
        issued_on=issued_on,
        language=partner.language,
        seller=_as_now(original.seller, operator=operator, partner=partner, is_partner=original.is_self_billed),
        buyer=_as_now(original.buyer, operator=operator, partner=partner, is_partner=not original.is_self_billed),
        payable=None,
        original=Original(number=original.number, issued_on=original.issued_on),
        reason=reason.strip(),
    )
    if not taken_back:
        return corrected
    lines = tuple(
        _taken_line(line, taken_back[line.line], original.currency)
        for line in original.lines
        if line.line in taken_back
    )
    return replace(corrected, lines=lines, breakdown=_breakdown(original, lines, _credit_notes(earlier)))


def left_of(original: Invoice, earlier: Iterable[Invoice]) -> dict[int, Decimal]:
    """Return what may still be taken back, without VAT, by line of a document."""
    taken: defaultdict[int, Decimal] = defaultdict(Decimal)
    for credit_note in _credit_notes(earlier):
        for line in credit_note.lines:
            taken[line.line] = add_exactly((taken[line.line], line.amount))
    return {line.line: line.amount - taken[line.line] for line in original.lines if line.amount}


def owed_after(correction: Invoice) -> Decimal:
    """Return by how much a correction raises what the partner owes, with VAT; below 0: it owes less."""
    if correction.kind == "corrected_invoice":
        return round_half_up(Decimal(0), correction.currency)
    return correction.gross if correction.is_self_billed else -correction.gross


def _problems(
    original: Invoice, taken_back: Mapping[int, Decimal], earlier: Sequence[Invoice], reason: str
) -> Iterator[FieldProblem]:
    if original.kind not in _CREDIT_NOTES:
        problem = f"is a {original.kind} itself; the document that it corrects can be corrected"
        yield FieldProblem(field="number", problem=problem)
        return
    if not 1 <= len(reason.strip()) <= REASON_CHARS_MAX or not reason.strip().isprintable():
        problem = f"expected 1 to {REASON_CHARS_MAX} printable characters, {len(reason.strip())} came"
        yield FieldProblem(field="reason", problem=problem)
    left = left_of(original, earlier)
    wrong = [problem for line, amount in sorted(taken_back.items())
             for problem in _line_problems(line, amount, left, original.currency)]  # fmt: skip
    yield from wrong or _group_problems(original, taken_back, earlier)


def _line_problems(
    line: int, amount: Decimal, left: Mapping[int, Decimal], currency: Currency
) -> Iterator[FieldProblem]:
    field = f"line {line}"
    if line not in left:
        known = ", ".join(str(known) for known in sorted(left))
        yield FieldProblem(field=field, problem=f"there is no such line with an amount; there are {known}")
    elif not amount.is_finite() or amount != amount.quantize(currency.minor_unit):
        problem = f"expected an amount of at most {currency.minor_units} decimals, {amount} came"
        yield FieldProblem(field=field, problem=problem)
    elif not amount or not _is_part(amount, left[line]):
        yield FieldProblem(field=field, problem=f"of {left[line]} that are left, {amount} cannot be taken back")


def _group_problems(
    original: Invoice, taken_back: Mapping[int, Decimal], earlier: Sequence[Invoice]
) -> Iterator[FieldProblem]:
    """Yield where a line could be taken back, but not without the reversals of its VAT rate."""
    for group in original.breakdown:
        net = add_exactly(
            taken_back.get(line.line, Decimal(0)) for line in original.lines if line.vat == group.treatment
        )
        left = group.net - add_exactly(taken.net for taken in _taken_groups(group, _credit_notes(earlier)))
        if not _is_part(net, left):
            problem = f"of {left} that are left of lines with VAT {group.treatment}, {net} cannot be taken back"
            yield FieldProblem(field="lines", problem=problem)


def _is_part(amount: Decimal, whole: Decimal) -> bool:
    return min(whole, Decimal(0)) <= amount <= max(whole, Decimal(0))


def _taken_line(line: InvoiceLine, amount: Decimal, currency: Currency) -> InvoiceLine:
    rounded = round_half_up(amount, currency)
    # One of what is taken back: a price is never below 0.
    return replace(line, quantity=1 if amount > 0 else -1, price=abs(rounded), amount=rounded)


def _as_now(side: InvoiceParty, *, operator: LegalParty, partner: LegalParty, is_partner: bool) -> InvoiceParty:
    return replace(side, party=partner if is_partner else operator)


def _credit_notes(earlier: Iterable[Invoice]) -> list[Invoice]:
    return [document for document in earlier if document.kind != "corrected_invoice"]


def _breakdown(original: Invoice, lines: Sequence[InvoiceLine], earlier: Sequence[Invoice]) -> tuple[VatGroup, ...]:
    return tuple(
        _group(group, _net_of(lines, group.treatment), earlier, original.currency)
        for group in original.breakdown
        if any(line.vat == group.treatment for line in lines)
    )


def _group(charged: VatGroup, net: Decimal, earlier: Sequence[Invoice], currency: Currency) -> VatGroup:
    taken = _taken_groups(charged, earlier)
    if add_exactly((net, *(group.net for group in taken))) == charged.net:
        vat = charged.vat - add_exactly(group.vat for group in taken)
    else:
        vat = multiply_exactly(1, net, charged.treatment.rate.scaleb(-2))
    return VatGroup(treatment=charged.treatment, net=round_half_up(net, currency), vat=round_half_up(vat, currency))


def _taken_groups(charged: VatGroup, earlier: Iterable[Invoice]) -> list[VatGroup]:
    return [group for document in earlier for group in document.breakdown if group.treatment == charged.treatment]


def _net_of(lines: Iterable[InvoiceLine], treatment: VatTreatment) -> Decimal:
    return add_exactly(line.amount for line in lines if line.vat == treatment)
