"""Cards: which account, and so which lane, each leads to."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection


class Place(NamedTuple):
    """Where an account lies."""

    lane: int
    account: int


class CardPlace(NamedTuple):
    """Where a card leads to, and why it may not be used there: the codes of refusals, None: it may."""

    lane: int
    account: int
    earn_refusal: str | None = None
    burn_refusal: str | None = None

    @property
    def of_account(self) -> Place:
        return Place(self.lane, self.account)


SELECT_PLACES = """
SELECT card.card, card.lane, card.account, card.state, member.may_burn
FROM card
JOIN member ON member.member = card.member
WHERE card.card = ANY($1::text[])
"""

REFUSALS = {"active": None, "blocked": "card_blocked", "replaced": "card_replaced", "closed": "account_closed"}


async def load_card_places(connection: Connection, cards: Iterable[str]) -> dict[str, CardPlace]:
    """Return where those of the cards lead to that exist."""
    places = {}
    for card, lane, account, state, may_burn in await connection.fetch(SELECT_PLACES, sorted(cards)):
        refusal = REFUSALS[state]
        places[card] = CardPlace(lane, account, refusal, refusal or (None if may_burn else "burn_not_permitted"))
    return places


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


class CardRow(NamedTuple):
    """A card as it stands."""

    card: str
    member: int
    place: Place
    state: str
    replaced_by: str | None


SELECT_CARD = "SELECT card, member, lane, account, state, replaced_by FROM card WHERE card = $1 FOR UPDATE"


async def find_card(connection: Connection, card: str) -> CardRow | None:
    """Return a card, its row locked."""
    row = await connection.fetchrow(SELECT_CARD, card)
    return None if row is None else CardRow(row[0], row[1], Place(row[2], row[3]), row[4], row[5])


SELECT_CARDS_OF_ACCOUNT = """
SELECT card, member, lane, account, state, replaced_by FROM card WHERE lane = $1 AND account = $2
ORDER BY card FOR UPDATE
"""


async def lock_cards_of_account(connection: Connection, place: Place) -> list[CardRow]:
    """Return all cards of an account, their rows locked."""
    rows = await connection.fetch(SELECT_CARDS_OF_ACCOUNT, place.lane, place.account)
    return [CardRow(row[0], row[1], Place(row[2], row[3]), row[4], row[5]) for row in rows]


UPDATE_CARD = "UPDATE card SET state = $2, replaced_by = $3, state_since = $4 WHERE card = $1"


async def set_card_state(
    connection: Connection, card: str, *, state: str, replaced_by: str | None = None, now: datetime
) -> None:
    """Write what a card may do from now on."""
    await connection.execute(UPDATE_CARD, card, state, replaced_by, now)


INSERT_CARD_MOVE = "INSERT INTO card_move (card, what, actor, moved_at) VALUES ($1, $2, $3, $4)"


async def add_card_move(connection: Connection, card: str, *, what: str, actor: str, now: datetime) -> None:
    """Keep who did what to a card."""
    await connection.execute(INSERT_CARD_MOVE, card, what, actor, now)
