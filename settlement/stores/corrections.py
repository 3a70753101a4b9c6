"""Drafts of corrections: who wants to correct which document, why, and who agreed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.money import Currency, from_minor, to_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """`taken_back` is by line, without VAT; empty: only words are put right. `issued` None: nobody has agreed yet."""

    correction: int
    document: int
    number: str
    window_no: int
    partner: int
    reason: str
    taken_back: Mapping[int, Decimal]
    drafted_at: datetime
    drafted_by: str
    decided_by: str | None
    issued: str | None
    is_withdrawn: bool

    @property
    def is_open(self) -> bool:
        return self.issued is None and not self.is_withdrawn


INSERT_DRAFT = """
INSERT INTO document_correction (document, reason, drafted_at, drafted_by) VALUES ($1, $2, $3, $4)
RETURNING correction
"""

INSERT_LINES = """
INSERT INTO document_correction_line (correction, line, amount_minor)
SELECT $1, new.line, new.amount_minor FROM unnest($2::integer[], $3::bigint[]) AS new (line, amount_minor)
"""


async def insert_draft(
    connection: Connection,
    document: int,
    *,
    reason: str,
    taken_back: Mapping[int, Decimal],
    currency: Currency,
    now: datetime,
    actor: str,
) -> int:
    """Write a draft; return its number."""
    correction: int = await connection.fetchval(INSERT_DRAFT, document, reason, now, actor)
    lines = sorted(taken_back)
    await connection.execute(INSERT_LINES, correction, lines, [to_minor(taken_back[line], currency) for line in lines])
    return correction


LOCK_DRAFT = "SELECT correction FROM document_correction WHERE correction = $1 FOR UPDATE"


async def lock_draft(connection: Connection, correction: int) -> bool:
    """Let one transaction at a time decide about a draft; False: there is none of that number."""
    return await connection.fetchval(LOCK_DRAFT, correction) is not None


LOCK_ORIGINAL = "SELECT document FROM tax_document WHERE document = $1 FOR UPDATE"


async def lock_original(connection: Connection, document: int) -> None:
    """Let one transaction at a time correct a document, so that no two take back the same amount."""
    await connection.execute(LOCK_ORIGINAL, document)


UPDATE_ISSUED = """
UPDATE document_correction SET decided_at = $2, decided_by = $3, issued = $4 WHERE correction = $1
"""

UPDATE_WITHDRAWN = """
UPDATE document_correction SET decided_at = $2, decided_by = $3, is_withdrawn = true WHERE correction = $1
"""


async def mark_issued(connection: Connection, correction: int, *, issued: int, now: datetime, actor: str) -> None:
    """Say which document came of a draft, and who agreed."""
    await connection.execute(UPDATE_ISSUED, correction, now, actor, issued)


async def mark_withdrawn(connection: Connection, correction: int, *, now: datetime, actor: str) -> None:
    """Say that nothing comes of a draft."""
    await connection.execute(UPDATE_WITHDRAWN, correction, now, actor)


SELECT_CORRECTIONS = """
SELECT correction.correction, correction.document, original.number, original.window_no, original.partner,
    correction.reason, correction.drafted_at, correction.drafted_by, correction.decided_by, issued.number AS issued,
    correction.is_withdrawn
FROM document_correction AS correction
JOIN tax_document AS original ON original.document = correction.document
LEFT JOIN tax_document AS issued ON issued.document = correction.issued
WHERE ($1::bigint IS NULL OR correction.correction = $1) AND ($2::integer IS NULL OR original.window_no = $2)
ORDER BY correction.correction
"""

SELECT_LINES = """
SELECT correction, line, amount_minor FROM document_correction_line WHERE correction = ANY($1) ORDER BY correction, line
"""


async def load_corrections(
    connection: Connection, currency: Currency, *, correction: int | None = None, window_no: int | None = None
) -> list[Correction]:
    """Return corrections in the order in which they were drafted: all, one, or those of a window's documents."""
    rows = await connection.fetch(SELECT_CORRECTIONS, correction, window_no)
    taken_back = await _taken_back(connection, [row["correction"] for row in rows], currency)
    return [_correction(row, taken_back) for row in rows]


SELECT_CORRECTING = "SELECT content FROM tax_document WHERE corrects = $1 ORDER BY document"


async def load_correcting(connection: Connection, document: int) -> list[bytes]:
    """Return the canonical JSON of every document that corrects one."""
    return [row["content"].encode() for row in await connection.fetch(SELECT_CORRECTING, document)]


async def _taken_back(
    connection: Connection, corrections: Sequence[int], currency: Currency
) -> dict[int, dict[int, Decimal]]:
    taken_back: defaultdict[int, dict[int, Decimal]] = defaultdict(dict)
    for row in await connection.fetch(SELECT_LINES, corrections):
        taken_back[row["correction"]][row["line"]] = from_minor(row["amount_minor"], currency)
    return taken_back


def _correction(row: asyncpg.Record, taken_back: Mapping[int, Mapping[int, Decimal]]) -> Correction:
    return Correction(**row, taken_back=taken_back.get(row["correction"], {}))
