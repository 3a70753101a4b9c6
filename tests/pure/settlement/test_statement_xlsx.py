"""The workbook says what the statement says, in numbers that add up, and is the same bytes each time."""

import io
from datetime import date, datetime
from decimal import Decimal

import pytest
from openpyxl import Workbook, load_workbook

from settlement.documents.statement_json import read_json, write_json
from settlement.documents.statement_xlsx import write_xlsx
from settlement.documents.wording import LANGUAGES, Language
from settlement.engine.prior_period import PriorPeriod
from settlement.engine.statement import Party, Statement
from settlement.engine.terms import Terms
from settlement.engine.vat import VatTreatment
from tests.pure.settlement.examples import RICH_TOTALS, make_rich_statement, make_terms, priced

SHEETS = {
    "en": ["Summary", "Lines", "Control totals", "Origins"],
    "de": ["Übersicht", "Zeilen", "Kontrollsummen", "Herkunft"],
}


def opened(statement: Statement, language: Language = "en") -> Workbook:
    return load_workbook(io.BytesIO(write_xlsx(statement, language)))


def rows(book: Workbook, sheet: str) -> list[tuple[object, ...]]:
    return [tuple(cell.value for cell in row) for row in book[sheet].iter_rows()]


def summary(book: Workbook) -> dict[object, object]:
    return {row[0]: row[1] for row in rows(book, "Summary") if row[0] is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_statement_is_the_same_bytes_in_its_language(language: Language) -> None:
    statement = make_rich_statement()
    content = write_xlsx(statement, language)
    assert content == write_xlsx(read_json(write_json(statement)), language)
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == SHEETS[language]
    assert book.properties.created.isoformat() == "2026-11-02T08:30:00"


def test_lines_are_numbers_that_add_up_to_the_net() -> None:
    statement = make_rich_statement()
    head, *lines, total = rows(opened(statement), "Lines")
    assert head[:7] == ("Code", "Description", "Terms version", "Points", "Price", "Rate", "Amount")
    assert [(line[0], line[3], Decimal(str(line[6]))) for line in lines] == [
        (line.code, line.points, line.amount.normalize()) for line in statement.lines
    ]
    assert Decimal(str(total[6])) == Decimal("13984.91") == statement.position.net
    assert summary(opened(statement))["Net"] == 13984.91


def test_the_summary_says_who_when_and_what() -> None:
    told = summary(opened(make_rich_statement()))
    assert (told["Number"], told["Partner"], told["Currency"]) == (
        "ST-00007-00012",
        "Bäckerei Müller & Söhne KG",
        "EUR",
    )
    assert (told["Sales from"], told["Sales until"]) == (datetime(2026, 9, 25), datetime(2026, 10, 31))  # noqa: DTZ001
    assert str(told["Booked before"]) == "2026-11-01 00:00:00"
    assert (told["Charges for points"], told["Credit for points redeemed"]) == (18833.13, -5098.22)


def test_vat_stands_by_document_and_treatment() -> None:
    """And the net is with it."""
    vat = VatTreatment("S", Decimal(19), "DE")
    terms: Terms = make_terms(12, service_fee=Decimal("0.002"), fee_vat=vat, charge_vat=vat)
    totals = [total for total in RICH_TOTALS if total.terms_version == 1]
    statement = make_rich_statement(lines=priced(totals, terms)[12], totals=totals)
    told = summary(opened(statement))
    (invoice, _) = statement.documents
    assert told["VAT, 19% DE"] == float(invoice.vat) > 0
    assert told["Net"] == float(statement.position.net)


def test_control_totals_and_origins_are_the_statements() -> None:
    statement = make_rich_statement()
    book = opened(statement)
    control = {row[0]: row[1:] for row in rows(book, "Control totals")}
    assert control["Issued"] == (statement.control.points["issued"], statement.control.operations["issued"])
    assert control["Growth of members' points"][0] == statement.control.outstanding_growth
    _, *origins = rows(book, "Origins")
    assert ("Issued", 0.19, 1_200_000) in origins
    assert sum(int(str(row[2])) for row in origins) == sum(total.points for total in RICH_TOTALS)


@pytest.mark.parametrize("name", ["=1+1", "http://evil.example", "0042", "+49"])
def test_what_somebody_typed_stays_a_text(name: str) -> None:
    book = opened(make_rich_statement(addressee=Party(name=name)))
    (cell,) = (row[1] for row in book["Summary"].iter_rows() if row[0].value == "Partner")
    assert (cell.value, cell.data_type, cell.hyperlink) == (name, "s", None)


def test_a_statement_of_nothing_is_a_workbook_as_well() -> None:
    assert rows(opened(make_rich_statement(lines=(), totals=())), "Lines")[1][6] == 0


def test_what_came_late_has_a_sheet_of_its_own() -> None:
    day = date(2026, 9, 28)
    late = PriorPeriod(kind="redeemed", points=70, operations=1, first_day=day, last_day=day)
    book = opened(make_rich_statement(prior_periods=(late,)))
    assert rows(book, "Earlier periods")[1] == ("Redeemed: 28 September 2026", 70, 1)
