"""Shares are paid once, in parts or in full; the window follows."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest

from coalition.database.pool import Pool
from settlement.errors import IllegalMoveError, PaymentRefusedError, UnknownStatementError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.invoice_window import invoice_window
from settlement.operations.record_payment import NewPayment, record_payment
from settlement.operations.report_window import report_window
from settlement.operations.settle_window import settle_window
from settlement.stores.shares import Share
from tests.database.settlement_books import Books, now


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


async def invoiced(books: Books, window_no: int = 1) -> None:
    await calculate_window(books.pool, window_no, now=now(), actor="anna")
    await approve_window(books.pool, window_no, now=now(), actor="bert")
    await invoice_window(books.pool, window_no, now=now(), actor="bert")


async def pay(books: Books, partner: int, amount: str, reference: str, *, window_no: int = 1) -> Share:
    payment = NewPayment(amount=Decimal(amount), reference=reference, paid_on=date(2026, 11, 30))
    return await record_payment(books.pool, window_no, partner, payment, now=now(), actor="carl")


async def state_of(books: Books, window_no: int = 1) -> str:
    return (await report_window(books.pool, window_no)).window.state


async def test_the_first_payment_begins_settling_and_the_last_ends_it(books: Books) -> None:
    """In parts and in full, each once, however often it is recorded."""
    a, b, c = await books.worked_example_1()
    await invoiced(books)
    for _ in range(2):
        share = await pay(books, a, "7000.00", "bank 1")
        assert (share.state, share.unpaid) == ("INVOICED", Decimal("500.00"))
    assert await state_of(books) == "SETTLING"
    assert (await pay(books, a, "500.00", "bank 2")).state == "PAID"
    assert (await pay(books, b, "-5000.00", "bank 3")).state == "PAID"
    assert await state_of(books) == "SETTLING"
    assert (await pay(books, c, "1500.00", "bank 4")).state == "PAID"
    assert await state_of(books) == "SETTLED"
    moves = await books.moves(1)
    assert (await pay(books, c, "1500.00", "bank 4")).state == "PAID"
    assert await books.moves(1) == moves
    assert await books.fetch("SELECT count(*) FROM share_payment") == [(4,)]
    assert await books.fetch("SELECT count(*) FROM share_move WHERE to_state = 'PAID'") == [(3,)]


async def test_a_payment_that_is_not_of_what_is_left_is_refused(books: Books) -> None:
    a, b, _ = await books.worked_example_1()
    await calculate_window(books.pool, 1, now=now(), actor="anna")
    with pytest.raises(IllegalMoveError, match="from CALCULATED to SETTLING"):
        await pay(books, a, "7500.00", "bank 1")
    await invoiced(books)
    with pytest.raises(PaymentRefusedError, match=r"amount: expected at most 7500.00, what is left to pay"):
        await pay(books, a, "7500.01", "bank 1")
    with pytest.raises(PaymentRefusedError, match=r"amount: expected at least -5000.00"):
        await pay(books, b, "1.00", "bank 1")
    with pytest.raises(PaymentRefusedError, match=r"at most 2 decimals, got 0\.001"):
        await pay(books, a, "0.001", "bank 1")
    with pytest.raises(PaymentRefusedError, match="reference: expected 1 to 140 printable characters"):
        await pay(books, a, "1.00", "line\nbreak")
    await pay(books, a, "1.00", "bank 1")
    with pytest.raises(PaymentRefusedError, match="as payment 'bank 1' is recorded, got 200"):
        await pay(books, a, "2.00", "bank 1")
    with pytest.raises(UnknownStatementError):
        await pay(books, 99, "1.00", "bank 2")
    await pay(books, a, "7499.00", "bank 2")
    with pytest.raises(IllegalMoveError, match="from PAID to PAID"):
        await pay(books, a, "1.00", "bank 3")


async def test_two_payments_at_once_never_pay_more_than_is_left(books: Books) -> None:
    a, *_ = await books.worked_example_1()
    await invoiced(books)
    paying = [pay(books, a, "7500.00", f"bank {number}") for number in range(4)]
    done = await asyncio.gather(*paying, return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["IllegalMoveError"] * 3 + ["Share"]
    assert await books.fetch("SELECT paid_minor FROM window_share WHERE partner = $1", a) == [(750_000,)]


async def test_what_is_left_is_paid_on_the_operators_word(books: Books) -> None:
    a, b, c = await books.worked_example_1()
    await invoiced(books)
    await pay(books, a, "7000.00", "bank 1")
    for _ in range(2):
        await settle_window(books.pool, 1, now=now(), actor="dora")
    assert await books.fetch("SELECT partner, reference, amount_minor FROM share_payment ORDER BY 1, 2") == [
        (a, "bank 1", 700_000),
        (a, "operator's word", 50_000),
        (b, "operator's word", -500_000),
        (c, "operator's word", 150_000),
    ]
    assert await state_of(books) == "SETTLED"


async def test_a_share_of_nothing_is_paid_when_settling_begins(books: Books) -> None:
    a, b = await books.partner("A"), await books.partner("B")
    await books.book(a, "issued", 700)
    await books.book(a, "redeemed", 700, lane=1)
    await books.book(b, "issued", 100)
    await books.close()
    await invoiced(books)
    assert (await pay(books, b, "1.00", "bank 1")).state == "PAID"
    assert await books.share_states(1) == {a: "PAID", b: "PAID"}
    assert await state_of(books) == "SETTLED"
