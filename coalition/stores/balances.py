"""Reading how an account stands, outside the write path: exact at any moment, whether or not the hub has booked already
what time alone has done to it."""

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.ledger.expiry import ExpiryRule
from coalition.stores.cards import Place


class OpenHold(NamedTuple):
    """Points set aside at a partner until `expires_at`, by the operation with this id."""

    partner: int
    partner_name: str
    operation_id: str
    points: int
    reserved_at: datetime
    expires_at: datetime


class Standing(NamedTuple):
    """In points. `holds` are open, soonest time-out first; `expiries` are (first day on which they can't be spent,
    points), soonest first, and `unlimited` the points without such a day."""

    balance: int
    holds: list[OpenHold]
    expiries: list[tuple[date, int]]
    unlimited: int

    @property
    def held(self) -> int:
        return sum(hold.points for hold in self.holds)

    @property
    def available(self) -> int:
        return self.balance - self.held


class Kept(NamedTuple):
    """What is kept of an account; time alone may have changed it since. `lots` are (first day on which they can't be
    spent, points), soonest first; `holds` those that nobody ended, soonest time-out first."""

    balance: int
    debt: int
    next_expires_on: date | None
    lots: list[tuple[date | None, int]]
    holds: list[OpenHold]


# Accounts and their lots in one round trip and one moment. Not joined: see docs/benchmark.md for what became of joins
# to a list.
SELECT_KEPT = """
SELECT account, balance, debt, held, next_expires_on, NULL::date AS expires_on, NULL::bigint AS points
FROM account
WHERE lane = $1 AND account = ANY($2::bigint[])
UNION ALL
SELECT account, NULL, NULL, NULL, NULL, expires_on, sum(remaining)::bigint
FROM lot
WHERE lane = $1 AND account = ANY($2::bigint[]) AND remaining > 0
GROUP BY account, expires_on
"""

SELECT_OPEN_HOLDS = """
SELECT hold.account, hold.partner, partner.name, journal.operation_id, hold.points, journal.booked_at, hold.expires_at
FROM hold
JOIN journal ON journal.lane = hold.lane AND journal.leaf = hold.leaf
JOIN partner ON partner.partner = hold.partner
WHERE hold.lane = $1 AND hold.account = ANY($2::bigint[]) AND hold.state = 'reserved'
ORDER BY hold.expires_at, hold.leaf
"""


async def load_kept(connection: Connection, lane: int, accounts: Collection[int]) -> dict[int, Kept]:
    """Return what is kept of accounts of one lane, by number."""
    kept: dict[int, Kept] = {}
    lots: list[tuple[int, date | None, int]] = []
    held_accounts = []
    for account, balance, debt, held, next_expires_on, expires_on, points in await connection.fetch(
        SELECT_KEPT, lane, sorted(accounts)
    ):
        if points is not None:
            lots.append((account, expires_on, points))
            continue
        kept[account] = Kept(balance, debt, next_expires_on, [], [])
        if held:
            held_accounts.append(account)
    for account, expires_on, points in sorted(lots, key=lambda lot: lot[1] or date.max):
        kept[account].lots.append((expires_on, points))
    if held_accounts:
        for account, *hold in await connection.fetch(SELECT_OPEN_HOLDS, lane, held_accounts):
            kept[account].holds.append(OpenHold(*hold))
    return kept


async def load_standing(
    connection: Connection, place: Place, *, now: datetime, today: date, rule: ExpiryRule
) -> Standing:
    """Return how an account stands at this moment; `today` is the day of `now` in the programme's time zone."""
    kept = await load_kept(connection, place.lane, [place.account])
    return standing_of(kept[place.account], now=now, today=today, rule=rule)


def standing_of(kept: Kept, *, now: datetime, today: date, rule: ExpiryRule) -> Standing:
    """Return how an account stands at this moment, by what is kept of it; as `load_standing`."""
    lots = kept.lots
    if rule.name == "inactivity" and kept.next_expires_on is not None:
        # All of the account goes on one day.
        lots = [(kept.next_expires_on, sum(points for _, points in lots))] if lots else []
    holds = [hold for hold in kept.holds if hold.expires_at > now]
    due = sum(points for expires_on, points in lots if expires_on is not None and expires_on <= today)
    promised = sum(hold.points for hold in holds)
    gone = min(due, max(kept.balance + kept.debt - promised, 0))
    ahead = [(expires_on, points) for expires_on, points in lots if expires_on is not None and expires_on > today]
    if due > gone:
        # On hold: they expire when it ends.
        ahead.insert(0, (today, due - gone))
    unlimited = sum(points for expires_on, points in lots if expires_on is None)
    return Standing(kept.balance - gone, holds, ahead, unlimited)
