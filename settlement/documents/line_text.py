"""A statement's lines in words."""

from __future__ import annotations

from settlement.documents.wording import Language, word
from settlement.engine.line import Line
from settlement.engine.statement import Statement


def line_text(line: Line, statement: Statement, language: Language) -> str:
    """Return what a line is for, and at whom, where points of the partner were redeemed."""
    return word(language, line.description_key, counterparty=statement.counterparty_of(line))


def notes(statement: Statement, language: Language) -> tuple[str, ...]:
    """Return what is said below the lines: what the signs mean, and that this is no invoice."""
    takes_back = any(line.points is not None and line.points < 0 for line in statement.lines)
    keys = ("signs", *(("signs.points",) if takes_back else ()), "no_tax_document")
    return tuple(word(language, key) for key in keys)
