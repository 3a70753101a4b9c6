"""A statement line in words."""

from __future__ import annotations

from settlement.documents.wording import Language, word
from settlement.engine.line import Line
from settlement.engine.statement import Statement


def line_text(line: Line, statement: Statement, language: Language) -> str:
    """Return what a line is for, and at whom, where points of the partner were redeemed."""
    return word(language, line.description_key, counterparty=statement.counterparty_of(line))
