"""The operator's shell from the invoice to the money: calendar, rules, payments, collateral, disputes, exits."""

from decimal import Decimal

from coalition.database.pool import Pool
from settlement.engine.dispute import Claim
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.open_dispute import open_dispute
from tests.database.command_line import Call, document_of
from tests.database.settlement_books import Books, now
from tests.database.test_settlement_killed import evidence


async def refusal_of(call: Call, *arguments: str) -> str:
    result = await call(*arguments)
    assert result.exit_code != 0
    return result.stderr


async def test_the_calendar_is_set_shown_and_run(pool: Pool, call: Call) -> None:
    assert "closed by hand" in (await call("calendar", "show")).stdout
    stored = await document_of(call, "calendar", "set", "weekly", "--weekday", "Sunday", "--at", "18:30", "--calculate")
    assert (stored["frequency"], stored["weekday"], stored["at"], stored["calculate"]) == (
        *("weekly", "sunday", "18:30", True),
    )
    assert stored["next"] is not None
    await pool.execute("UPDATE window_calendar SET set_at = set_at - interval '15 days'")
    await pool.execute("UPDATE clearing_window SET opened_at = opened_at - interval '15 days'")
    assert await document_of(call, "calendar", "run") == {"closed": 1, "calculated": [1], "overdue": 0}
    assert (await call("calendar", "run")).stdout == "No window is due. 0 shares are newly overdue.\n"
    shown = (await call("calendar", "show")).stdout
    assert "late, for 2 boundaries at once" in shown or "late, for 3 boundaries at once" in shown
    assert "expected a time like 00:00, '25:00' came" in await refusal_of(
        call, "calendar", "set", "daily", "--at", "25:00"
    )
    assert "expected one of monday" in await refusal_of(call, "calendar", "set", "weekly", "--weekday", "someday")
    assert "day: expected 1 to 31, got 32" in await refusal_of(call, "calendar", "set", "monthly", "--day", "32")


async def test_from_the_invoice_to_the_money(pool: Pool, call: Call) -> None:
    books = Books(pool)
    await books.worked_example_1()
    rules = await document_of(call, "rules", "set", "--payment-days", "0", "--default-rule", "share")
    assert (rules["payment_days"], rules["default_after_days"], rules["default_rule"]) == (0, 14, "share")
    assert "payment_days: expected 0 to 365 days" in await refusal_of(call, "rules", "set", "--payment-days", "366")
    assert await document_of(call, "collateral", "deposit", "A", "20.00", "--reference", "d1") == {
        "partner": 1,
        "balance": "20.00",
    }
    assert (
        "Partner 1's collateral is 15.00 now."
        in (await call("collateral", "return", "A", "5.00", "--reference", "r1")).stdout
    )
    assert (await document_of(call, "collateral", "show", "A"))["movements"][1]["kind"] == "return"
    assert [row["name"] for row in await document_of(call, "collateral", "list")] == ["A"]

    await calculate_window(pool, 1, now=now(), actor="anna")
    claim = Claim(line=("issue_charge", 1), operation_ids=(), amount=Decimal("1.00"), reason="Not ours.")
    for digest in (b"a", b"b"):
        await open_dispute(pool, 1, 1, claim, evidence=evidence(digest))
    await approve_window(pool, 1, now=now(), actor="bert")
    assert (await document_of(call, "window", "invoice", "1"))["state"] == "INVOICED"
    assert [row["dispute"] for row in await document_of(call, "dispute", "list", "--open", "--partner", "A")] == [1, 2]
    rejected = await document_of(call, "dispute", "reject", "1", "--answer", "It is yours.")
    assert (rejected["state"], rejected["accepted"]) == ("REJECTED", "0.00")
    assert "ACCEPTED" in (await call("dispute", "accept", "2", "--answer", "Half.", "--amount", "0.50")).stdout
    shown = await document_of(call, "dispute", "show", "2")
    assert (shown["held"], shown["accepted"], shown["message"]["body"]) == ("1.00", "0.50", "{}")

    paid = await document_of(call, "window", "pay", "1", "B", "-5000.00", "--reference", "bank 1")
    assert (paid["state"], paid["unpaid"]) == ("PAID", "0.00")
    back = await document_of(call, "window", "unpay", "1", "B", "-5000.00", "--reference", "letter 1")
    assert (back["state"], back["unpaid"]) == ("INVOICED", "-5000.00")
    assert "at most 0.00, what was paid" in await refusal_of(
        call, "window", "unpay", "1", "B", "-1", "--reference", "l2"
    )
    part = await document_of(call, "window", "pay", "1", "A", "7000", "--reference", "b2", "--paid-on", "2026-11-30")
    assert (part["state"], part["payable"], part["unpaid"]) == ("INVOICED", "7498.00", "498.00")
    assert "expected a day like" in await refusal_of(
        call, "window", "pay", "1", "A", "1", "--reference", "b3", "--paid-on", "soon"
    )
    assert (await call("window", "overdue")).stdout == "Nobody is newly overdue.\n"
    assert "is not in default: it is not overdue" in await refusal_of(call, "window", "default", "1", "A")


async def test_a_partner_leaves(pool: Pool, call: Call) -> None:
    await Books(pool).partner("A")
    left = await document_of(call, "partner", "leave", "A", "--tail-months", "3")
    assert (left["tail_months"], left["points"], left["final_window"]) == (3, 0, None)
    assert "issues no more; its burns are refused from" in (await call("partner", "exit", "A")).stdout
