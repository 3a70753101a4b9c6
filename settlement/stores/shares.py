"""Each partner's share of a window: its state, its net, and its statement as calculated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.money import Currency, from_minor, to_minor
from settlement.engine.statement import Statement
from settlement.engine.states import ShareState, move_share


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One partner's share: `charge` and `credit` are all that it owes and is owed, with VAT; `net` > 0: it pays.

    `held` is disputed and held out of what is payable, `adjusted` comes into it from earlier windows, `paid` is signed
    like the net. `is_cleared`: the window no longer counts towards the partner's position. The statement is kept apart,
    since lists do without it.
    """

    window_no: int
    partner: int
    state: ShareState
    charge: Decimal
    credit: Decimal
    net: Decimal
    held: Decimal
    adjusted: Decimal
    paid: Decimal
    invoiced_on: date | None
    due_on: date | None
    is_cleared: bool

    @property
    def payable(self) -> Decimal:
        """What is to be paid with this window; > 0: the partner pays."""
        return self.net - self.held + self.adjusted

    @property
    def unpaid(self) -> Decimal:
        """What is payable and not paid yet."""
        return self.payable - self.paid


@dataclass(frozen=True, slots=True)
class CalculatedShare:
    """A share to be written: the statement, and its canonical JSON."""

    statement: Statement
    content: bytes


@dataclass(frozen=True, slots=True)
class ShareMove:
    """Who moved a partner's share, and when."""

    partner: int
    from_state: ShareState
    to_state: ShareState
    actor: str
    moved_at: datetime


INSERT_SHARES = """
INSERT INTO window_share (window_no, partner, state, net_minor, charge_minor, credit_minor, statement, calculated_at)
SELECT $1, new.partner, 'CALCULATED', new.net_minor, new.charge_minor, new.credit_minor, new.statement, $2
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
    AS new (partner, net_minor, charge_minor, credit_minor, statement)
"""


async def insert_shares(
    connection: Connection, window_no: int, shares: Sequence[CalculatedShare], *, now: datetime
) -> None:
    """Write a window's shares as CALCULATED. `charge_minor` is all that the partner owes and `credit_minor` all that it
    is owed, VAT included."""
    positions = [(share.statement.position, share.statement.currency) for share in shares]
    await connection.execute(
        INSERT_SHARES,
        window_no,
        now,
        [position.partner for position, _ in positions],
        [to_minor(position.net, currency) for position, currency in positions],
        [to_minor(position.owed_by_partner, currency) for position, currency in positions],
        [to_minor(position.owed_to_partner, currency) for position, currency in positions],
        [share.content.decode() for share in shares],
    )


DELETE_SHARES = "DELETE FROM window_share WHERE window_no = $1 AND partner = ANY($2)"


async def delete_shares(connection: Connection, window_no: int, partners: Sequence[int]) -> None:
    """Take some partners' shares out of a window that is not invoiced, so that others take their place."""
    await connection.execute(DELETE_SHARES, window_no, list(partners))


UPDATE_STATES = """
UPDATE window_share SET state = $3
WHERE window_no = $1 AND state = $2 AND ($4::bigint[] IS NULL OR partner = ANY($4))
RETURNING partner
"""

INSERT_MOVES = """
INSERT INTO share_move (window_no, partner, from_state, to_state, actor, moved_at)
SELECT $1, partner, $2, $3, $4, $5 FROM unnest($6::bigint[]) AS partner
"""


async def move_shares(
    connection: Connection,
    window_no: int,
    *,
    from_state: ShareState,
    to_state: ShareState,
    actor: str,
    now: datetime,
    partners: Sequence[int] | None = None,
) -> list[int]:
    """Move every share of a window that is in one state to another, of all partners or of some; return whose.

    This is the one place where a share's state changes; who did it is kept.

    Raises:
        IllegalMoveError: there is no such move.
    """
    move_share(from_state, to_state)
    wanted = None if partners is None else list(partners)
    rows = await connection.fetch(UPDATE_STATES, window_no, from_state, to_state, wanted)
    moved = sorted(row["partner"] for row in rows)
    if moved:
        await connection.execute(INSERT_MOVES, window_no, from_state, to_state, actor, now, moved)
    return moved


SELECT_SHARE_MOVES = """
SELECT partner, from_state, to_state, actor, moved_at FROM share_move WHERE window_no = $1 ORDER BY move
"""


async def load_share_moves(connection: Connection, window_no: int) -> list[ShareMove]:
    """Return what became of a window's shares, in the order in which it happened."""
    return [ShareMove(*row.values()) for row in await connection.fetch(SELECT_SHARE_MOVES, window_no)]


SELECT_SHARES = """
SELECT window_no, partner, state, charge_minor, credit_minor, net_minor, held_minor, adjusted_minor, paid_minor,
    invoiced_on, due_on, is_cleared
FROM window_share
WHERE window_no = ANY($1)
ORDER BY window_no, partner
"""


async def load_shares(connection: Connection, window_nos: Sequence[int], currency: Currency) -> list[Share]:
    """Return all shares of some windows, without their statements."""
    return [_share(row, currency) for row in await connection.fetch(SELECT_SHARES, list(window_nos))]


SELECT_PARTNER_SHARES = """
SELECT window_no, partner, state, charge_minor, credit_minor, net_minor, held_minor, adjusted_minor, paid_minor,
    invoiced_on, due_on, is_cleared
FROM window_share
WHERE window_no = ANY($1) AND partner = $2
ORDER BY window_no
"""


async def load_partner_shares(
    connection: Connection, window_nos: Sequence[int], partner: int, currency: Currency
) -> list[Share]:
    """Return one partner's shares of some windows, without their statements."""
    rows = await connection.fetch(SELECT_PARTNER_SHARES, list(window_nos), partner)
    return [_share(row, currency) for row in rows]


SELECT_STATEMENT = "SELECT statement FROM window_share WHERE window_no = $1 AND partner = $2"


async def find_statement_content(connection: Connection, window_no: int, partner: int) -> bytes | None:
    """Return a statement's JSON, byte for byte as calculated; None: the partner has none in this window."""
    content: str | None = await connection.fetchval(SELECT_STATEMENT, window_no, partner)
    return None if content is None else content.encode()


SELECT_STATEMENTS = "SELECT statement FROM window_share WHERE window_no = $1 ORDER BY partner"


async def load_statement_contents(connection: Connection, window_no: int) -> list[bytes]:
    """Return the JSON of every statement of a window, by partner."""
    return [row["statement"].encode() for row in await connection.fetch(SELECT_STATEMENTS, window_no)]


def _share(row: asyncpg.Record, currency: Currency) -> Share:
    return Share(
        window_no=row["window_no"],
        partner=row["partner"],
        state=row["state"],
        charge=from_minor(row["charge_minor"], currency),
        credit=from_minor(row["credit_minor"], currency),
        net=from_minor(row["net_minor"], currency),
        held=from_minor(row["held_minor"], currency),
        adjusted=from_minor(row["adjusted_minor"], currency),
        paid=from_minor(row["paid_minor"], currency),
        invoiced_on=row["invoiced_on"],
        due_on=row["due_on"],
        is_cleared=row["is_cleared"],
    )
