"""What was paid of shares, when they are due, and which windows are off a partner's position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from coalition.database.pool import Connection
from settlement.engine.money import Currency, from_minor


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came (> 0) or went (< 0) for one share; `reference` says which, once."""

    partner: int
    reference: str
    amount: Decimal
    paid_on: date
    recorded_at: datetime
    recorded_by: str


INSERT_PAYMENTS = """
INSERT INTO share_payment (window_no, partner, reference, amount_minor, paid_on, recorded_at, recorded_by)
SELECT $1, new.partner, $2, new.amount_minor, $3, $4, $5
FROM unnest($6::bigint[], $7::bigint[]) AS new (partner, amount_minor)
ON CONFLICT (window_no, partner, reference) DO NOTHING
RETURNING partner, amount_minor
"""

ADD_PAID = """
UPDATE window_share SET paid_minor = window_share.paid_minor + new.amount_minor
FROM unnest($2::bigint[], $3::bigint[]) AS new (partner, amount_minor)
WHERE window_share.window_no = $1 AND window_share.partner = new.partner
"""


async def insert_payments(
    connection: Connection,
    window_no: int,
    amounts_minor: Mapping[int, int],
    *,
    reference: str,
    paid_on: date,
    now: datetime,
    actor: str,
) -> None:
    """Record a payment of each partner's share and count it; those recorded already under this reference are not
    counted again."""
    partners = sorted(amounts_minor)
    amounts = [amounts_minor[partner] for partner in partners]
    rows = await connection.fetch(INSERT_PAYMENTS, window_no, reference, paid_on, now, actor, partners, amounts)
    await connection.execute(
        ADD_PAID, window_no, [row["partner"] for row in rows], [row["amount_minor"] for row in rows]
    )


INSERT_PAYMENT = """
WITH payment AS (
    INSERT INTO share_payment (window_no, partner, reference, amount_minor, paid_on, recorded_at, recorded_by)
    VALUES ($1, $2, $3, $4, $6, $7, $8)
)
UPDATE window_share SET paid_minor = paid_minor + $5 WHERE window_no = $1 AND partner = $2
"""

COUNT_PAYMENTS = "SELECT count(*) FROM share_payment WHERE window_no = $1 AND partner = $2"


async def insert_payment_in_parts(
    connection: Connection,
    window_no: int,
    partner: int,
    *,
    reference: str,
    amount_minor: int,
    counted_minor: int,
    paid_on: date,
    now: datetime,
    actor: str,
) -> int:
    """Record a payment of which only a part counts towards its share; return which payment of the share it is, from 1.

    It must not be recorded yet.
    """
    await connection.execute(
        INSERT_PAYMENT, window_no, partner, reference, amount_minor, counted_minor, paid_on, now, actor
    )
    count: int = await connection.fetchval(COUNT_PAYMENTS, window_no, partner)
    return count


SELECT_RECEIVED = """
SELECT window_no, partner, sum(amount_minor)::bigint AS amount_minor
FROM share_payment
WHERE window_no = ANY($1)
GROUP BY window_no, partner
"""


async def load_received(
    connection: Connection, window_nos: Sequence[int], currency: Currency
) -> dict[tuple[int, int], Decimal]:
    """Return what was paid of the shares of some windows, by (window, partner), less what came back."""
    rows = await connection.fetch(SELECT_RECEIVED, list(window_nos))
    return {(row["window_no"], row["partner"]): from_minor(row["amount_minor"], currency) for row in rows}


SELECT_AMOUNT = """
SELECT amount_minor FROM share_payment WHERE window_no = $1 AND partner = $2 AND reference = $3
"""


async def find_payment_minor(connection: Connection, window_no: int, partner: int, reference: str) -> int | None:
    """Return what a recorded payment came to in minor units; None: there is none of this reference."""
    return await connection.fetchval(SELECT_AMOUNT, window_no, partner, reference)  # type: ignore[no-any-return]


SELECT_PAYMENTS = """
SELECT partner, reference, amount_minor, paid_on, recorded_at, recorded_by
FROM share_payment
WHERE window_no = $1
ORDER BY partner, recorded_at, reference
"""


async def load_payments(connection: Connection, window_no: int, currency: Currency) -> list[Payment]:
    """Return every payment of a window's shares, by partner."""
    return [
        Payment(
            partner=row["partner"],
            reference=row["reference"],
            amount=from_minor(row["amount_minor"], currency),
            paid_on=row["paid_on"],
            recorded_at=row["recorded_at"],
            recorded_by=row["recorded_by"],
        )
        for row in await connection.fetch(SELECT_PAYMENTS, window_no)
    ]


SET_DUE = "UPDATE window_share SET invoiced_on = $2, due_on = $3 WHERE window_no = $1"


async def set_due(connection: Connection, window_no: int, *, invoiced_on: date, due_on: date) -> None:
    """Say when a window's shares were invoiced, and until when they are to be paid."""
    await connection.execute(SET_DUE, window_no, invoiced_on, due_on)


SELECT_OVERDUE = """
SELECT window_no, partner FROM window_share
WHERE state = 'INVOICED' AND due_on < $1 AND net_minor - held_minor + adjusted_minor - paid_minor > 0
ORDER BY window_no, partner
"""


async def find_overdue(connection: Connection, today: date) -> dict[int, list[int]]:
    """Return the partners that have not paid in time, by window; who is paid itself is never overdue."""
    found: dict[int, list[int]] = {}
    for row in await connection.fetch(SELECT_OVERDUE, today):
        found.setdefault(row["window_no"], []).append(row["partner"])
    return found


# A debt that was carried from window to window is off all of them together, and so is one of a payment that came back;
# but a window whose own share is owed again waits for that.
SELECT_CARRIED = """
WITH RECURSIVE carried AS (
    SELECT partner, from_window FROM share_adjustment
    WHERE into_window = $1 AND partner = ANY($2) AND kind IN ('carried_forward', 'payment_returned')
    UNION
    SELECT earlier.partner, earlier.from_window
    FROM carried
    JOIN share_adjustment AS earlier ON earlier.partner = carried.partner
        AND earlier.into_window = carried.from_window AND earlier.kind IN ('carried_forward', 'payment_returned')
)
SELECT carried.partner, carried.from_window
FROM carried
JOIN window_share AS share ON share.window_no = carried.from_window AND share.partner = carried.partner
WHERE share.state IN ('PAID', 'CARRIED_FORWARD')
"""

SET_CLEARED = """
UPDATE window_share SET is_cleared = $3, came_back = NOT $3
FROM unnest($1::integer[], $2::bigint[]) AS paid (window_no, partner)
WHERE window_share.window_no = paid.window_no AND window_share.partner = paid.partner
"""


async def clear_windows(connection: Connection, window_no: int, partners: Sequence[int]) -> None:
    """Take a window, and those whose debts were carried into it, off these partners' positions."""
    await _set_cleared(connection, window_no, partners, is_cleared=True)


async def bring_back_window(connection: Connection, window_no: int, partner: int) -> None:
    """Let a window, and those whose debts were carried into it, count towards the partner's position again."""
    await _set_cleared(connection, window_no, [partner], is_cleared=False)


async def _set_cleared(connection: Connection, window_no: int, partners: Sequence[int], *, is_cleared: bool) -> None:
    carried = await connection.fetch(SELECT_CARRIED, window_no, list(partners))
    await connection.execute(
        SET_CLEARED,
        [window_no] * len(partners) + [row["from_window"] for row in carried],
        [*partners, *(row["partner"] for row in carried)],
        is_cleared,
    )
