"""Documents say the same in every format, are the same bytes each time, and run nothing on their reader's machine."""

import csv
import hashlib
import io
import json
import re
from datetime import date
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from settlement.documents.figures import days, grouped, percent, plain, price
from settlement.documents.invoice_xml import write_invoice_xml
from settlement.documents.statement_csv import write_csv
from settlement.documents.statement_json import read_json, write_json
from settlement.documents.statement_pdf import write_pdf
from settlement.documents.statement_xlsx import write_xlsx
from settlement.documents.typeface import printable
from settlement.documents.wording import LANGUAGES, Language, keys_of
from settlement.engine.line import LINE_CODES
from settlement.engine.prior_period import PriorPeriod
from settlement.engine.sales import SalesPeriod
from settlement.engine.statement import Party, Statement
from settlement.engine.total import KINDS
from tests.pure.settlement.examples import make_rich_statement
from tests.pure.settlement.invoice_examples import make_invoices, rich_statement


def pages_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def letter(statement: Statement, language: Language = "en") -> bytes:
    return write_pdf(write_json(statement), language)


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def test_json_is_canonical_and_reads_back_whole() -> None:
    statement = make_rich_statement()
    content = write_json(statement)
    assert read_json(content) == statement
    assert write_json(read_json(content)) == content
    assert (
        content == json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )


def test_json_holds_no_number_that_a_reader_could_round() -> None:
    def reject(number: str) -> float:
        raise AssertionError(f"a float in the JSON: {number}")

    document = json.loads(write_json(make_rich_statement()), parse_float=reject)
    assert document["totals"] == {
        "charge": "18833.13",
        "platform_fee": "250.00",
        "credit": "5098.22",
        "invoice_vat": "0.00",
        "credit_note_vat": "0.00",
        "net": "13984.91",
    }


def test_json_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="expected format coalition-statement-v1, got None"):
        read_json(b"{}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_statement_is_the_same_bytes(language: Language) -> None:
    first, again = make_rich_statement(), read_json(write_json(make_rich_statement()))
    assert letter(first, language) == letter(again, language)
    assert write_csv(first, language) == write_csv(again, language)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "Sales of 25 September to 31 October 2026"),
                           ("de", "Umsätze vom 25. September bis 31. Oktober 2026")]
)  # fmt: skip
def test_the_letter_tells_of_which_days_the_sales_are(language: Language, told: str) -> None:
    """By the programme's days: the last sale was at 22:59 UTC, one minute before midnight there."""
    statement = make_rich_statement()
    assert told in pages_of(letter(statement, language))[0]
    assert ["Sales until", "2026-10-31"] in rows_of(write_csv(statement, "en"))
    assert json.loads(write_json(statement))["window"] == {
        "window": 7,
        "opened_at": "2026-10-01T00:00:00+01:00",
        "closed_at": "2026-11-01T00:00:00+01:00",
        "sales_from": "2026-09-25",
        "sales_until": "2026-10-31",
    }


def test_without_sales_no_days_are_told() -> None:
    """A platform fee alone is of no day's sales."""
    fee = tuple(line for line in make_rich_statement().lines if line.code == "platform_fee")
    statement = make_rich_statement(lines=fee, totals=())
    document = json.loads(write_json(statement))["window"]
    assert (document["sales_from"], document["sales_until"]) == (None, None)
    assert read_json(write_json(statement)).sales is None
    assert ["Sales from", ""] in rows_of(write_csv(statement, "en"))
    (page,) = pages_of(letter(statement))
    assert "Sales of" not in page
    assert "No points were issued or redeemed with you in this window." in page


def test_a_statement_whose_reversals_had_no_sign_reads_with_it() -> None:
    """So what was calculated before has documents by the same rule."""
    statement = make_rich_statement()
    document = json.loads(write_json(statement))
    for line in document["lines"]:
        line["points"] = None if line["points"] is None else abs(line["points"])
    assert read_json(json.dumps(document).encode()) == statement


def test_a_statement_from_before_sales_were_told_reads_as_ever() -> None:
    """And its letter names the digest of the bytes that were signed then, not of what would be written now."""
    document = json.loads(write_json(make_rich_statement()))
    del document["window"]["sales_from"], document["window"]["sales_until"]
    content = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert read_json(content).sales is None
    assert hashlib.sha256(content).hexdigest() in pages_of(write_pdf(content, "en"))[0].replace("\n", "")


@pytest.mark.parametrize(
    ("first", "last", "english", "german"),
    [
        ((2025, 12, 1), (2025, 12, 1), "1 December 2025", "1. Dezember 2025"),
        ((2025, 12, 1), (2025, 12, 31), "1 to 31 December 2025", "1. bis 31. Dezember 2025"),
        ((2025, 3, 28), (2025, 4, 4), "28 March to 4 April 2025", "28. März bis 4. April 2025"),
        ((2025, 12, 28), (2026, 1, 3), "28 December 2025 to 3 January 2026", "28. Dezember 2025 bis 3. Januar 2026"),
        ((2025, 12, 3), (2026, 12, 3), "3 December 2025 to 3 December 2026", "3. Dezember 2025 bis 3. Dezember 2026"),
    ],
)
def test_days_say_nothing_twice(
    first: tuple[int, int, int], last: tuple[int, int, int], english: str, german: str
) -> None:
    sales = SalesPeriod(first_day=date(*first), last_day=date(*last))
    assert (days(sales, "en"), days(sales, "de")) == (english, german)


def test_csv_lines_add_up_to_the_net() -> None:
    rows = rows_of(write_csv(make_rich_statement(), "en"))
    amounts = [Decimal(row[6]) for row in rows if row and row[0] in LINE_CODES]
    (net,) = (Decimal(row[1]) for row in rows if row and row[0] == "Net")
    assert sum(amounts) == net == Decimal("13984.91")


def test_csv_in_german_has_decimal_commas_for_its_spreadsheet() -> None:
    content = write_csv(make_rich_statement(), "de")
    assert content.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in content
    rows = rows_of(content)
    assert ["Saldo", "13984,91", "EUR"] in rows
    assert any(row[:7] == ["service_fee", "Servicegebühr auf ausgegebene Punkte", "2", "310499", "0,0015", "", "465,75"]
               for row in rows)  # fmt: skip


@pytest.mark.parametrize(
    "name", ["=1+1", "+49 40", "-2", "@SUM(A1)", "\tx", "\rx", "  =1", "＝1+1", '=HYPERLINK("http://x";"y")']
)
def test_a_name_in_the_csv_is_never_a_formula(name: str) -> None:
    rows = rows_of(write_csv(make_rich_statement(addressee=Party(name=name)), "en"))
    (cell,) = (row[1] for row in rows if row and row[0] == "Partner")
    assert cell == f"'{name}"


def test_amounts_in_the_csv_stay_numbers() -> None:
    """The guard against formulas leaves a minus sign of ours alone."""
    rows = rows_of(write_csv(make_rich_statement(), "en"))
    assert any(row[0] == "issue_charge_reversed" and row[6] == "-123.45" for row in rows if row)


def test_points_have_the_same_sign_wherever_they_are_told() -> None:
    """A reversal's are below 0 on the statement in every format and on the tax documents, line by line, so a partner
    that adds up any of them gets what it issued and redeemed net of reversals, as its control totals have it."""
    statement = rich_statement()
    points = {(line.code, line.terms_version): line.points for line in statement.lines if line.points is not None}
    assert {code for (code, _), count in points.items() if count < 0} == {
        *("issue_charge_reversed", "service_fee_reversed", "redemption_credit_reversed", "commission_reversed")
    }
    control = statement.control.points
    for name, net in (
        ("issue_charge", control["issued"] - control["issue_reversed"]),
        ("commission", control["redeemed"] - control["redeem_reversed"]),
    ):
        assert sum(count for (code, _), count in points.items() if code.startswith(name)) == net

    told = json.loads(write_json(statement))["lines"]
    assert {(line["code"], line["terms_version"]): line["points"] for line in told if line["points"]} == points
    rows = [row for row in rows_of(write_csv(statement, "en")) if row and row[0] in LINE_CODES and row[3]]
    assert {(row[0], int(row[2])): int(row[3]) for row in rows} == points
    sheet = load_workbook(io.BytesIO(write_xlsx(statement, "en")))["Lines"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert {(row[0], row[2]): row[3] for row in cells if row[0] in LINE_CODES and row[3]} == points
    text = "\n".join(pages_of(letter(statement)))
    assert all(grouped(count, "en") in text for count in points.values())
    assert "Points with a minus sign take back" in text
    invoiced = [line for invoice in make_invoices(statement) for line in invoice.lines if line.code != "platform_fee"]
    assert {(line.code, line.terms_version): line.quantity for line in invoiced} == points
    xml = b"".join(write_invoice_xml(invoice) for invoice in make_invoices(statement)).decode()
    billed = [int(count) for count in re.findall(r'BilledQuantity unitCode="C62">(-?\d+)<', xml)]
    assert sorted(billed) == sorted([*points.values(), 1])


def test_pdf_says_who_pays_what() -> None:
    content = letter(make_rich_statement(), "de")
    text = "\n".join(pages_of(content))
    for part in (
        "Coalition Betriebs-GmbH",
        "Bäckerei Müller & Söhne KG",
        "80331 München",
        "ST-00007-00012",
        "1.284.211",
        "-4.275,00",
        "Sie zahlen",
        "13.984,91 EUR",
        "1.034.915",
        "Seite 1 von 2",
        "Seite 2 von 2",
    ):
        assert part in text


def test_pdf_of_long_names_keeps_every_word_and_runs_into_nothing() -> None:
    """The letter is pushed down by a long address, and its parts stay in their order."""
    name = " ".join(f"Genossenschaft{number:02d}" for number in range(40))
    party = Party(name=name, address=("Am Markt 3", "80331 München"))
    text = pages_of(letter(make_rich_statement(addressee=party, operator=party)))[0].replace("\n", " ")
    for word_of_name in name.split():
        assert text.count(word_of_name) >= 2
    assert text.index("80331 München") < text.rindex("80331 München") < text.index("Statement for window 7")


def test_pdf_names_the_digest_of_the_json() -> None:
    statement = make_rich_statement()
    digest = hashlib.sha256(write_json(statement)).hexdigest()
    assert all(digest in page.replace("\n", "") for page in pages_of(letter(statement)))


def test_pdf_of_many_lines_repeats_the_heads_and_keeps_every_line() -> None:
    statement = make_rich_statement()
    pages = pages_of(letter(make_rich_statement(lines=statement.lines * 5)))
    assert len(pages) > 3
    assert sum(page.count("2,568.42") for page in pages) == 5
    assert all("Amount in EUR" in page for page in pages[:-1])
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1]


def test_pdf_of_nothing_says_so() -> None:
    (page,) = pages_of(letter(make_rich_statement(lines=(), totals=())))
    assert "Nothing was booked" in page
    assert "Nothing is due" in page
    assert "0.00 EUR" in page


def test_pdf_of_a_credit_shows_it_without_a_sign() -> None:
    lines = tuple(line for line in make_rich_statement().lines if line.code == "redemption_credit")
    text = "\n".join(pages_of(letter(make_rich_statement(lines=lines))))
    assert "You are paid" in text
    assert re.search(r"(?<!-)5,274\.50 EUR", text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Müller – Söhne €5", "Müller – Söhne €5"),
        ("Żółw", "Zó?w"),
        ("GROẞ", "GROSS"),
        ("漢字", "??"),
        ("a\u202eb\nc\x00", "ab c"),
        ("e\u0301", "é"),
    ],
)
def test_letters_beyond_a_font_are_stood_in_for(text: str, printed: str) -> None:
    """Here those beyond Windows-1252: a mark goes, a letter that has none to lose becomes a question mark."""
    characters = {ord(character) for character in bytes(range(0x20, 0x100)).decode("cp1252", "ignore")}
    assert printable(text, characters) == printed


def test_pdf_writes_the_names_of_europe_as_they_are() -> None:
    names = ("Żółć Łódź", "Őrült Šroubárna", "Ελληνικά καφέ", "Пекарна Їжак", "Bahçeşehir İğne", "Știință")
    text = "\n".join(pages_of(letter(make_rich_statement(addressee=Party(name=names[0], address=names[1:])))))
    for name in names:
        assert name in text


def test_pdf_takes_any_name() -> None:
    names = "".join(chr(code) for code in (*range(0x20, 0x500), 0x1F600, 0xFFFF))
    assert letter(make_rich_statement(addressee=Party(name=names, address=(names,)))).startswith(b"%PDF")


def test_every_language_has_words_for_every_key() -> None:
    wanted = {f"line.{code}" for code in LINE_CODES} | {f"kind.{kind}" for kind in KINDS}
    for language in LANGUAGES:
        assert keys_of(language) == keys_of("en")
        assert wanted <= keys_of(language)


def test_figures_read_as_the_language_writes_them() -> None:
    assert grouped(Decimal("-1234567.80"), "de") == "-1.234.567,80"
    assert grouped(1_234_567, "en") == "1,234,567"
    assert price(Decimal("0.010000"), "en") == "0.01"
    assert price(Decimal("0.0125"), "de") == "0,0125"
    assert price(Decimal("2500"), "en") == "2,500.00"
    assert percent(Decimal("0.025000"), "de") == "2,5 %"
    assert percent(Decimal("0.025000"), "en") == "2.5%"
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("0.000000")) == "0"


def test_what_came_late_is_shown_as_of_an_earlier_period() -> None:
    """In every format, with the days of its sales; a statement without any has no such section."""
    late = PriorPeriod(
        kind="issued", points=1234, operations=3, first_day=date(2026, 9, 28), last_day=date(2026, 9, 30)
    )
    statement = make_rich_statement(prior_periods=(late,))
    assert read_json(write_json(statement)).prior_periods == (late,)
    assert ["Ausgegeben: 28. bis 30. September 2026", "1234", "3"] in rows_of(write_csv(statement, "de"))
    text = " ".join(" ".join(pages_of(letter(statement))).split())
    assert "Of earlier periods" in text
    assert "Issued: 28 to 30 September 2026 1,234 3" in text
    assert "Of earlier periods" not in " ".join(pages_of(letter(make_rich_statement())))
