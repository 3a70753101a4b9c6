"""The statement as CSV that spreadsheets of the language open by a double click.

UTF-8 with a byte order mark, semicolons, CRLF; decimals with the language's sign and no thousands separators. A
German spreadsheet reads 1.02 as the first of February, so there is no one form that is right for both languages.
"""

from __future__ import annotations

import csv
import io
import unicodedata

from settlement.documents.appendix import Cell, appendix_of
from settlement.documents.figures import plain, ungrouped
from settlement.documents.line_text import line_text
from settlement.documents.wording import Language, word
from settlement.engine.line import Line
from settlement.engine.statement import Statement
from settlement.engine.total import KINDS

# What a spreadsheet takes for the start of a formula or of a command (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(statement: Statement, language: Language) -> bytes:
    """Return the statement as CSV: who and when, then the lines, then totals and control totals."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerows(_head_rows(statement, language))
    writer.writerow([])
    writer.writerow(
        word(language, key)
        for key in (
            *("code", "description", "terms_version", "points", "price", "rate"),
            *("amount", "currency", "operations", "vat_category", "vat_rate", "vat_country"),
        )
    )
    writer.writerows(_line_row(line, statement, language) for line in statement.lines)
    writer.writerow([])
    writer.writerows(_total_rows(statement, language))
    writer.writerow([])
    writer.writerow([word(language, "control"), word(language, "points"), word(language, "operations")])
    writer.writerows(_control_rows(statement, language))
    for table in appendix_of(statement, language):
        writer.writerow([])
        writer.writerow([spreadsheet_text(table.title)])
        writer.writerow([spreadsheet_text(head) for head in table.heads])
        writer.writerows([_cell(cell, language) for cell in row] for row in (*table.rows, *table.sums))
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _head_rows(statement: Statement, language: Language) -> list[list[str]]:
    period, sales = statement.period, statement.sales
    return [
        [word(language, "number"), spreadsheet_text(statement.number)],
        [word(language, "operator"), spreadsheet_text(statement.operator.name)],
        [word(language, "partner_no"), str(statement.partner)],
        [word(language, "partner"), spreadsheet_text(statement.addressee.name)],
        [word(language, "window"), str(period.window)],
        # ISO 8601, which every spreadsheet leaves alone or reads right.
        [word(language, "sales_from"), sales.first_day.isoformat() if sales else ""],
        [word(language, "sales_until"), sales.last_day.isoformat() if sales else ""],
        [word(language, "booked_from"), period.opened_at.isoformat()],
        [word(language, "booked_before"), period.closed_at.isoformat()],
        [word(language, "date"), statement.made_at.isoformat()],
    ]


def _line_row(line: Line, statement: Statement, language: Language) -> list[str]:
    return [
        line.code,
        spreadsheet_text(line_text(line, statement, language)),
        str(line.terms_version),
        "" if line.points is None else str(line.points),
        plain(line.price).replace(".", "," if language == "de" else "."),
        "" if line.rate is None else plain(line.rate).replace(".", "," if language == "de" else "."),
        ungrouped(line.amount, language),
        statement.currency.code,
        str(line.operations),
        line.vat.category,
        "" if line.vat.category == "O" else ungrouped(line.vat.rate, language),
        line.vat.country or "",
    ]


def _total_rows(statement: Statement, language: Language) -> list[list[str]]:
    position = statement.position
    return [
        [word(language, key), ungrouped(amount, language), statement.currency.code]
        for key, amount in (
            ("charge", position.charge),
            ("platform_fee", position.platform_fee),
            ("invoice_vat", position.invoice_vat),
            ("credit", -position.credit),
            ("credit_note_vat", -position.credit_note_vat),
            ("net", position.net),
        )
    ]


def _control_rows(statement: Statement, language: Language) -> list[list[str]]:
    control = statement.control
    rows = [
        [word(language, f"kind.{kind}"), str(control.points[kind]), str(control.operations[kind])] for kind in KINDS
    ]
    return [*rows, [word(language, "outstanding_growth"), str(control.outstanding_growth), ""]]


def _cell(cell: Cell, language: Language) -> str:
    if isinstance(cell, str):
        return spreadsheet_text(cell)
    return str(cell) if isinstance(cell, int) else ungrouped(cell, language)


def spreadsheet_text(text: str) -> str:
    """Return a text that was typed by somebody so that no spreadsheet runs it.

    An apostrophe in front makes it a text; looked at in its compatibility form, since full-width signs count too.
    """
    start = unicodedata.normalize("NFKC", text).lstrip(" ")
    return f"'{text}" if start.startswith(_FORMULA_STARTS) else text
