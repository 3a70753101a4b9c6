"""Cards: which account, and so which lane, each leads to."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection


class Place(NamedTuple):
    """Where an account lies."""

    lane: int
    account: int


SELECT_PLACES = "SELECT card, lane, account FROM card WHERE card = ANY($1::text[])"


async def load_card_places(connection: Connection, cards: Iterable[str]) -> dict[str, Place]:
    """Return the places of those of the cards that exist."""
    return {row[0]: Place(row[1], row[2]) for row in await connection.fetch(SELECT_PLACES, sorted(cards))}


INSERT_CARDS = """
INSERT INTO card (card, member, lane, account, issued_at)
SELECT issued.card, issued.member, issued.lane, issued.account, $5
FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::bigint[]) AS issued (card, member, lane, account)
ON CONFLICT (card) DO NOTHING
RETURNING card
"""


async def add_cards(connection: Connection, cards: dict[str, tuple[int, Place]], *, issued_at: datetime) -> set[str]:
    """Issue cards, given with their member and place; return those that were free."""
    rows = await connection.fetch(
        INSERT_CARDS,
        list(cards),
        [member for member, _ in cards.values()],
        [place.lane for _, place in cards.values()],
        [place.account for _, place in cards.values()],
        issued_at,
    )
    return {row["card"] for row in rows}
