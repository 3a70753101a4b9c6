"""One account explained for an operator: who holds it, its lots with what took of them, its debt and its holds.

All reads are of what is booked; what time alone has done since is told by `coalition.stores.balances`."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import asyncpg

from coalition.database.pool import Connection
from coalition.journal.archive import Row
from coalition.stores.cards import Place
from coalition.stores.past_records import load_past_records


class Holder(NamedTuple):
    """A member of an account, with one of his cards; None: he has none. `may_burn`: may spend the account's points."""

    member: int
    name: str
    may_burn: bool
    card: str | None
    issued_at: datetime | None
    state: str | None


SELECT_HOLDERS = """
SELECT member.member, member.name, member.may_burn, card.card, card.issued_at, card.state
FROM member
LEFT JOIN card ON card.member = member.member AND card.lane = member.lane AND card.account = member.account
WHERE member.lane = $1 AND member.account = $2
ORDER BY member.member, card.state <> 'active', card.issued_at DESC, card.card
LIMIT $3
"""


async def load_holders(connection: Connection, place: Place, *, count_max: int) -> list[Holder]:
    """Return the members of an account with their cards, a row for each card."""
    rows = await connection.fetch(SELECT_HOLDERS, place.lane, place.account, count_max)
    return [Holder(*row.values()) for row in rows]


class AccountSums(NamedTuple):
    """The account's own row, and beside it what its lots and open holds sum to."""

    opened_at: datetime
    balance: int
    debt: int
    held: int
    lots: int
    lots_remaining: int
    points_remaining: int
    points_held: int

    @property
    def ties_out(self) -> bool:
        return self.balance == self.points_remaining - self.debt and self.held == self.points_held


SELECT_SUMS = """
SELECT account.opened_at, account.balance, account.debt, account.held,
    lots.lots, lots.lots_remaining, lots.points_remaining,
    (SELECT coalesce(sum(hold.points), 0)::bigint FROM hold
     WHERE hold.lane = $1 AND hold.account = $2 AND hold.state = 'reserved') AS points_held
FROM account
CROSS JOIN (
    SELECT count(*) AS lots, count(*) FILTER (WHERE remaining > 0) AS lots_remaining,
        coalesce(sum(remaining), 0)::bigint AS points_remaining
    FROM lot WHERE lane = $1 AND account = $2
) AS lots
WHERE account.lane = $1 AND account.account = $2
"""


async def load_account_sums(connection: Connection, place: Place) -> AccountSums:
    row = await connection.fetchrow(SELECT_SUMS, place.lane, place.account)
    assert row is not None, "a card's account is opened with it"
    return AccountSums(*row.values())


class ExplainedLot(NamedTuple):
    """A lot, and the record that made it, mostly an earn."""

    leaf: int
    part: int
    issuer: str
    payer: str
    month_of_sale: date
    vat_rate: Decimal | None
    expires_on: date | None
    points: int
    remaining: int
    kind: str
    occurred_at: datetime
    shop: str | None
    reference: str | None


# In the order in which points are spent; those that are used up come last, the newest of them first.
SELECT_LOTS = """
SELECT page.leaf, page.part, issuer.name AS issuer, payer.name AS payer, page.month_of_sale, page.vat_rate,
    page.expires_on, page.points, page.remaining, journal.kind, journal.occurred_at, journal.shop, journal.reference
FROM (
    SELECT leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining,
        row_number() OVER (
            ORDER BY remaining = 0, CASE WHEN remaining > 0 THEN expires_on END NULLS LAST,
                CASE WHEN remaining > 0 THEN leaf ELSE -leaf END, part
        ) AS place
    FROM lot
    WHERE lane = $1 AND account = $2
) AS page
LEFT JOIN journal ON journal.lane = $1 AND journal.leaf = page.leaf
JOIN partner AS issuer ON issuer.partner = page.issuer
JOIN partner AS payer ON payer.partner = page.payer
WHERE page.place > $3 AND page.place <= $3 + $4
ORDER BY page.place
"""


async def load_explained_lots(
    connection: Connection, place: Place, *, skipped: int, count_max: int
) -> list[ExplainedLot]:
    """Return lots in the order in which they are spent, then those used up, newest first."""
    rows = await connection.fetch(SELECT_LOTS, place.lane, place.account, skipped, count_max)
    archived = {row["leaf"] for row in rows if row["kind"] is None}
    past = await load_past_records(connection, place.lane, archived)
    return [
        ExplainedLot(*row.values()) if row["kind"] is not None else _archived_lot(row, past[row["leaf"]].record)
        for row in rows
    ]


def _archived_lot(row: asyncpg.Record, record: Row) -> ExplainedLot:
    """Return a lot whose earn is archived."""
    return ExplainedLot(*row.values())._replace(
        kind=record["kind"],
        occurred_at=datetime.fromisoformat(record["occurred_at"]),
        shop=record.get("shop"),
        reference=record.get("reference"),
    )


class ExplainedUse(NamedTuple):
    """What one record took of a lot, and how much of that a reversal brought back. `taken_in_all` and `uses_in_all`
    count all uses of the same lot."""

    lot_leaf: int
    lot_part: int
    leaf: int
    kind: str
    partner: str
    shop: str | None
    reference: str | None
    occurred_at: datetime
    points: int
    restored: int
    uses_in_all: int
    taken_in_all: int


# No index leads from a lot to its uses, since no booking needs one; an account's records lead there.
SELECT_USES = """
WITH taker AS (
    SELECT leaf FROM journal WHERE lane = $1 AND account = $2 AND (kind <> 'earn' OR code IS NOT NULL) AND code IS NULL
    UNION
    SELECT leaf FROM lot WHERE lane = $1 AND account = $2
), used AS (
    SELECT lot_use.lot_leaf, lot_use.lot_part, lot_use.leaf, lot_use.points, lot_use.restored,
        row_number() OVER (PARTITION BY lot_use.lot_leaf, lot_use.lot_part ORDER BY lot_use.leaf) AS place,
        count(*) OVER (PARTITION BY lot_use.lot_leaf, lot_use.lot_part) AS uses_in_all,
        (sum(lot_use.points - lot_use.restored) OVER (PARTITION BY lot_use.lot_leaf, lot_use.lot_part))::bigint
            AS taken_in_all
    FROM taker
    JOIN lot_use ON lot_use.lane = $1 AND lot_use.leaf = taker.leaf
    WHERE lot_use.lot_leaf = ANY($3::bigint[])
)
SELECT used.lot_leaf, used.lot_part, used.leaf, journal.kind, partner.name AS partner, journal.shop, journal.reference,
    journal.occurred_at, used.points, used.restored, used.uses_in_all, used.taken_in_all
FROM used
JOIN journal ON journal.lane = $1 AND journal.leaf = used.leaf
JOIN partner ON partner.partner = journal.partner
WHERE used.place <= $4
ORDER BY used.leaf, used.lot_leaf, used.lot_part
"""


async def load_explained_uses(
    connection: Connection, place: Place, lot_leaves: Iterable[int], *, count_max: int
) -> list[ExplainedUse]:
    """Return what records took of the lots made at these leaves, oldest first, at most `count_max` for each lot."""
    rows = await connection.fetch(SELECT_USES, place.lane, place.account, sorted(set(lot_leaves)), count_max)
    return [ExplainedUse(*row.values()) for row in rows]


class Return(NamedTuple):
    """A reversal of the record at `original_leaf`."""

    original_leaf: int
    leaf: int
    occurred_at: datetime


SELECT_RETURNS = """
SELECT reversal.original_leaf, reversal.leaf, journal.occurred_at
FROM reversal
JOIN journal ON journal.lane = reversal.lane AND journal.leaf = reversal.leaf
WHERE reversal.lane = $1 AND reversal.original_leaf = ANY($2::bigint[])
ORDER BY reversal.leaf
LIMIT $3
"""


async def load_returns(
    connection: Connection, place: Place, original_leaves: Iterable[int], *, count_max: int
) -> list[Return]:
    """Return the reversals of the records at these leaves, oldest first."""
    rows = await connection.fetch(SELECT_RETURNS, place.lane, sorted(set(original_leaves)), count_max)
    return [Return(*row.values()) for row in rows]


class DebtChange(NamedTuple):
    """A record that made an account's debt (`change` > 0), or repaid some of it."""

    account: int
    leaf: int
    kind: str
    partner: str
    occurred_at: datetime
    change: int


# A return's points that no lot had were a debt, and so is the lot that an offline burn made; what an earn or a reversed
# burn took of lots repaid one.
SELECT_DEBT_CHANGES = """
WITH record AS (
    SELECT account, leaf, kind, partner, occurred_at, points FROM journal
    WHERE lane = $1 AND account = ANY($2) AND (kind <> 'earn' OR code IS NOT NULL) AND code IS NULL
        AND kind IN ('reverse_earn', 'reverse_burn')
    UNION ALL
    SELECT earned.account, journal.leaf, journal.kind, journal.partner, journal.occurred_at, journal.points
    FROM (SELECT DISTINCT account, leaf FROM lot WHERE lane = $1 AND account = ANY($2)) AS earned
    JOIN journal ON journal.lane = $1 AND journal.leaf = earned.leaf
), changed AS (
    SELECT record.account, record.leaf, record.kind, record.partner, record.occurred_at,
        (CASE record.kind
            WHEN 'reverse_earn' THEN record.points - coalesce(sum(lot_use.points), 0)
            WHEN 'burn' THEN (SELECT sum(lot.points) FROM lot
                              WHERE lot.lane = $1 AND lot.account = record.account AND lot.leaf = record.leaf)
            ELSE -coalesce(sum(lot_use.points), 0) END)::bigint AS change
    FROM record
    LEFT JOIN lot_use ON lot_use.lane = $1 AND lot_use.leaf = record.leaf
    GROUP BY record.account, record.leaf, record.kind, record.partner, record.occurred_at, record.points
), newest AS (
    SELECT changed.account, changed.leaf, changed.kind, changed.partner, changed.occurred_at, changed.change,
        row_number() OVER (PARTITION BY changed.account ORDER BY changed.leaf DESC) AS place
    FROM changed
    WHERE changed.change <> 0
)
SELECT newest.account, newest.leaf, newest.kind, partner.name AS partner, newest.occurred_at, newest.change
FROM newest
JOIN partner ON partner.partner = newest.partner
WHERE newest.place <= $3
ORDER BY newest.account, newest.leaf DESC
"""


async def load_debt_changes(
    connection: Connection, lane: int, accounts: Collection[int], *, count_max: int
) -> list[DebtChange]:
    """Return what made the debts of accounts of a lane and what repaid them: by account, newest first, each account's
    `count_max` newest."""
    rows = await connection.fetch(SELECT_DEBT_CHANGES, lane, sorted(accounts), count_max)
    return [DebtChange(*row.values()) for row in rows]


class PastHold(NamedTuple):
    """A hold, open or resolved; `resolved_leaf` and `resolved_at` are those of the record that ended it."""

    leaf: int
    partner: str
    shop: str | None
    points: int
    reserved_at: datetime
    expires_at: datetime
    state: str
    captured: int
    resolved_leaf: int | None
    resolved_at: datetime | None


SELECT_ALL_HOLDS = """
SELECT hold.leaf, partner.name AS partner, reserved.shop, hold.points, reserved.booked_at AS reserved_at,
    hold.expires_at, hold.state, hold.captured, hold.resolved_leaf, ended.occurred_at AS resolved_at
FROM journal AS reserved
JOIN hold ON hold.lane = reserved.lane AND hold.leaf = reserved.leaf
JOIN partner ON partner.partner = hold.partner
LEFT JOIN journal AS ended ON ended.lane = $1 AND ended.leaf = hold.resolved_leaf
WHERE reserved.lane = $1 AND reserved.account = $2 AND (reserved.kind <> 'earn' OR reserved.code IS NOT NULL)
    AND reserved.kind = 'reserve' AND reserved.code IS NULL
ORDER BY hold.state = 'reserved' DESC, hold.leaf DESC
LIMIT $3
"""


async def load_all_holds(connection: Connection, place: Place, *, count_max: int) -> list[PastHold]:
    """Return an account's holds, the open ones first, then the newest."""
    rows = await connection.fetch(SELECT_ALL_HOLDS, place.lane, place.account, count_max)
    return [PastHold(*row.values()) for row in rows]
