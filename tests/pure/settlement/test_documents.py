"""Documents say the same in every format, are the same bytes each time, and run nothing on their reader's machine."""

import csv
import hashlib
import io
import json
import re
from decimal import Decimal

import pytest
from pypdf import PdfReader

from settlement.documents.figures import grouped, percent, plain, price
from settlement.documents.statement_csv import write_csv
from settlement.documents.statement_json import read_json, write_json
from settlement.documents.statement_pdf import printable, write_pdf
from settlement.documents.wording import LANGUAGES, Language, keys_of
from settlement.engine.line import LINE_CODES
from settlement.engine.statement import Party
from settlement.engine.total import KINDS
from tests.pure.settlement.examples import make_rich_statement


def pages_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


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
        "net": "13984.91",
    }


def test_json_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="expected format coalition-statement-v1, got None"):
        read_json(b"{}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_statement_is_the_same_bytes(language: Language) -> None:
    first, again = make_rich_statement(), read_json(write_json(make_rich_statement()))
    assert write_pdf(first, language) == write_pdf(again, language)
    assert write_csv(first, language) == write_csv(again, language)


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


def test_pdf_says_who_pays_what() -> None:
    content = write_pdf(make_rich_statement(), "de")
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


def test_pdf_names_the_digest_of_the_json() -> None:
    statement = make_rich_statement()
    digest = hashlib.sha256(write_json(statement)).hexdigest()
    assert all(digest in page.replace("\n", "") for page in pages_of(write_pdf(statement, "en")))


def test_pdf_of_many_lines_repeats_the_heads_and_keeps_every_line() -> None:
    statement = make_rich_statement()
    pages = pages_of(write_pdf(make_rich_statement(lines=statement.lines * 5), "en"))
    assert len(pages) > 3
    assert sum(page.count("2,568.42") for page in pages) == 5
    assert all("Amount in EUR" in page for page in pages[:-1])
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1]


def test_pdf_of_nothing_says_so() -> None:
    (page,) = pages_of(write_pdf(make_rich_statement(lines=(), totals=()), "en"))
    assert "Nothing was booked" in page
    assert "Nothing is due" in page
    assert "0.00 EUR" in page


def test_pdf_of_a_credit_shows_it_without_a_sign() -> None:
    lines = tuple(line for line in make_rich_statement().lines if line.code == "redemption_credit")
    text = "\n".join(pages_of(write_pdf(make_rich_statement(lines=lines), "en")))
    assert "You are paid" in text
    assert re.search(r"(?<!-)5,274\.50 EUR", text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Müller – Söhne €5", "Müller – Söhne €5"),
        ("Żółć Łódź", "Zólc Lódz"),
        ("Őrült", "Orült"),
        ("漢字", "??"),
        ("a\u202eb\nc\x00", "ab c"),
        ("e\u0301", "é"),
    ],
)
def test_letters_beyond_the_fonts_are_stood_in_for(text: str, printed: str) -> None:
    assert printable(text) == printed


def test_pdf_takes_any_name() -> None:
    names = "".join(chr(code) for code in (*range(0x20, 0x500), 0x1F600, 0xFFFF))
    assert write_pdf(make_rich_statement(addressee=Party(name=names, address=(names,))), "en").startswith(b"%PDF")


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
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("0.000000")) == "0"
