"""The operator's shell and the bank: details in, payment files out, refusals in one line."""

import json
import re
from pathlib import Path

import pytest

from coalition.database.pool import Pool
from settlement.operations.invoice_window import invoice_window
from tests.database.command_line import Call, document_of
from tests.database.settlement_books import Books, now
from tests.pure.settlement.bank_examples import IBANS, OPERATOR_IBAN
from tests.pure.settlement.bank_files import bank_file, entry

OPERATOR = ("operator", "bank", "set", "--holder", "Coalition Betriebs-GmbH", "--town", "Hamburg",
            "--country", "DE", "--creditor-id", "DE98ZZZ09999999999", "--iban")  # fmt: skip
MANDATE = ("--mandate-id", "M-1", "--mandate-signed-on", "2026-03-09", "--mandate-scheme", "B2B")


def of_partner(name: str, iban: str, *more: str) -> tuple[str, ...]:
    return (
        "partner",
        "bank",
        "set",
        name,
        "--holder",
        f"{name} GmbH",
        "--town",
        "Köln",
        "--country",
        "DE",
        "--iban",
        iban,
        *more,
    )


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_bank_details_are_kept_by_version_and_shown(books: Books, call: Call) -> None:
    """A change adds a version; the same again adds none."""
    await books.partner("A")
    first = await document_of(call, *of_partner("A", IBANS[0], "--street", "Ring", "--building", "7"))
    assert (first["iban"], first["holder"], first["building"]) == (IBANS[0], "A GmbH", "7")
    assert await document_of(call, *of_partner("A", IBANS[0], "--street", "Ring", "--building", "7")) == first
    await document_of(call, *of_partner("A", IBANS[1], *MANDATE))
    versions = await document_of(call, "partner", "bank", "show", "A")
    assert [version["iban"] for version in versions] == [IBANS[1], IBANS[0]]
    told = (await call("partner", "bank", "show", "A")).stdout
    assert "B2B M-1, signed 2026-03-09" in told
    await document_of(call, *OPERATOR, OPERATOR_IBAN)
    assert "COBADEFFXXX" in (await call("operator", "bank", "show")).stdout


async def test_without_more_the_holder_is_the_party_in_law(books: Books, call: Call) -> None:
    await books.partner("A")
    refused = await call("partner", "bank", "set", "A", "--iban", IBANS[0])
    assert "holder: must not be empty; town: must not be empty; country: expected two capital" in refused.stderr
    legal = ("--legal-name", "A GmbH & Co. KG", "--street", "Ring 7", "--post-code", "50667", "--town", "Köln",
             "--country", "DE", "--vat-id", "DE123456789")  # fmt: skip
    await document_of(call, "partner", "party", "A", *legal)
    account = await document_of(call, "partner", "bank", "set", "A", "--iban", IBANS[0])
    told = ("holder", "street", "post_code", "town", "country")
    assert [account[key] for key in told] == ["A GmbH & Co. KG", "Ring 7", "50667", "Köln", "DE"]


async def test_a_windows_payments_are_written_the_same_each_time(books: Books, call: Call, tmp_path: Path) -> None:
    """What changes after the approval changes no file: the bank knows a second copy by its bytes."""
    await books.worked_example_1()
    await document_of(call, *OPERATOR, OPERATOR_IBAN)
    await document_of(call, *of_partner("A", IBANS[0], *MANDATE))
    await document_of(call, *of_partner("B", IBANS[1]))
    await document_of(call, "window", "settle", "1")
    made = await document_of(call, "window", "payments", "1", "--output", str(tmp_path / "first"))
    assert [payment["amount"] for payment in made["transfers"]] == ["5000.00"]
    assert [(payment["reference"], payment["amount"]) for payment in made["debits"]] == [("W00001-P00001", "7500.00")]
    assert made["by_invoice"] == [3]
    await document_of(call, *of_partner("A", IBANS[2]))
    await document_of(call, *of_partner("B", IBANS[2]))
    await document_of(call, *of_partner("C", IBANS[2], *MANDATE))
    told = await call("window", "payments", "1", "--output", str(tmp_path / "again"))
    assert "Without a mandate, so they pay by themselves: C." in told.stdout
    names = ["W00001-debits-pain.008.001.08.xml", "W00001-transfers-pain.001.001.09.xml"]
    assert sorted(file.name for file in (tmp_path / "again").iterdir()) == names
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


async def test_who_has_no_account_yet_keeps_nobody_from_being_paid(books: Books, call: Call, tmp_path: Path) -> None:
    """Left out by name and with exit code 3; a further file then pays that partner alone, and the bank's statement
    finds its share by either file's batch."""
    for name, issued, redeemed in (("A", 2000, 0), ("B", 0, 700), ("C", 0, 500)):
        partner = await books.partner(name)
        for kind, points in (("issued", issued), ("redeemed", redeemed)):
            await books.book(partner, kind, points)
    await books.close()
    await document_of(call, *OPERATOR, OPERATOR_IBAN)
    await document_of(call, *of_partner("B", IBANS[0]))
    for step in ("calculate", "approve", "invoice"):
        await document_of(call, "window", step, "1")
    first, second = tmp_path / "first", tmp_path / "second"
    told = await call("window", "payments", "1", "--output", str(first))
    assert told.exit_code == 3
    assert told.stdout[told.stdout.index("Left out") :].splitlines()[:4] == [
        "Left out of the files for window 1, and not paid by them:",
        "  C (partner 3) has no bank account",
        "    coalition partner bank set 3 --iban IBAN",
        f"Then: coalition window payments 1 --output {first}",
    ]
    made = files_in(first)
    assert [file.name for file in made] == ["W00001-transfers-pain.001.001.09.xml"]
    as_json = await call("window", "payments", "1", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["left_out"][0]["partner"]) == (3, 3)

    await document_of(call, *of_partner("C", IBANS[1]))
    again = await document_of(call, "window", "payments", "1", "--output", str(second))
    assert (again["left_out"], [payment["reference"] for payment in again["transfers"]]) == (
        [],
        ["W00001-P00002", "W00001-P00003"],
    )
    late = second / "W00001-P00003-transfers-pain.001.001.09.xml"
    assert files_in(second) == [late, second / made[0].name]
    assert (second / made[0].name).read_bytes() == made[0].read_bytes()
    assert re.findall("<EndToEndId>(.*)</EndToEndId>", late.read_text()) == ["W00001-P00003"]
    statement = tmp_path / "camt.xml"
    batch = "<NtryDtls><Btch><PmtInfId>{}</PmtInfId></Btch></NtryDtls>"
    statement.write_bytes(
        bank_file(
            entry("-7.00", reference="E1", inner=batch.format("W00001-CT")),
            entry("-5.00", reference="E2", inner=batch.format("W00001-P00003-CT")),
        )
    )
    taken = await document_of(call, "bank", "import", str(statement))
    assert [(payment["partner"], payment["outcome"]) for payment in taken["payments"]] == [(2, "paid"), (3, "paid")]


async def test_refusals_are_told_in_one_line_and_leave_nothing(books: Books, call: Call, tmp_path: Path) -> None:
    await books.worked_example_1()
    for arguments, told in (
        (of_partner("A", "DE88370400440532013000"), "iban: expected check digits 89, not 88"),
        (of_partner("nobody", IBANS[0]), "there is no partner nobody"),
        (
            of_partner("A", IBANS[0], "--mandate-id", "M", "--mandate-signed-on", "2999-01-01"),
            "must not be in the future",
        ),
        (("partner", "bank", "show", "A"), "no bank account of A is known"),
        (("operator", "bank", "show"), "no bank account of the operator is known"),
        (("window", "payments", "1"), "window 1 is CLOSED, and what it comes to is final from INVOICED on"),
    ):
        result = await call(*arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.output
        assert told in result.stderr
    assert await books.fetch("SELECT 1 FROM bank_account") == []
    for step in ("calculate", "approve", "invoice"):
        await document_of(call, "window", step, "1")
    refused = await call("window", "payments", "1", "--output", str(tmp_path / "none"))
    assert "the operator has no bank account; B (partner 2) has no bank account" in refused.stderr
    assert not (tmp_path / "none").exists()
    await books.pool.execute("UPDATE programme SET currency = 'CHF'")
    refused = await call("window", "payments", "1")
    assert "SEPA payments are made in EUR with 2 decimals, this coalition settles in CHF" in refused.stderr
    assert (await call(*of_partner("A", IBANS[0], "--mandate-id", "M"))).exit_code == 2


async def test_a_banks_file_is_taken_in_and_told(books: Books, call: Call, tmp_path: Path) -> None:
    await books.worked_example_1()
    await document_of(call, *OPERATOR, OPERATOR_IBAN)
    for step in ("calculate", "approve"):
        assert (await call("window", step, "1")).exit_code == 0
    await invoice_window(books.pool, 1, now=now(), actor="anna")
    file = tmp_path / "camt.xml"
    paid = entry("7500.00", reference="E1", end_to_end="W00001-P00001")
    file.write_bytes(bank_file(paid, entry("-800.00", reference="E2", text=["Rent"], name="Landlord")))
    told = (await call("bank", "import", str(file))).stdout
    assert "Statement STMT-1: 2 new, 0 known before." in told
    assert "Paid in full: 1 shares, 7,500.00 EUR." in told
    assert "Landlord: it names no share like W00007-P00012" in told
    again = await document_of(call, "bank", "import", str(file))
    assert (again["payments"], again["known"]) == ([], 2)
    file.write_bytes(bank_file(paid)[:-20])
    refused = await call("bank", "import", str(file))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "the bank's file cannot be read, line 20: " in refused.stderr
    assert (await call("bank", "import", str(tmp_path / "none.xml"))).exit_code == 1


@pytest.mark.parametrize("items_format", ["csv", "jsonl", "xlsx"])
async def test_items_are_written_to_a_file_or_not_at_all(
    books: Books, call: Call, tmp_path: Path, items_format: str
) -> None:
    await books.worked_example_1()
    file = tmp_path / f"items.{items_format}"
    arguments = ("window", "items", "1", "A", "--format", items_format)
    refused = await call(*arguments, "--output", str(file))
    assert "partner 1 has no statement in window 1, which is CLOSED" in refused.stderr
    assert files_in(tmp_path) == []
    await call("window", "calculate", "1")
    written = await call(*arguments, "--output", str(file))
    assert (written.exit_code, written.stdout.split(":")[0]) == (0, str(file))
    assert files_in(tmp_path) == [file]
    assert (await call(*arguments)).exit_code == (2 if items_format == "xlsx" else 0)


async def test_an_invoiced_window_is_booked_in_datev(books: Books, call: Call, tmp_path: Path) -> None:
    await books.worked_example_1()
    file = tmp_path / "EXTF_1.csv"
    arguments = ("window", "datev", "1", "--output", str(file))
    assert "window 1 is CLOSED, and what it comes to is final from INVOICED on" in (await call(*arguments)).stderr
    await document_of(call, "window", "settle", "1")
    assert "nobody has set the numbers of the tax adviser and of the client" in (await call(*arguments)).stderr
    assert files_in(tmp_path) == []
    settings = await document_of(call, "datev", "set", "--consultant", "29098", "--client", "7", "--output-vat",
                                 "S 20 AT=1767")  # fmt: skip
    assert (settings["points"], settings["output_vat"]) == (1700, {"S 19 DE": 1776, "S 7 DE": 1771, "S 20 AT": 1767})
    assert "consultant         29098" in (await call("datev", "show")).stdout
    assert (await call(*arguments)).exit_code == 0
    first = file.read_bytes()
    assert (await call(*arguments)).exit_code == 0
    assert file.read_bytes() == first
    header, _, *rows = first.decode("cp1252").split("\r\n")[:-1]
    assert header.startswith('"EXTF";700;21;"Buchungsstapel";13;')
    assert [row.split(";")[0] for row in rows] == ["12000,00", "4500,00", "3000,00", "8000,00", "5000,00", "3500,00"]
    assert "month: expected one that is over" in (await call("datev", "month", f"{now():%Y-%m}")).stderr
    for flags, told in (
        (("--client", "0", "--points", "99999"), "client: expected 1 to 99999, got 0; points: expected 1 to 9999, got"),
        (("--debtor-base", "80000"), "debtor_base: expected less than creditor_base 70000, got 80000"),
    ):
        refused = await call("datev", "set", *flags)
        assert told in refused.stderr
    assert (await call("datev", "set", "--output-vat", "19=1776")).exit_code == 2


async def test_what_was_not_matched_is_split_or_set_aside_at_the_shell(
    books: Books, call: Call, tmp_path: Path
) -> None:
    await books.worked_example_1()
    await document_of(call, *OPERATOR, OPERATOR_IBAN)
    for step in ("calculate", "approve"):
        assert (await call("window", step, "1")).exit_code == 0
    await invoice_window(books.pool, 1, now=now(), actor="anna")
    file = tmp_path / "camt.xml"
    file.write_bytes(bank_file(entry("9000.00", reference="E1", text=["A und C"]), entry("-8.00", reference="E2")))
    assert "coalition bank split STATEMENT ENTRY W00007-P00012" in (await call("bank", "import", str(file))).stdout
    listed = (await call("bank", "unmatched")).stdout
    assert re.search("9,000.00  A GmbH A und C +it names no share like W00007-P00012, nor a document of ours\n", listed)
    refused = await call("bank", "split", "STMT-1", "E1", "W00001-P00001")
    assert "sum: expected 9000.00, which the entry is of, got 7500.00" in refused.stderr
    booked = await document_of(call, "bank", "split", "STMT-1", "E1", "W00001-P00001", "W00001-P00003=1500")
    assert [(piece["amount"], piece["outcome"]) for piece in booked] == [("7500.00", "paid"), ("1500.00", "paid")]
    assert (await call("bank", "aside", "STMT-1", "E2")).exit_code == 0
    assert await document_of(call, "bank", "unmatched") == []
    refused = await call("bank", "aside", "STMT-1", "E2")
    assert "'E2', part 1, of statement 'STMT-1' waits" in refused.stderr
