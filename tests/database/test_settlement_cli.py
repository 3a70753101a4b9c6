"""The operator's shell: each command with text and with JSON, and refusals in one line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coalition.database.pool import Pool
from tests.database.command_line import Call, document_of
from tests.database.settlement_books import Books

NEXT_YEAR = datetime.now(UTC).year + 1


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


async def test_a_window_is_closed_and_settled_in_two_commands(books: Books, call: Call) -> None:
    a, b = await books.partner("A", service_fee="0.002"), await books.partner("B", commission="0.03")
    await books.book(a, "issued", 1_000_000)
    await books.book(b, "redeemed", 950_000)
    assert await document_of(call, "window", "close") == {"window": 1, "state": "CLOSED"}
    settled = await document_of(call, "window", "settle", "1")
    assert settled["state"] == "SETTLED"
    assert [partner["net"] for partner in settled["partners"]] == ["12000.00", "-9215.00"]
    assert settled["netting"]["operator"]["total"] == "2785.00"
    assert settled["control"]["outstanding_growth"] == 50_000
    assert all(move["actor"].startswith("shell:") for move in settled["moves"])
    again = await document_of(call, "window", "settle", "1")
    assert again == settled


async def test_step_by_step_in_words(books: Books, call: Call) -> None:
    await books.worked_example_1()
    calculated = await call("window", "calculate", "1")
    assert "7,500.00" in calculated.stdout
    assert "Ties out: partners' points and members' balances both grew by 400,000, worth 4,000.00 EUR." in (
        calculated.stdout
    )
    assert "Payments: 3 instead of 6, if each charge and credit were paid by itself" in calculated.stdout
    assert (await call("window", "approve", "1")).stdout == "Window 1 is APPROVED.\n"
    assert "Every step is recorded with the actor shell:" in (await call("window", "settle", "1")).stdout
    listed = (await call("window", "list")).stdout
    assert "1       SETTLED" in listed
    assert "9,000.00" in listed
    assert (await call("window", "show", "2")).stdout == "Window 2 is OPEN.\n"


async def test_who_wants_invoices_is_told_what_writes_the_parties_down(books: Books, call: Call) -> None:
    await books.worked_example_1()
    operator = (
        "--legal-name",
        "O",
        "--street",
        "Ring 1",
        "--post-code",
        "20457",
        "--town",
        "Hamburg",
        "--country",
        "DE",
    )
    await document_of(call, "operator", "party", *operator)
    refused = await call("window", "settle", "1")
    assert "A: name and address" in refused.stderr
    assert refused.stderr.endswith("--country CODE\n")


async def test_a_window_is_recalculated(books: Books, call: Call) -> None:
    a, *_ = await books.worked_example_1()
    await call("window", "calculate", "1")
    assert "Every statement came to the same; nothing is changed." in (await call("window", "recalculate", "1")).stdout
    await books.pool.execute("UPDATE terms SET issue_price = 0.02 WHERE partner = $1", a)
    document = await document_of(call, "window", "recalculate", "1")
    assert (document["changed_partners"], document["partners"][0]["net"]) == ([a], "19500.00")


async def test_windows_tell_of_which_days_their_sales_are(books: Books, call: Call) -> None:
    a = await books.partner("A")
    await books.book(a, "issued", 700, occurred_at=datetime(2025, 12, 1, 12, tzinfo=UTC))
    await books.book(a, "issued", 700, occurred_at=datetime(2025, 12, 31, 12, tzinfo=UTC))
    await books.close()
    assert (await call("window", "show", "1")).stdout == ("Window 1 is CLOSED, with sales of 1 to 31 December 2025.\n")
    assert "2025-12-01 to 2025-12-31" in (await call("window", "list")).stdout
    first, second = await document_of(call, "window", "list")
    assert (first["sales_from"], first["sales_until"]) == ("2025-12-01", "2025-12-31")
    assert (second["sales_from"], second["sales_until"]) == (None, None)
    assert (await document_of(call, "window", "show", "1"))["sales_until"] == "2025-12-31"


async def test_statements_are_written_in_each_format(books: Books, call: Call, tmp_path: Path) -> None:
    a, *_ = await books.worked_example_1()
    await call("window", "calculate", "1")
    assert (await document_of(call, "window", "statement", "1", "A"))["totals"]["net"] == "7500.00"
    letter = tmp_path / "a.pdf"
    written = await call(
        "window", "statement", "1", str(a), "--format", "pdf", "--language", "de", "--output", str(letter)
    )
    assert written.exit_code == 0
    assert letter.read_bytes().startswith(b"%PDF")


async def test_terms_are_added_and_listed(books: Books, call: Call) -> None:
    await books.partner("A", service_fee="0.002")
    added = await document_of(call, "terms", "add", "A", "--valid-from", f"{NEXT_YEAR}-07-01", "--issue-price", "0.008")
    assert (added["version"], added["issue_price"], added["service_fee"]) == (2, "0.008", "0.002")
    assert added["valid_from"] == f"{NEXT_YEAR}-07-01T00:00:00+02:00"
    assert [terms["version"] for terms in await document_of(call, "terms", "list", "A")] == [1, 2]
    assert "0.008" in (await call("terms", "list", "A")).stdout
    later = await document_of(
        call, "terms", "add", "A", "--valid-from", f"{NEXT_YEAR}-08-01", "--offline-loss", "member"
    )
    assert (added["offline_loss"], later["offline_loss"]) == ("partner", "member")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("window", "settle", "1"), "it may go to CLOSED; next: coalition window close"),
        (("window", "show", "9"), "there is no window 9"),
        (("window", "statement", "1", "A"), "partner 1 has no statement in window 1, which is OPEN"),
        (("window", "statement", "1", "nobody"), "there is no partner nobody"),
        (("terms", "add", "A", "--valid-from", "2001-01-01"), "valid_from: must not be in the past"),
        (("terms", "add", "A", "--valid-from", "2206-12-01"), "valid_from: must be at most 1826 days ahead, by "),
        (
            ("terms", "add", "A", "--valid-from", f"{NEXT_YEAR}-01-01", "--issue-price", "-1"),
            "issue_price: must not be negative",
        ),
    ],
)
async def test_a_refusal_is_one_line(books: Books, call: Call, arguments: tuple[str, ...], told: str) -> None:
    await books.partner("A")
    result = await call(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("coalition: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("window", "settle", "x"),
        ("window", "settle", "0"),
        ("window", "statement", "1", "A", "--format", "doc"),
        ("terms", "add", "A", "--valid-from", "soon"),
        ("terms", "add", "A", "--valid-from", f"{NEXT_YEAR}-01-01", "--issue-price", "cheap"),
    ],
)
async def test_a_flag_that_makes_no_sense_is_refused_before_the_database(
    call: Call, arguments: tuple[str, ...]
) -> None:
    assert (await call(*arguments)).exit_code == 2


async def test_terms_are_drafted_re_rated_and_approved(books: Books, call: Call) -> None:
    a, *_ = await books.worked_example_1()
    draft = await document_of(
        call, "terms", "add", "A", "--valid-from", f"{NEXT_YEAR}-07-01", "--issue-price", "0.008", "--draft"
    )
    assert (draft["draft"], draft["state"], draft["terms"]["issue_price"]) == (1, "DRAFT", "0.008")
    assert "0.008" in (await call("terms", "drafts")).stdout
    assert [terms["version"] for terms in await document_of(call, "terms", "list", "A")] == [1]
    rerated = await document_of(call, "terms", "rerate", "A", "--windows", "1", "--draft", "1")
    assert {"partner": a, "code": "issue_charge", "old": "12000.00", "new": "9600.00", "difference": "-2400.00"} in (
        rerated["lines"]
    )
    assert "-2,400.00" in (await call("terms", "rerate", "A", "--issue-price", "0.008")).stdout
    approved = await document_of(call, "terms", "approve", "1")
    assert (approved["version"], approved["approved_by"]) == (2, approved["created_by"])
    assert (await call("terms", "withdraw", "1")).exit_code == 1
    assert "No draft waits" in (await call("terms", "drafts")).stdout


async def test_points_are_bought_before_they_are_issued(books: Books, call: Call) -> None:
    assert (await document_of(call, "terms", "default-funding", "prepaid"))["funding"] == "prepaid"
    await books.partner("A")
    bought = await document_of(call, "prepaid", "buy", "A", "5000", "--price", "0.0095")
    assert (bought["left"], bought["blocks"]) == (5000, [{"block": 1, "points": 5000, "left": 5000}])
    ruled = await document_of(call, "prepaid", "set", "A", "--overdraft", "refused", "--warn-below", "6000")
    assert (ruled["overdraft"], ruled["is_low"]) == ("refused", True)
    assert "below the warning level of 6,000" in (await call("prepaid", "show", "A")).stdout
    assert (await call("prepaid", "buy", "A", "5", "--price", "-1")).exit_code == 1


async def test_a_window_shows_three_ways_of_netting(books: Books, call: Call) -> None:
    await books.worked_example_1()
    await call("window", "calculate", "1")
    shown = (await call("window", "show", "1")).stdout
    assert "Netting through the hub saves 75%." in shown
    views = (await document_of(call, "window", "show", "1"))["netting"]["views"]
    assert views["gross"] == {"payments": 6, "amount": "36000.00"}
    assert views["multilateral"] == {"payments": 3, "amount": "14000.00"}
    assert views["saving"] == "0.75"


ADDRESS = ("--street", "Ring 1", "--post-code", "20457", "--town", "Hamburg", "--country", "DE")


async def test_parties_documents_and_corrections_at_the_shell(books: Books, call: Call, tmp_path: Path) -> None:
    """Who is who, every document of a window in a folder, and a credit note from its draft to its file."""
    a = await books.partner("A")
    await books.book(a, "issued", 1000)
    refused = await call("operator", "party", *ADDRESS)
    assert (refused.exit_code, "legal_name: must not be empty" in refused.output) == (1, True)
    await document_of(call, "operator", "party", "--legal-name", "Operator AG", *ADDRESS)
    await document_of(call, "partner", "party", "A", "--legal-name", "A GmbH", *ADDRESS)
    assert (await document_of(call, "partner", "party", "A"))["legal_name"] == "A GmbH"
    await call("window", "close")
    assert "It has no tax documents yet" in (await call("window", "documents", "1")).output
    await document_of(call, "window", "settle", "1")
    ((listed),) = await document_of(call, "window", "documents", "1", "--output", str(tmp_path / "window-1"))
    number, statement = listed["number"], f"ST-00001-{a:05d}"
    assert sorted(path.name for path in (tmp_path / "window-1").iterdir()) == sorted(
        [f"{number}.pdf", f"{number}.xml", f"{statement}.json", f"{statement}.pdf"]
    )
    for wrong, told in (("1=11", "of 10.00 that are left"), ("2=1", "no such line"), ("x", "expected LINE=AMOUNT")):
        refused = await call("invoice", "correct", number, "--reason", "Price", "--line", wrong)
        assert refused.exit_code != 0
        assert told in refused.output
    drafted = await document_of(call, "invoice", "correct", number, "--reason", "Price", "--line", "1=4.50")
    issued = await document_of(call, "invoice", "approve", str(drafted["correction"]))
    assert issued["corrects"] == number
    file = tmp_path / "note.xml"
    await call("invoice", "show", issued["issued"], "--format", "xml", "--output", str(file))
    assert b"<ram:GrandTotalAmount>4.50<" in file.read_bytes()
    assert f"issued as {issued['issued']}" in (await call("invoice", "corrections")).output
