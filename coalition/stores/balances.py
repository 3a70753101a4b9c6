"""Reading how an account stands, outside the write path: exact at any moment, whether or not the hub has booked already
what time alone has done to it."""

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


# One round trip, and one moment for both. As rows of plain columns: an array of records costs a third more to read.
SELECT_ACCOUNT_AND_LOTS = """
SELECT account.balance, account.debt, account.held, account.next_expires_on, lot.expires_on,
    sum(lot.remaining)::bigint
FROM account
LEFT JOIN lot ON lot.lane = account.lane AND lot.account = account.account AND lot.remaining > 0
WHERE account.lane = $1 AND account.account = $2
GROUP BY account.lane, account.account, lot.expires_on
ORDER BY lot.expires_on NULLS LAST
"""

SELECT_OPEN_HOLDS = """
SELECT hold.partner, partner.name, journal.operation_id, hold.points, journal.booked_at, hold.expires_at
FROM hold
JOIN journal ON journal.lane = hold.lane AND journal.leaf = hold.leaf
JOIN partner ON partner.partner = hold.partner
WHERE hold.lane = $1 AND hold.account = $2 AND hold.state = 'reserved' AND hold.expires_at > $3
ORDER BY hold.expires_at, hold.leaf
"""


async def load_standing(
    connection: Connection, place: Place, *, now: datetime, today: date, rule: ExpiryRule
) -> Standing:
    """Return how an account stands at this moment; `today` is the day of `now` in the programme's time zone."""
    rows = await connection.fetch(SELECT_ACCOUNT_AND_LOTS, place.lane, place.account)
    assert rows, "a card's account is opened with it"
    balance, debt, held, next_expires_on, *_ = rows[0]
    lots = [(expires_on, points) for *_, expires_on, points in rows if points is not None]
    holds = []
    if held:
        holds = [OpenHold(*row) for row in await connection.fetch(SELECT_OPEN_HOLDS, place.lane, place.account, now)]
    if rule.name == "inactivity" and next_expires_on is not None:
        # All of the account goes on one day.
        lots = [(next_expires_on, sum(points for _, points in lots))] if lots else []
    due = sum(points for expires_on, points in lots if expires_on is not None and expires_on <= today)
    promised = sum(hold.points for hold in holds)
    gone = min(due, max(balance + debt - promised, 0))
    ahead = [(expires_on, points) for expires_on, points in lots if expires_on is not None and expires_on > today]
    if due > gone:
        # On hold: they expire when it ends.
        ahead.insert(0, (today, due - gone))
    unlimited = sum(points for expires_on, points in lots if expires_on is None)
    return Standing(balance - gone, holds, ahead, unlimited)
