"""Shares that are not paid in time: overdue, in default, carried forward or shared, each to the cent and once."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coalition.database.pool import Pool
from settlement.documents.report_formats import report_document
from settlement.errors import DefaultTooEarlyError, InvalidRulesError, PaymentRefusedError
from settlement.operations.change_rules import change_rules
from settlement.operations.default_share import default_share, mark_overdue
from settlement.operations.manage_collateral import change_collateral
from settlement.operations.record_payment import NewPayment
from settlement.operations.recover_loss import recover_loss
from settlement.operations.report_window import report_window
from settlement.operations.reports.make_report import make_report
from settlement.stores.shares import Share
from tests.database.settlement_books import Books, now
from tests.database.test_settlement_payments import invoiced, pay, state_of

DUE_AFTER_DAYS = 14
GRACE_DAYS = 14


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


def in_days(days: int) -> datetime:
    return now() + timedelta(days=days)


async def default(books: Books, partner: int, *, days: int, window_no: int = 1) -> Any:
    return await default_share(books.pool, window_no, partner, now=in_days(days), actor="dora")


async def recover(books: Books, partner: int, amount: str, reference: str) -> Share:
    payment = NewPayment(amount=Decimal(amount), reference=reference, paid_on=now().date())
    return await recover_loss(books.pool, 1, partner, payment, now=in_days(6), actor="dora")


async def overdue(books: Books, *, days: int) -> dict[int, list[int]]:
    return await mark_overdue(books.pool, now=in_days(days), actor="clock")


async def adjustments(books: Books) -> list[tuple[Any, ...]]:
    return await books.fetch(
        "SELECT partner, kind, amount_minor, from_window, into_window FROM share_adjustment ORDER BY partner"
    )


async def test_who_pays_too_late_is_overdue_and_who_is_paid_never(books: Books) -> None:
    """The due date itself is in time; marking again changes nothing, and an overdue share may still be paid."""
    a, b, c = await books.worked_example_1()
    await invoiced(books)
    await pay(books, c, "1500.00", "bank 1")
    assert await overdue(books, days=DUE_AFTER_DAYS) == {}
    assert await overdue(books, days=DUE_AFTER_DAYS + 1) == {1: [a]}
    assert await overdue(books, days=DUE_AFTER_DAYS + 1) == {}
    assert await books.share_states(1) == {a: "OVERDUE", b: "INVOICED", c: "PAID"}
    assert (await pay(books, a, "7500.00", "bank 2")).state == "PAID"


async def test_a_default_comes_after_grace_and_not_before(books: Books) -> None:
    a, b, _ = await books.worked_example_1()
    await invoiced(books)
    with pytest.raises(DefaultTooEarlyError, match="INVOICED, is not in default: it is not overdue"):
        await default(books, a, days=100)
    await overdue(books, days=DUE_AFTER_DAYS + 1)
    from_day = in_days(DUE_AFTER_DAYS + GRACE_DAYS + 1).astimezone(ZoneInfo("Europe/Berlin")).date()
    with pytest.raises(DefaultTooEarlyError, match=f"expected {from_day} or later"):
        await default(books, a, days=DUE_AFTER_DAYS + GRACE_DAYS)
    with pytest.raises(DefaultTooEarlyError, match="it is not overdue"):
        await default(books, b, days=100)
    assert (await default(books, a, days=DUE_AFTER_DAYS + GRACE_DAYS + 1)).state == "CARRIED_FORWARD"


async def test_collateral_is_drawn_first_and_the_rest_is_in_the_next_payable(books: Books) -> None:
    """7,500.00 owed, 2,000.00 of it paid, 3,000.00 deposited: 2,500.00 is payable with the next window, as its own."""
    a, b, c = await books.worked_example_1()
    await change_collateral(books.pool, a, "deposit", Decimal("3000.00"), reference="d1", now=now(), actor="test")
    await invoiced(books)
    await pay(books, a, "2000.00", "bank 1")
    await overdue(books, days=15)
    for _ in range(2):
        share = await default(books, a, days=30)
        assert (share.state, share.unpaid) == ("CARRIED_FORWARD", Decimal("2500.00"))
    assert await books.fetch("SELECT balance_minor FROM collateral") == [(0,)]
    assert await books.fetch("SELECT from_state, to_state FROM share_move WHERE partner = $1 ORDER BY move", a) == [
        ("CALCULATED", "ACCEPTED"),
        ("ACCEPTED", "INVOICED"),
        ("INVOICED", "OVERDUE"),
        ("OVERDUE", "DEFAULTED"),
        ("DEFAULTED", "CARRIED_FORWARD"),
    ]
    await pay(books, b, "-5000.00", "bank 2")
    await pay(books, c, "1500.00", "bank 3")
    assert await state_of(books) == "SETTLED"

    await books.book(a, "issued", 10_000)
    await books.close()
    await invoiced(books, 2)
    report = await report_window(books.pool, 2)
    assert [(each.partner, each.share.net, each.share.payable) for each in report.partners] == [
        (a, Decimal("100.00"), Decimal("2600.00"))
    ]
    assert [(each.kind, each.amount, each.from_window) for each in report.adjustments] == [
        ("carried_forward", Decimal("2500.00"), 1)
    ]
    assert await books.fetch("SELECT is_cleared FROM window_share WHERE partner = $1", a) == [(False,), (False,)]
    assert (await pay(books, a, "2600.00", "bank 4", window_no=2)).state == "PAID"
    assert await books.fetch("SELECT is_cleared FROM window_share WHERE partner = $1", a) == [(True,), (True,)]
    assert await adjustments(books) == [(a, "carried_forward", 250_000, 1, 2)]


async def test_who_does_nothing_more_has_a_share_for_what_it_still_owes(books: Books) -> None:
    a, *_ = await books.worked_example_1()
    await invoiced(books)
    await overdue(books, days=15)
    await default(books, a, days=30)
    await books.close()
    await invoiced(books, 2)
    (report,) = (await report_window(books.pool, 2)).partners
    assert (report.partner, report.net, report.share.payable) == (a, Decimal("0.00"), Decimal("7500.00"))
    assert (await pay(books, a, "7500.00", "bank 1", window_no=2)).state == "PAID"
    assert await state_of(books, 2) == "SETTLED"


async def test_what_collateral_covers_whole_is_carried_nowhere(books: Books) -> None:
    a, *_ = await books.worked_example_1()
    await change_collateral(books.pool, a, "deposit", Decimal("9000.00"), reference="d1", now=now(), actor="test")
    await invoiced(books)
    await overdue(books, days=15)
    assert (await default(books, a, days=30)).unpaid == 0
    assert await adjustments(books) == []
    assert await books.fetch("SELECT balance_minor FROM collateral") == [(150_000,)]


async def test_by_the_rule_the_others_share_the_loss(books: Books) -> None:
    """7,500.00 by turnovers of 11,000.00 and 8,500.00: 4,230.77 and 3,269.23, together the loss."""
    a, b, c = await books.worked_example_1()
    await change_rules(books.pool, {"default_rule": "share", "payment_days": 5, "default_after_days": 0})
    await invoiced(books)
    await overdue(books, days=6)
    await default(books, a, days=6)
    assert await adjustments(books) == [
        (b, "loss_shared", 423_077, 1, None),
        (c, "loss_shared", 326_923, 1, None),
    ]


async def test_what_comes_after_all_goes_back_to_who_bore_the_loss(books: Books) -> None:
    """1,000.00, once though told twice, then the rest: each has its loss back to the cent; the window is cleared."""
    a, b, c = await books.worked_example_1()
    await change_rules(books.pool, {"default_rule": "share", "payment_days": 5, "default_after_days": 0})
    await invoiced(books)
    with pytest.raises(PaymentRefusedError, match="expected a loss, got none of this share"):
        await recover(books, a, "1.00", "early")
    await overdue(books, days=6)
    await default(books, a, days=6)
    for _ in range(2):
        assert (await recover(books, a, "1000.00", "bank 1")).unpaid == Decimal("6500.00")
    recovered = [row[:3] for row in await adjustments(books) if row[1] == "loss_recovered"]
    assert recovered == [(b, "loss_recovered", -56_410), (c, "loss_recovered", -43_590)]
    for amount, reference in (("6500.01", "bank 2"), ("-1.00", "bank 2"), ("6500.00", "bank 1")):
        with pytest.raises(PaymentRefusedError):
            await recover(books, a, amount, reference)
    cleared = "SELECT is_cleared FROM window_share WHERE partner = $1 AND window_no = 1"
    assert await books.fetch(cleared, a) == [(False,)]
    share = await recover(books, a, "6500.00", "bank 2")
    assert (share.state, share.unpaid) == ("CARRIED_FORWARD", Decimal("0.00"))
    assert await books.fetch(cleared, a) == [(True,)]
    with pytest.raises(PaymentRefusedError, match="got none of this share"):
        await recover(books, a, "0.01", "bank 3")
    await books.close()
    await invoiced(books, 2)
    payable = {each.partner: each.share.payable for each in (await report_window(books.pool, 2)).partners}
    assert payable == {b: Decimal("0.00"), c: Decimal("0.00")}
    cash = report_document(await make_report(books.pool, "control", now=in_days(6)))["control_cash"]
    outcomes = {row["what"]: row["outcome"] for row in cash}
    assert {outcomes[f"control.{what}.right"] for what in ("payable", "paid")} == {"control.ties_out"}


async def test_rules_out_of_their_limits_are_refused_with_every_field(books: Books) -> None:
    with pytest.raises(
        InvalidRulesError, match=r"payment_days: expected 0 to 365 days, got 366; dispute_days: .* got 0"
    ):
        await change_rules(books.pool, {"payment_days": 366, "dispute_days": 0})


async def test_the_due_date_is_kept_when_rules_change(books: Books) -> None:
    """The days are a rule: those of the moment of the invoice say when it is due, and so when a debit is collected."""
    a, *_ = await books.worked_example_1()
    await change_rules(books.pool, {"payment_days": 21})
    await invoiced(books)
    invoiced_on, due = (await books.fetch("SELECT invoiced_on, due_on FROM window_share WHERE partner = $1", a))[0]
    assert due == invoiced_on + timedelta(days=21)
    await change_rules(books.pool, {"payment_days": 60})
    assert await books.fetch("SELECT due_on FROM window_share WHERE partner = $1", a) == [(due,)]
