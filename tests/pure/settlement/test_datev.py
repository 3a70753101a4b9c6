"""The booking batch is in DATEV's format, and its accounts come to what the statements say."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from settlement.documents.datev_csv import COLUMNS, DatevHeader, write_datev
from settlement.engine.datev import (
    BookedStatement,
    DatevAccounts,
    account_sums,
    book_statements,
    purpose_of,
)
from settlement.engine.line import LINE_CODES
from settlement.engine.statement import Party, Statement
from settlement.engine.vat import VatTreatment
from settlement.errors import DatevRefusedError
from tests.pure.settlement.examples import BERLIN_WINTER, RICH_TOTALS, make_rich_statement, make_terms, priced

GERMAN = VatTreatment("S", Decimal(19), "DE")


def make_taxed_statement(**changes: Any) -> Statement:
    """A statement of every kind of line, with VAT of 19 % on both documents."""
    totals = [total for total in RICH_TOTALS if total.terms_version == 1]
    terms = make_terms(
        12,
        service_fee=Decimal("0.002"),
        commission=Decimal("0.03"),
        platform_fee=Decimal("250.00"),
        charge_vat=GERMAN,
        fee_vat=GERMAN,
        redemption_vat=GERMAN,
    )
    return make_rich_statement(**{"lines": priced(totals, terms, platform=True)[12], "totals": totals} | changes)


def booked(statement: Statement) -> BookedStatement:
    return BookedStatement(
        statement=statement,
        numbers={"invoice": "INV-2026-00042"},
        issued_on=date(2026, 11, 3),
        due_on=date(2026, 11, 17),
    )


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("cp1252")), delimiter=";"))


def batch(statement: Statement, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "consultant": 29098,
        "client": 55003,
        "fiscal_year_month": 1,
        "account_digits": 4,
        "made_at": datetime(2026, 11, 3, 9, 30, 15, 123456, tzinfo=BERLIN_WINTER),
        "name": "W00007 Coalition",
        "currency": "EUR",
    }
    return write_datev(DatevHeader(**(fields | changes)), book_statements(7, [booked(statement)], DatevAccounts()))


def cell(row: list[str], name: str) -> str:
    return row[COLUMNS.index(name)]


def test_the_header_says_what_datev_asks_for() -> None:
    header, names, *rows = rows_of(batch(make_taxed_statement()))
    assert header[:6] == ["EXTF", "700", "21", "Buchungsstapel", "13", "20261103093015123"]
    assert header[10:16] == ["29098", "55003", "20260101", "4", "20261101", "20261130"]
    assert (header[16], header[18:22], len(header)) == ("W00007 Coalition", ["1", "0", "0", "EUR"], 31)
    assert names == list(COLUMNS)
    assert len(names) == 125
    assert {len(row) for row in rows} == {125}


def test_a_fiscal_year_that_begins_later_in_the_year_began_in_the_one_before() -> None:
    header = rows_of(batch(make_taxed_statement(), fiscal_year_month=12))[0]
    assert header[12] == "20251201"


def test_texts_are_quoted_and_numbers_are_not() -> None:
    statement = make_taxed_statement(addressee=Party(name='Bäcker "Żółw" 漢 €; KG'))
    content = batch(statement)
    first = content.split(b"\r\n")[2].decode("cp1252")
    assert first.startswith('12842,11;"S";"EUR";;;;10012;1700;;0311;"INV-2026-00042";')
    assert '"issue_charge Bäcker ""Zó?w"" ? €; KG"' in first
    assert content.endswith(b"\r\n")
    assert content == batch(statement)


def test_accounts_come_to_what_the_documents_say() -> None:
    statement = make_taxed_statement()
    bookings = book_statements(7, [booked(statement)], DatevAccounts())
    sums = account_sums(bookings)
    invoice, credit_note = statement.documents
    assert sum(sums.values()) == 0
    assert sums[10012] == invoice.gross
    assert sums[70012] == -credit_note.gross
    assert sums[10012] + sums[70012] == statement.position.net
    assert (sums[1776], sums[1576]) == (-invoice.vat, credit_note.vat)
    by_code = {code: Decimal(0) for code in LINE_CODES}
    for line in statement.lines:
        by_code[line.code] += line.amount
    assert sums[8510] == -(by_code["commission"] + by_code["commission_reversed"])
    assert sums[8200] == -(by_code["service_fee"] + by_code["service_fee_reversed"] + by_code["platform_fee"])
    assert sums[1700] == -sum(amount for code, amount in by_code.items() if purpose_of(code) == "points")


def test_the_rows_are_the_bookings_with_debit_and_credit() -> None:
    """A reversal is a credit of what its original debited; documents without a number are named by the statement."""
    statement = make_taxed_statement()
    _, _, *rows = rows_of(batch(statement))
    signs = {"S": 1, "H": -1}
    total = sum(
        signs[cell(row, "Soll/Haben-Kennzeichen")] * Decimal(cell(row, COLUMNS[0]).replace(",", ".")) for row in rows
    )
    assert total == statement.position.net
    (reversal,) = (row for row in rows if cell(row, "Buchungstext").startswith("issue_charge_reversed"))
    assert (cell(reversal, "Soll/Haben-Kennzeichen"), cell(reversal, "Konto")) == ("H", "10012")
    (redeemed,) = (row for row in rows if cell(row, "Buchungstext").startswith("redemption_credit "))
    assert (cell(redeemed, "Konto"), cell(redeemed, "Belegfeld 1")) == ("70012", "ST-00007-00012")
    assert {cell(row, "Fälligkeit") for row in rows} == {"17112026"}


def test_what_cannot_be_booked_is_refused_with_every_reason() -> None:
    statement = make_taxed_statement(partner=60_000)
    with pytest.raises(DatevRefusedError) as refused:
        book_statements(7, [booked(statement)], DatevAccounts(output_vat={}))
    assert refused.value.problems == (
        "no account for output VAT of S 19 DE",
        "partner 60000 has no creditor account up to 99999",
        "partner 60000 has no debtor account below 70000",
    )


def test_nothing_is_a_batch_without_bookings() -> None:
    assert len(rows_of(batch(make_rich_statement(lines=(), totals=())))) == 2
