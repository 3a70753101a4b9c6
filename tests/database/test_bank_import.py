"""A bank's file pays the shares that it names, once, and tells what it could not match; or it does nothing."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from coalition.database.pool import Pool
from settlement.errors import ForeignBankFileError, UnknownBankAccountError, UnreadableBankFileError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.import_bank_file import BankFileReport, import_bank_file
from settlement.operations.invoice_window import invoice_window
from settlement.operations.manage_bank_account import BankDetails, set_bank_account
from tests.database.settlement_books import Books, now
from tests.pure.settlement.bank_examples import IBANS, OPERATOR_IBAN
from tests.pure.settlement.bank_files import bank_file, entry

A = entry("7500.00", reference="E1", end_to_end="W00001-P00001")
B = entry("-5000.00", reference="E2", end_to_end="W00001-P00002")
C = entry("1500.00", reference="E3", text=["Danke, ST-00001-00003"])


@pytest.fixture
async def books(pool: Pool) -> Books:
    """The first worked example, approved: A owes 7,500.00, B is owed 5,000.00, C owes 1,500.00."""
    books = Books(pool)
    await books.worked_example_1()
    await write_account(books, None, OPERATOR_IBAN)
    await write_account(books, 2, IBANS[0])
    await calculate_window(pool, 1, now=now(), actor="anna")
    await approve_window(pool, 1, now=now(), actor="bert")
    return books


async def write_account(books: Books, partner: int | None, iban: str) -> None:
    details = BankDetails(iban=iban, holder="A GmbH", town="Bonn", country="DE")
    await set_bank_account(books.pool, partner, details, now=now(), actor="anna")


async def invoiced(books: Books) -> None:
    await invoice_window(books.pool, 1, now=now(), actor="bert")


async def take(books: Books, content: bytes) -> BankFileReport:
    return await import_bank_file(books.pool, content, now=now(), actor="carl")


async def kept(books: Books) -> list[tuple[Any, ...]]:
    return await books.fetch(
        "SELECT entry_reference, amount_minor, partner, outcome FROM bank_entry ORDER BY 1, detail"
    )


async def state(books: Books) -> str:
    ((state,),) = await books.fetch("SELECT state FROM clearing_window WHERE window_no = 1")
    return str(state)


async def test_a_window_is_settled_by_the_bank_and_the_same_file_twice_is_once(books: Books) -> None:
    """In several files, with a foreign payment between: that one is told with its place."""
    await invoiced(books)
    rent = entry("-800.00", reference="E9", text=["Rent of December"], name="Landlord")
    first = await take(books, bank_file(A, rent, entry("1.00", status="PDNG"), moved="6700.00"))
    assert [(payment.entry_no, payment.match.outcome) for payment in first.payments] == [(1, "paid"), (2, "unmatched")]
    (unmatched,) = first.of("unmatched")
    assert (unmatched.line, unmatched.counterparty, first.pending) == (23, "Landlord", 1)
    assert await books.share_states(1) == {1: "PAID", 2: "INVOICED", 3: "INVOICED"}
    assert await state(books) == "SETTLING"

    again = await take(books, bank_file(A, rent, moved="6700.00"))
    assert (again.payments, again.known) == ((), 2)
    assert await books.fetch("SELECT count(*), sum(amount_minor) FROM share_payment") == [(1, Decimal(750_000))]

    last = await take(books, bank_file(B, C, statement_id="STMT-2"))
    assert (last.settled_windows, await state(books)) == ((1,), "SETTLED")
    assert await books.fetch("SELECT DISTINCT reference FROM share_payment ORDER BY 1") == [
        ("STMT-1/E1/1",), ("STMT-2/E2/1",), ("STMT-2/E3/1",)
    ]  # fmt: skip
    assert [moved for moved in await books.moves(1) if moved[1] == "carl"] == [
        ("SETTLING", "carl"),
        ("SETTLED", "carl"),
    ]
    assert await kept(books) == [
        ("E1", 750_000, 1, "paid"),
        ("E2", -500_000, 2, "paid"),
        ("E3", 150_000, 3, "paid"),
        ("E9", -80_000, None, "unmatched"),
    ]


async def test_less_and_more_than_is_due_are_told(books: Books) -> None:
    """The rest of a partial payment makes it whole; what was never paid can't come back."""
    await invoiced(books)
    part = entry("7000.00", reference="E1", end_to_end="W00001-P00001")
    more = entry("1500.01", reference="E2", end_to_end="W00001-P00003")
    back = entry("5000.00", reference="E3", end_to_end="W00001-P00002", is_return=True)
    report = await take(books, bank_file(part, more, back))
    assert [payment.match.outcome for payment in report.payments] == ["partial", "over", "unmatched"]
    assert "500.00 still is" in report.payments[0].match.problem
    assert "1500.00 was left to be paid" in report.payments[1].match.problem
    assert await books.share_states(1) == {1: "INVOICED", 2: "INVOICED", 3: "PAID"}
    rest = entry("500.00", reference="F1", end_to_end="W00001-P00001")
    assert len((await take(books, bank_file(rest, statement_id="STMT-2"))).of("paid")) == 1
    assert (await books.share_states(1))[1] == "PAID"


async def test_a_payment_before_the_invoice_waits_for_it(books: Books) -> None:
    report = await take(books, bank_file(A))
    assert [payment.match.outcome for payment in report.payments] == ["early"]
    assert await books.share_states(1) == {1: "ACCEPTED", 2: "ACCEPTED", 3: "ACCEPTED"}
    await invoiced(books)
    later = await take(books, bank_file(statement_id="STMT-2"))
    assert [(payment.entry_no, payment.match.outcome) for payment in later.payments] == [(0, "paid")]
    assert (await books.share_states(1))[1] == "PAID"
    assert await kept(books) == [("E1", 750_000, 1, "paid")]


async def test_a_batch_that_the_bank_booked_as_one_pays_each_of_it(books: Books) -> None:
    await invoiced(books)
    batch = "<NtryDtls><Btch><PmtInfId>W00001-CT</PmtInfId></Btch></NtryDtls>"
    report = await take(books, bank_file(entry("-5000.00", reference="E1", inner=batch)))
    assert [(payment.match.share, payment.match.outcome) for payment in report.payments] == [((1, 2), "paid")]
    unknown = entry("-1.00", reference="E2", inner=batch.replace("W00001", "W00044"))
    assert len((await take(books, bank_file(unknown, statement_id="STMT-2"))).of("unmatched")) == 1


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        (bank_file(A, iban=IBANS[1]), ForeignBankFileError, f"line 5: expected the account {OPERATOR_IBAN}, got AT61"),
        (bank_file(currency="CHF"), ForeignBankFileError, "line 5: expected the currency EUR, got CHF"),
        (
            bank_file(A, entry("1.001")),
            UnreadableBankFileError,
            "line 19: entry 2: expected amounts of at most 2 decimals",
        ),
        (bank_file(A, B)[:-30], UnreadableBankFileError, "line 31: "),
        (bank_file(A, B, moved="1.00"), UnreadableBankFileError, "the balances do not tie out"),
    ],
)
async def test_a_file_that_is_not_ours_or_damaged_does_nothing(
    books: Books, content: bytes, error: type[Exception], told: str
) -> None:
    await invoiced(books)
    with pytest.raises(error, match=told):
        await take(books, content)
    assert await kept(books) == []
    assert await books.fetch("SELECT 1 FROM bank_statement") == []
    assert await books.share_states(1) == {1: "INVOICED", 2: "INVOICED", 3: "INVOICED"}


async def test_an_entry_that_is_told_anew_with_another_amount_stops_the_file(books: Books) -> None:
    await invoiced(books)
    await take(books, bank_file(A))
    changed = entry("7400.00", reference="E1", end_to_end="W00001-P00001")
    with pytest.raises(UnreadableBankFileError, match=r"entry 2 was taken in with 7500.00 before, and is 7400.00 now"):
        await take(books, bank_file(C, changed))
    assert await kept(books) == [("E1", 750_000, 1, "paid")]


async def test_without_the_operators_account_nothing_is_ours(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(UnknownBankAccountError, match="no bank account of the operator is known"):
        await import_bank_file(pool, bank_file(A), now=now(), actor="carl")
