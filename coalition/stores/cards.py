"""Cards: which account, and so which lane, each leads to."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import asyncpg

from coalition.database.pool import Connection


class Place(NamedTuple):
    """Where an account lies."""

    lane: int
    account: int


class CardPlace(NamedTuple):
    """Where a card leads to, and why it may not be used there: the codes of refusals, None: it may. `linked` are the
    accounts that a merge, undone or not, once joined with it, or with the one that the card came from: what was booked
    there is found there. All of it holds as long as its lane counts `card_changes`."""

    lane: int
    account: int
    earn_refusal: str | None = None
    burn_refusal: str | None = None
    linked: tuple[Place, ...] = ()
    card_changes: int = 0

    @property
    def of_account(self) -> Place:
        return Place(self.lane, self.account)


SELECT_PLACES = """
SELECT card.card, card.lane, card.account, card.state, member.may_burn, lane.card_changes, card.merged_lane,
    card.merged_account
FROM card
JOIN member ON member.member = card.member
JOIN lane ON lane.lane = card.lane
WHERE card.card = ANY($1::text[])
"""

# Of few accounts only; an account of these is one end of each.
SELECT_LINKS = """
SELECT from_lane, from_account, into_lane, into_account
FROM account_merge
WHERE from_account = ANY($1::bigint[]) OR into_account = ANY($1::bigint[])
"""

REFUSALS = {"active": None, "blocked": "card_blocked", "replaced": "card_replaced", "closed": "account_closed"}


async def load_card_places(connection: Connection, cards: Iterable[str]) -> dict[str, CardPlace]:
    """Return where those of the cards lead to that exist."""
    places: dict[str, CardPlace] = {}
    ends: dict[str, set[Place]] = {}
    for row in await connection.fetch(SELECT_PLACES, sorted(cards)):
        card, lane, account, state, may_burn, changes, merged_lane, merged_account = row
        refusal = REFUSALS[state]
        burn_refusal = refusal or (None if may_burn else "burn_not_permitted")
        places[card] = CardPlace(lane, account, refusal, burn_refusal, card_changes=changes)
        # Before it came here, a merge that is undone may have led it from there to another one.
        came_from = set() if merged_account is None else {Place(merged_lane, merged_account)}
        ends[card] = {Place(lane, account), *came_from}
    links = await _load_links(connection, {end.account for both in ends.values() for end in both}) if places else {}
    return {card: place._replace(linked=_linked(place.of_account, ends[card], links)) for card, place in places.items()}


def _linked(place: Place, ends: set[Place], links: dict[Place, set[Place]]) -> tuple[Place, ...]:
    found = {other for end in ends for other in links.get(end, ())}
    return tuple(sorted(found - {place}))


async def _load_links(connection: Connection, accounts: set[int]) -> dict[Place, set[Place]]:
    links: dict[Place, set[Place]] = defaultdict(set)
    for row in await connection.fetch(SELECT_LINKS, sorted(accounts)):
        one, other = Place(row[0], row[1]), Place(row[2], row[3])
        links[one].add(other)
        links[other].add(one)
    return links


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
    merged_from: Place | None
    may_burn: bool


SELECT_CARD = """
SELECT card.card, card.member, card.lane, card.account, card.state, card.replaced_by, card.merged_lane,
    card.merged_account, member.may_burn
FROM card
JOIN member ON member.member = card.member
WHERE card.card = $1
FOR UPDATE OF card
"""


async def find_card(connection: Connection, card: str) -> CardRow | None:
    """Return a card, its row locked."""
    row = await connection.fetchrow(SELECT_CARD, card)
    return None if row is None else _card_row(row)


def _card_row(row: asyncpg.Record) -> CardRow:
    card, member, lane, account, state, replaced_by, merged_lane, merged_account, may_burn = row
    merged_from = None if merged_account is None else Place(merged_lane, merged_account)
    return CardRow(card, member, Place(lane, account), state, replaced_by, merged_from, may_burn)


SELECT_CARDS_OF_ACCOUNT = """
SELECT card.card, card.member, card.lane, card.account, card.state, card.replaced_by, card.merged_lane,
    card.merged_account, member.may_burn
FROM card
JOIN member ON member.member = card.member
WHERE card.lane = $1 AND card.account = $2
ORDER BY card.card
FOR UPDATE OF card
"""


async def lock_cards_of_account(connection: Connection, place: Place) -> list[CardRow]:
    """Return all cards of an account, their rows locked."""
    rows = await connection.fetch(SELECT_CARDS_OF_ACCOUNT, place.lane, place.account)
    return [_card_row(row) for row in rows]


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


LEAD_CARDS = """
UPDATE card SET lane = $3, account = $4, merged_lane = $1, merged_account = $2 WHERE lane = $1 AND account = $2
"""
LEAD_CARDS_BACK = """
UPDATE card SET lane = $1, account = $2, merged_lane = NULL, merged_account = NULL
WHERE merged_lane = $1 AND merged_account = $2
"""


async def lead_cards(connection: Connection, source: Place, target: Place) -> None:
    """Let an account's cards lead to another one, until they are led back."""
    await connection.execute(LEAD_CARDS, *source, *target)


async def lead_cards_back(connection: Connection, source: Place) -> None:
    await connection.execute(LEAD_CARDS_BACK, *source)


SET_MERGED_FROM = "UPDATE card SET merged_lane = $2, merged_account = $3 WHERE card = $1"


async def set_merged_from(connection: Connection, card: str, source: Place) -> None:
    """Say that a card goes back to this account when its merge is undone."""
    await connection.execute(SET_MERGED_FROM, card, *source)
