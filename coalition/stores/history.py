"""An account's history, newest first, one page at a time."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from coalition.database.pool import Connection
from coalition.stores.cards import Place


class HistoryEntry(NamedTuple):
    """One record of an account. `code` None: booked, else why not; `original_at`: when what it undoes or resolves
    happened; `result`: what the hub answered, as JSON."""

    leaf: int
    kind: str
    code: str | None
    points: int
    partner: str
    shop: str | None
    reference: str | None
    occurred_at: datetime
    original_at: datetime | None
    result: str

    @property
    def answer(self) -> dict[str, Any]:
        """What the hub answered: besides what all records have, `available` and for some kinds more."""
        answer: dict[str, Any] = json.loads(self.result)
        return answer

    @property
    def change(self) -> int:
        """By how many points the balance moved."""
        if self.code is not None:
            return 0
        if self.kind in ("reserve", "release", "time_out"):
            return 0
        return self.points if self.kind in ("earn", "reverse_burn", "move_in") else -self.points


# Earns have no index in the journal but are found through their lots; each half stops after a page of its own.
SELECT_HISTORY = """
WITH page AS (
    (SELECT DISTINCT leaf FROM lot WHERE lane = $1 AND account = $2 AND leaf < $3 ORDER BY leaf DESC LIMIT $4)
    UNION
    (SELECT leaf FROM journal
     WHERE lane = $1 AND account = $2 AND leaf < $3 AND (kind <> 'earn' OR code IS NOT NULL)
     ORDER BY leaf DESC LIMIT $4)
    ORDER BY leaf DESC LIMIT $4
)
SELECT journal.leaf, journal.kind, journal.code, journal.points, partner.name, journal.shop, journal.reference,
    journal.occurred_at, original.occurred_at AS original_at, journal.result
FROM page
JOIN journal ON journal.lane = $1 AND journal.leaf = page.leaf
JOIN partner ON partner.partner = journal.partner
LEFT JOIN journal AS original ON original.lane = $1 AND original.leaf = journal.original_leaf
ORDER BY journal.leaf DESC
"""

NEWEST = 2**63 - 1


async def load_history(
    connection: Connection, place: Place, *, count_max: int, before: int = NEWEST
) -> list[HistoryEntry]:
    """Return at most `count_max` records older than the one at leaf `before`, those booked last first."""
    rows = await connection.fetch(SELECT_HISTORY, place.lane, place.account, before, count_max)
    return [HistoryEntry(*row.values()) for row in rows]
