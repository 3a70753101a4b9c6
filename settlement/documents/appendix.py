"""What a statement tells beside its lines, as tables that every format writes in its own way.

What came late; the VAT of each document; whose points were redeemed where; the VAT behind points burned and expired,
with its months; prepaid blocks. A table of which there is nothing to tell is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from settlement.documents.figures import days, grouped, month_of, percent, vat_text
from settlement.documents.wording import Language, word
from settlement.engine.prepaid import BlockAccount
from settlement.engine.sales import SalesPeriod
from settlement.engine.statement import MatrixRow, Statement
from settlement.engine.vat_correction import RateOfVat

# Money is a Decimal, points are whole numbers, anything else is text.
Cell = str | int | Decimal
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendixTable:
    """A table with its title, what it is for, its heads, rows, and sums below them; every row has as many cells.

    `name` is short enough for the sheet of a workbook.
    """

    name: str
    title: str
    intro: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    sums: tuple[Row, ...] = ()


def appendix_of(statement: Statement, language: Language) -> tuple[AppendixTable, ...]:
    """Return the tables that a statement has, in the order in which they are read."""
    tables = (
        _prior_periods(statement, language),
        _vat(statement, language),
        _matrix("points_elsewhere", statement.points_elsewhere, statement, language),
        _matrix("points_here", statement.points_here, statement, language),
        _vat_behind("burned_vat", statement.burned_vat, statement, language),
        _vat_behind("expired_vat", statement.expired_vat, statement, language),
        *((_blocks(statement.blocks, language),) if statement.blocks else ()),
    )
    return tuple(table for table in tables if table.rows)


def _prior_periods(statement: Statement, language: Language) -> AppendixTable:
    rows: list[Row] = []
    for late in statement.prior_periods:
        sold = days(SalesPeriod(first_day=late.first_day, last_day=late.last_day), language)
        rows.append((f"{word(language, f'kind.{late.kind}')}: {sold}", late.points, late.operations))
    return _table("prior_periods", ("sales", "points", "operations"), rows, statement, language)


def _vat(statement: Statement, language: Language) -> AppendixTable:
    rows: list[Row] = []
    is_taxed = any(group.treatment.category != "O" for total in statement.documents for group in total.breakdown)
    for total in statement.documents if is_taxed else ():
        # As on the statement's lines: what is owed to the partner has a minus sign.
        sign = 1 if total.document == "invoice" else -1
        for group in total.breakdown:
            document = word(language, f"document.{total.document}")
            rows.append((document, vat_text(group.treatment, language), sign * group.net, sign * group.vat))
    return _table("vat", ("document", "vat_treatment", "net_amount", "vat_amount"), rows, statement, language)


def _matrix(key: str, matrix: Iterable[MatrixRow], statement: Statement, language: Language) -> AppendixTable:
    matrix = tuple(matrix)
    rows = [(row.name or word(language, "payer_unknown"), row.points, row.amount) for row in matrix]
    total = (word(language, "sum"), sum(row.points for row in matrix), sum((row.amount for row in matrix), Decimal(0)))
    heads = ("partner" if key == "points_elsewhere" else "payer", "points", "value")
    return _table(key, heads, rows, statement, language, sums=(total,))


def _vat_behind(key: str, rates: Iterable[RateOfVat], statement: Statement, language: Language) -> AppendixTable:
    rates = tuple(rates)
    rows = [row for rate in rates for row in _months(rate, language)]
    vat = sum((rate.vat for rate in rates), Decimal(0))
    total: Row = (word(language, "sum"), "", sum(rate.points for rate in rates), vat)
    return _table(key, ("sales_vat_rate", "month_of_sale", "points", "vat_amount"), rows, statement, language, (total,))


def _months(rate: RateOfVat, language: Language) -> Iterator[Row]:
    text = word(language, "rate_unknown") if rate.rate is None else percent(rate.rate / 100, language)
    for part in rate.months:
        yield text, month_of(part.month, language), part.points, part.vat


def _blocks(account: BlockAccount, language: Language) -> AppendixTable:
    rows: list[Row] = [
        (word(language, "blocks.opening"), account.opening),
        (word(language, "blocks.bought"), account.bought),
        (word(language, "blocks.issued"), -account.issued),
    ]
    if account.overdraft:
        rows.append((word(language, "blocks.overdraft"), account.overdraft))
    warning = grouped(account.warn_below or 0, language)
    low = word(language, "appendix.blocks.low", points=warning) if account.is_low else ""
    return AppendixTable(
        name=word(language, "appendix.blocks"),
        title=word(language, "appendix.blocks"),
        intro=low or word(language, "appendix.blocks.intro"),
        heads=("", word(language, "points")),
        rows=tuple(rows),
        sums=((word(language, "blocks.closing"), account.closing),),
    )


def _table(
    key: str,
    heads: Iterable[str],
    rows: Iterable[Row],
    statement: Statement,
    language: Language,
    sums: tuple[Row, ...] = (),
) -> AppendixTable:
    return AppendixTable(
        name=word(language, f"appendix.{key}.short"),
        title=word(language, f"appendix.{key}"),
        intro=word(language, f"appendix.{key}.intro"),
        heads=tuple(word(language, head, currency=statement.currency) for head in heads),
        rows=tuple(rows),
        sums=sums,
    )
