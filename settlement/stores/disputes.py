"""Disputes, with the signed messages that opened them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.dispute import Claim
from settlement.engine.line import LineCode
from settlement.engine.money import Currency, from_minor, to_minor
from settlement.stores.adjustments import Adjustment

DisputeState = Literal["OPEN", "ACCEPTED", "REJECTED", "FALLEN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The partner's message, byte for byte, and what proves that it is the partner's."""

    digest: bytes
    keyid: str
    received_at: datetime
    authority: str
    target: str
    signature_input: str
    signature: str
    content_digest: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """`held` was taken out of what is payable; `accepted` of the amount the operator owes the partner."""

    dispute: int
    partner: int
    window_no: int
    claim: Claim
    held: Decimal
    state: DisputeState
    received_at: datetime
    answer_until: date
    accepted: Decimal | None
    answer: str | None
    resolved_at: datetime | None
    resolved_by: str | None


INSERT_DISPUTE = """
INSERT INTO dispute (partner, window_no, line_code, terms_version, operation_ids, amount_minor, held_minor, reason,
    answer_until, digest, keyid, received_at, authority, target, signature_input, signature, content_digest, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
RETURNING dispute
"""


async def insert_dispute(
    connection: Connection,
    *,
    partner: int,
    window_no: int,
    claim: Claim,
    held: Decimal,
    answer_until: date,
    evidence: Evidence,
    currency: Currency,
) -> int:
    """Keep a dispute as OPEN; return its number."""
    code, version = claim.line or (None, None)
    return await connection.fetchval(  # type: ignore[no-any-return]
        INSERT_DISPUTE,
        partner,
        window_no,
        code,
        version,
        list(claim.operation_ids),
        to_minor(claim.amount, currency),
        to_minor(held, currency),
        claim.reason,
        answer_until,
        evidence.digest,
        evidence.keyid,
        evidence.received_at,
        evidence.authority,
        evidence.target,
        evidence.signature_input,
        evidence.signature,
        evidence.content_digest,
        evidence.body,
    )


SELECT_DISPUTES = """
SELECT dispute, partner, window_no, line_code, terms_version, operation_ids, amount_minor, held_minor, reason, state,
    received_at, answer_until, accepted_minor, answer, resolved_at, resolved_by
FROM dispute
WHERE ($1::bigint IS NULL OR partner = $1) AND ($2::integer IS NULL OR window_no = $2)
    AND ($3::bigint IS NULL OR dispute = $3) AND ($4::bytea IS NULL OR digest = $4)
    AND ($5::text IS NULL OR state = $5) AND dispute > $6
ORDER BY dispute
LIMIT $7
"""


async def load_disputes(
    connection: Connection,
    currency: Currency,
    *,
    partner: int | None = None,
    window_no: int | None = None,
    dispute: int | None = None,
    digest: bytes | None = None,
    state: DisputeState | None = None,
    after: int = 0,
    count_max: int = 10_000,
) -> list[Dispute]:
    """Return disputes after a number, oldest first: all, or those of what is named."""
    rows = await connection.fetch(SELECT_DISPUTES, partner, window_no, dispute, digest, state, after, count_max)
    return [_dispute(row, currency) for row in rows]


SELECT_EVIDENCE = """
SELECT digest, keyid, received_at, authority, target, signature_input, signature, content_digest, body
FROM dispute
WHERE dispute = $1
"""


async def load_evidence(connection: Connection, dispute: int) -> Evidence:
    """Return the message that opened a dispute."""
    row = await connection.fetchrow(SELECT_EVIDENCE, dispute)
    assert row is not None, "a dispute is kept with its message"
    return Evidence(**row)


HOLD_OUT = "UPDATE window_share SET held_minor = held_minor + $3 WHERE window_no = $1 AND partner = $2"


async def hold_out(connection: Connection, window_no: int, partner: int, amount: Decimal, currency: Currency) -> None:
    """Take an amount out of what is payable of a share, or put it back where it is below 0."""
    await connection.execute(HOLD_OUT, window_no, partner, to_minor(amount, currency))


RESOLVE = """
UPDATE dispute SET state = $2, accepted_minor = $3, answer = $4, resolved_at = $5, resolved_by = $6
WHERE dispute = ANY($1) AND state = 'OPEN'
"""


async def close_disputes(
    connection: Connection,
    disputes: Sequence[int],
    state: DisputeState,
    *,
    accepted_minor: int,
    answer: str,
    now: datetime,
    actor: str,
) -> None:
    """Answer open disputes; those that are answered already stay as they are."""
    await connection.execute(RESOLVE, list(disputes), state, accepted_minor, answer, now, actor)


FALL = """
UPDATE dispute SET state = 'FALLEN', accepted_minor = NULL, resolved_at = $3, resolved_by = $4
WHERE window_no = $1 AND partner = ANY($2) AND state IN ('OPEN', 'ACCEPTED')
"""


async def let_fall(
    connection: Connection, window_no: int, partners: Sequence[int], *, now: datetime, actor: str
) -> None:
    """Let the disputes of statements fall that are replaced before their window is invoiced, also those accepted: the
    new statements may say what these asked for, and may be disputed anew."""
    await connection.execute(FALL, window_no, list(partners), now, actor)


SELECT_NOT_OFFSET = """
SELECT coalesce((
        SELECT sum(least(held_minor, accepted_minor)) FROM dispute
        WHERE window_no = $1 AND partner = $2 AND state = 'ACCEPTED'
    ), 0)::bigint - coalesce((
        SELECT sum(amount_minor) FROM share_adjustment
        WHERE from_window = $1 AND partner = $2 AND kind = 'dispute_accepted'
    ), 0)::bigint
"""


async def offset_against_held(connection: Connection, credit: Adjustment, currency: Currency) -> list[Adjustment]:
    """Return what a credit note is set against first: what was held out of its window, accepted, and so never paid.

    Without it the partner would be paid back what it has not paid.
    """
    not_offset: int = await connection.fetchval(SELECT_NOT_OFFSET, credit.from_window, credit.partner)
    offset = min(-credit.amount, from_minor(not_offset, currency))
    return [replace(credit, kind="dispute_accepted", amount=offset)] if offset > 0 else []


SELECT_OWN_OPERATIONS = """
SELECT operation.operation_id
FROM operation
JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf
WHERE operation.lane = ANY($1::smallint[]) AND operation.partner = $2 AND operation.operation_id = ANY($3)
    AND journal.window_no = $4 AND journal.code IS NULL
"""


async def find_operations(
    connection: Connection, partner: int, operation_ids: Sequence[str], *, window_no: int, lanes: int
) -> set[str]:
    """Return those of a partner's operations that are booked in a window."""
    ids = list(operation_ids)
    rows = await connection.fetch(SELECT_OWN_OPERATIONS, list(range(lanes)), partner, ids, window_no)
    return {row["operation_id"] for row in rows}


SELECT_CALCULATED_AT = "SELECT calculated_at FROM window_share WHERE window_no = $1 AND partner = $2"


async def find_calculated_at(connection: Connection, window_no: int, partner: int) -> datetime:
    """Return when a share's statement was made."""
    return await connection.fetchval(SELECT_CALCULATED_AT, window_no, partner)  # type: ignore[no-any-return]


def _dispute(row: asyncpg.Record, currency: Currency) -> Dispute:
    code: LineCode | None = row["line_code"]
    accepted = row["accepted_minor"]
    return Dispute(
        dispute=row["dispute"],
        partner=row["partner"],
        window_no=row["window_no"],
        claim=Claim(
            line=None if code is None else (code, row["terms_version"]),
            operation_ids=tuple(row["operation_ids"]),
            amount=from_minor(row["amount_minor"], currency),
            reason=row["reason"],
        ),
        held=from_minor(row["held_minor"], currency),
        state=row["state"],
        received_at=row["received_at"],
        answer_until=row["answer_until"],
        accepted=None if accepted is None else from_minor(accepted, currency),
        answer=row["answer"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
    )
