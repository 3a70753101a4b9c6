"""A statement line in words."""

from __future__ import annotations

from settlement.documents.wording import Language, word
from settlement.engine.line import Line
from settlement.engine.statement import Statement


def line_text(line: Line, statement: Statement, language: Language) -> str:
    """Return what a line is for, and at whom, where points of the partner were redeemed."""
    text = word(language, line.description_key)
    name = statement.counterparty_of(line)
    return f"{text}: {name}" if name else text
