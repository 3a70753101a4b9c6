"""What the operator's bank has told, entry by entry, and what each was taken for; an entry is kept once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.bank_statement import BankStatement
from settlement.engine.match_payments import Match, Outcome, Reason
from settlement.engine.money import Currency, from_minor, to_minor
from settlement.engine.payment_reference import ShareReference


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """One payment of an entry as it is kept; `detail` counts those of the entry from 1. `is_charged`: a
    bank's fee that the partner bears."""

    entry_reference: str
    detail: int
    entry_no: int
    amount: Decimal
    booked_on: date
    bank_reference: str | None
    end_to_end_id: str | None
    counterparty: str | None
    remittance: str
    share: ShareReference | None
    outcome: Outcome
    is_charged: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class EarlyEntry:
    """A payment of a share that was not invoiced when it came; `statement_id` and the rest say which it is."""

    statement: int
    statement_id: str
    entry_reference: str
    detail: int
    amount: Decimal
    booked_on: date
    share: ShareReference


INSERT_STATEMENT = """
INSERT INTO bank_statement (iban, statement_id, created_at, opening_minor, closing_minor, imported_at, imported_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (iban, statement_id) DO NOTHING
"""

SELECT_STATEMENT = "SELECT statement FROM bank_statement WHERE iban = $1 AND statement_id = $2"


async def keep_statement(
    connection: Connection, statement: BankStatement, currency: Currency, *, now: datetime, actor: str
) -> int:
    """Return the number under which a statement is kept, from now on or already."""
    await connection.execute(
        INSERT_STATEMENT,
        statement.iban,
        statement.statement_id,
        statement.created_at,
        None if statement.opening is None else to_minor(statement.opening, currency),
        None if statement.closing is None else to_minor(statement.closing, currency),
        now,
        actor,
    )
    number: int = await connection.fetchval(SELECT_STATEMENT, statement.iban, statement.statement_id)
    return number


SELECT_KNOWN = """
SELECT entry_reference, sum(amount_minor)::bigint AS amount_minor
FROM bank_entry
WHERE statement = $1 AND outcome <> 'split'
GROUP BY entry_reference
"""


async def load_known_entries(connection: Connection, statement: int, currency: Currency) -> dict[str, Decimal]:
    """Return the amount of each entry of a statement that is kept already, by its reference."""
    rows = await connection.fetch(SELECT_KNOWN, statement)
    return {row["entry_reference"]: from_minor(row["amount_minor"], currency) for row in rows}


INSERT_ENTRIES = """
INSERT INTO bank_entry (statement, entry_reference, detail, entry_no, amount_minor, booked_on, bank_reference,
    end_to_end_id, counterparty, remittance, window_no, partner, outcome, is_charged, reason, reason_values)
SELECT $1, new.* FROM unnest($2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::date[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::integer[], $12::bigint[], $13::text[], $14::boolean[], $15::text[],
    $16::jsonb[]) AS new
"""


async def insert_entries(
    connection: Connection, statement: int, entries: Sequence[KeptEntry], currency: Currency
) -> None:
    """Keep entries of a statement."""
    await connection.execute(
        INSERT_ENTRIES,
        statement,
        [entry.entry_reference for entry in entries],
        [entry.detail for entry in entries],
        [entry.entry_no for entry in entries],
        [to_minor(entry.amount, currency) for entry in entries],
        [entry.booked_on for entry in entries],
        [entry.bank_reference for entry in entries],
        [entry.end_to_end_id for entry in entries],
        [entry.counterparty for entry in entries],
        [entry.remittance for entry in entries],
        [entry.share.window if entry.share else None for entry in entries],
        [entry.share.partner if entry.share else None for entry in entries],
        [entry.outcome for entry in entries],
        [entry.is_charged for entry in entries],
        [entry.reason.code if entry.reason else None for entry in entries],
        [_values(entry.reason) for entry in entries],
    )


SELECT_EARLY = """
SELECT entry.statement, bank_statement.statement_id, entry.entry_reference, entry.detail, entry.amount_minor,
    entry.booked_on, entry.window_no, entry.partner
FROM bank_entry AS entry
JOIN bank_statement ON bank_statement.statement = entry.statement
WHERE entry.outcome = 'early'
ORDER BY entry.booked_on, entry.statement, entry.entry_no, entry.detail
"""


async def load_early_entries(connection: Connection, currency: Currency) -> list[EarlyEntry]:
    """Return the payments that wait for their share to be invoiced, oldest first."""
    return [
        EarlyEntry(
            statement=row["statement"],
            statement_id=row["statement_id"],
            entry_reference=row["entry_reference"],
            detail=row["detail"],
            amount=from_minor(row["amount_minor"], currency),
            booked_on=row["booked_on"],
            share=ShareReference(row["window_no"], row["partner"]),
        )
        for row in await connection.fetch(SELECT_EARLY)
    ]


UPDATE_OUTCOME = """
UPDATE bank_entry SET outcome = $4, reason = $5, reason_values = $6
WHERE statement = $1 AND entry_reference = $2 AND detail = $3
"""


async def set_outcome(connection: Connection, entry: EarlyEntry, match: Match) -> None:
    """Write what a payment that waited was taken for at last."""
    await connection.execute(
        UPDATE_OUTCOME,
        entry.statement,
        entry.entry_reference,
        entry.detail,
        match.outcome,
        match.reason.code if match.reason else None,
        _values(match.reason),
    )


@dataclass(frozen=True, slots=True)
class UnmatchedEntry:
    """A payment that nobody has said yet what it is of; `statement_id`, reference and detail say which it is.

    `reason` is why, when it was imported; None: it was not kept then."""

    statement: int
    statement_id: str
    entry_reference: str
    detail: int
    entry_no: int
    amount: Decimal
    booked_on: date
    counterparty: str | None
    remittance: str
    reason: Reason | None


SELECT_UNMATCHED = """
SELECT entry.statement, bank_statement.statement_id, entry.entry_reference, entry.detail, entry.entry_no,
    entry.amount_minor, entry.booked_on, entry.counterparty, entry.remittance, entry.reason, entry.reason_values
FROM bank_entry AS entry
JOIN bank_statement ON bank_statement.statement = entry.statement
WHERE entry.outcome = 'unmatched' AND entry.amount_minor <> 0
ORDER BY entry.booked_on, entry.statement, entry.entry_no, entry.detail
LIMIT $1
"""


async def load_unmatched(connection: Connection, currency: Currency, *, count_max: int) -> list[UnmatchedEntry]:
    """Return what waits to be matched by somebody, the oldest first."""
    return [_unmatched(row, currency) for row in await connection.fetch(SELECT_UNMATCHED, count_max)]


FIND_UNMATCHED = """
SELECT entry.statement, bank_statement.statement_id, entry.entry_reference, entry.detail, entry.entry_no,
    entry.amount_minor, entry.booked_on, entry.counterparty, entry.remittance, entry.reason, entry.reason_values
FROM bank_entry AS entry
JOIN bank_statement ON bank_statement.statement = entry.statement
WHERE bank_statement.statement_id = $1 AND entry.entry_reference = $2 AND entry.detail = $3
    AND entry.outcome = 'unmatched'
ORDER BY entry.statement
LIMIT 1
"""


async def find_unmatched(
    connection: Connection, statement_id: str, entry_reference: str, detail: int, currency: Currency
) -> UnmatchedEntry | None:
    """Return a payment that waits to be matched; None: there is no such, or it is matched."""
    row = await connection.fetchrow(FIND_UNMATCHED, statement_id, entry_reference, detail)
    return None if row is None else _unmatched(row, currency)


MARK_SPLIT = """
UPDATE bank_entry SET outcome = 'split', split_by = $4, split_at = $5
WHERE statement = $1 AND entry_reference = $2 AND detail = $3
"""

SET_ASIDE = """
UPDATE bank_entry SET outcome = 'aside', split_by = $4, split_at = $5
WHERE statement = $1 AND entry_reference = $2 AND detail = $3
"""


async def set_aside(connection: Connection, entry: UnmatchedEntry, *, now: datetime, actor: str) -> None:
    """Keep that a payment is of no share."""
    await connection.execute(SET_ASIDE, entry.statement, entry.entry_reference, entry.detail, actor, now)


INSERT_PIECES = """
INSERT INTO bank_entry (statement, entry_reference, detail, entry_no, amount_minor, booked_on, remittance, window_no,
    partner, outcome, is_charged, split_by, split_at)
SELECT $1, $2, new.detail, $3, new.amount_minor, $4, '', new.window_no, new.partner, new.outcome, new.is_charged, $5, $6
FROM unnest($7::integer[], $8::bigint[], $9::integer[], $10::bigint[], $11::text[], $12::boolean[])
    AS new (detail, amount_minor, window_no, partner, outcome, is_charged)
"""

SELECT_LAST_DETAIL = "SELECT max(detail) FROM bank_entry WHERE statement = $1 AND entry_reference = $2"


async def split_off(
    connection: Connection,
    entry: UnmatchedEntry,
    matches: Sequence[Match],
    is_charged: Callable[[Match, date], bool],
    currency: Currency,
    *,
    now: datetime,
    actor: str,
) -> list[int]:
    """Keep an entry's pieces as details of their own, and return which; the entry itself counts no more."""
    last = await connection.fetchval(SELECT_LAST_DETAIL, entry.statement, entry.entry_reference)
    details = list(range(last + 1, last + 1 + len(matches)))
    await connection.execute(MARK_SPLIT, entry.statement, entry.entry_reference, entry.detail, actor, now)
    await connection.execute(
        INSERT_PIECES,
        entry.statement,
        entry.entry_reference,
        entry.entry_no,
        entry.booked_on,
        actor,
        now,
        details,
        [to_minor(match.amount, currency) for match in matches],
        [match.share.window if match.share else None for match in matches],
        [match.share.partner if match.share else None for match in matches],
        [match.outcome for match in matches],
        [is_charged(match, entry.booked_on) for match in matches],
    )
    return details


def _unmatched(row: asyncpg.Record, currency: Currency) -> UnmatchedEntry:
    values = dict(row)
    code, named = values.pop("reason"), values.pop("reason_values")
    reason = None if code is None else Reason(code, json.loads(named))
    return UnmatchedEntry(amount=from_minor(values.pop("amount_minor"), currency), reason=reason, **values)


def _values(reason: Reason | None) -> str | None:
    return None if reason is None else json.dumps(dict(reason.values), sort_keys=True)
