"""What a movement on the operator's account does to the share that it names."""

from decimal import Decimal

import pytest

from settlement.engine.bank_statement import EntryPart
from settlement.engine.match_payments import OpenShare, match_part, match_share
from settlement.engine.payment_parts import PaymentParts, parts_of_payment, parts_of_return
from settlement.engine.payment_reference import ShareReference, find_documents
from settlement.engine.states import ShareState

SHARE = ShareReference(7, 12)


def share(state: ShareState, payable: str, received: str = "0", *, paid: str | None = None) -> OpenShare:
    unpaid = Decimal(payable) - Decimal(received if paid is None else paid)
    return OpenShare(state, Decimal(payable), unpaid, Decimal(received))


@pytest.mark.parametrize(
    ("amount", "of", "outcome"),
    [
        ("300.00", share("INVOICED", "300.00"), "paid"),
        ("299.99", share("OVERDUE", "300.00"), "partial"),
        ("400.00", share("INVOICED", "300.00"), "over"),
        ("300.00", share("PAID", "300.00", "300.00"), "over"),
        ("-400.00", share("INVOICED", "-300.00"), "over"),
        ("5.00", share("INVOICED", "0.00"), "over"),
        ("-300.00", share("PAID", "300.00", "300.00"), "returned"),
        ("-100.00", share("INVOICED", "300.00", "200.00"), "returned"),
        ("-400.00", share("PAID", "300.00", "400.00", paid="300.00"), "returned"),
        ("300.00", share("PAID", "-300.00", "-300.00"), "returned"),
        ("-5.00", share("PAID", "0.00", "5.00", paid="0.00"), "returned"),
        ("-300.01", share("PAID", "300.00", "300.00"), "unmatched"),
        ("-300.00", share("INVOICED", "300.00"), "unmatched"),
        ("300.00", share("INVOICED", "-300.00"), "unmatched"),
        ("300.00", share("CARRIED_FORWARD", "300.00"), "unmatched"),
        ("300.00", share("ACCEPTED", "300.00"), "early"),
    ],
)
def test_money_does_what_the_share_has_room_for(amount: str, of: OpenShare, outcome: str) -> None:
    """What goes the other way came back, of no more than was paid; what is too much is said to be."""
    assert match_share(Decimal(amount), SHARE, of).outcome == outcome


def test_too_much_is_told_with_what_goes_to_the_next_share() -> None:
    told = match_share(Decimal("400.00"), SHARE, share("INVOICED", "300.00")).problem
    assert told == "300.00 was left to be paid, 100.00 goes to the partner's next share"


@pytest.mark.parametrize("sign", [1, -1])
def test_the_parts_of_a_payment_come_to_it(sign: int) -> None:
    """On both sides of zero: what is left is paid first, and what was too much goes back first."""

    def parts(counted: int, beyond: int) -> PaymentParts:
        return PaymentParts(Decimal(sign * counted), Decimal(sign * beyond))

    def money(amount: int) -> Decimal:
        return Decimal(sign * amount)

    assert parts_of_payment(money(400), unpaid=money(300)) == parts(300, 100)
    assert parts_of_payment(money(200), unpaid=money(300)) == parts(200, 0)
    assert parts_of_payment(money(50), unpaid=money(0)) == parts(0, 50)

    def back(amount: int, *, is_final: bool) -> PaymentParts:
        return parts_of_return(money(-amount), paid=money(300), received=money(400), is_final=is_final)

    assert back(400, is_final=False) == parts(-300, -100)
    assert back(60, is_final=False) == parts(0, -60)
    assert back(400, is_final=True) == parts(0, -400)


@pytest.mark.parametrize(
    "text", ["Rechnung INV-2026-000038", "inv 2026 000038", "INV2026000038 danke", "INV-20\n26-000038"]
)
def test_a_document_names_its_share(text: str) -> None:
    """Where nothing else does: our own references come first."""
    part = EntryPart(amount=Decimal("300.00"), remittance=text)
    shares, documents = {SHARE: share("INVOICED", "300.00")}, {"INV-2026-000038": SHARE}
    assert find_documents(text) == {"INV-2026-000038"}
    found = match_part(part, shares, documents)
    assert (found.share, found.outcome) == (SHARE, "paid")
    assert match_part(part, shares, {}).outcome == "unmatched"


def test_documents_of_two_shares_pay_neither() -> None:
    part = EntryPart(amount=Decimal("300.00"), remittance="INV-2026-000038, INV-2026-000039")
    other = ShareReference(8, 12)
    shares = {SHARE: share("INVOICED", "300.00"), other: share("INVOICED", "300.00")}
    found = match_part(part, shares, {"INV-2026-000038": SHARE, "INV-2026-000039": other})
    assert (found.outcome, found.problem) == ("unmatched", "it names 2 shares, and can pay one only")
    ours = EntryPart(amount=Decimal("300.00"), end_to_end_id="W00007-P00012", remittance="INV-2026-000039")
    assert match_part(ours, shares, {"INV-2026-000039": other}).share == SHARE
