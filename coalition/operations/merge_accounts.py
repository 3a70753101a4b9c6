"""Merge a member's account into another's, and undo that.

A merge moves the points and lets the cards lead to the other account. What was bought before is still returned with
any of the cards: on the account on which it was booked, and what that leaves is moved on. Undone, the cards lead back,
and of the points that came what is left goes back; what was spent meanwhile was spent together.
"""

from dataclasses import dataclass

from coalition.database.pool import Connection, Pool
from coalition.errors import NotFoundError, StateConflictError
from coalition.lanes.book_batch import Clock
from coalition.lanes.move_points import open_accounts
from coalition.ledger.batch import Calendar
from coalition.programme.card_number import normalised
from coalition.stores.cards import (
    CardRow,
    add_card_move,
    find_card,
    lead_cards,
    lead_cards_back,
    lock_cards_of_account,
)
from coalition.stores.certificates import lead_certificates
from coalition.stores.lanes import count_card_change
from coalition.stores.members import lead_members, lead_members_back
from coalition.stores.merges import (
    add_merge,
    has_merged,
    lock_card_changes,
    lock_merge,
    set_undone,
)
from coalition.stores.registry import announce_change
from coalition.stores.usage import lead_usage


@dataclass(frozen=True, slots=True)
class Moved:
    """`points` went from the one account to the other, whose number is `account`."""

    points: int
    account: int


async def merge_accounts(pool: Pool, card: str, *, into: str, calendar: Calendar, clock: Clock, actor: str) -> Moved:
    """Merge the account of `card` into that of `into`: its points and cards.

    Raises NotFoundError for an unknown card, StateConflictError where they share an account, or points are on hold."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_card_changes(connection)
        source, target = await find_two_cards(connection, card, into)
        if source.place == target.place:
            raise StateConflictError("both cards lead to one account already")
        for row in (source, target):
            _refuse_ended(row)
        if await has_merged(connection, source.place):
            raise StateConflictError(
                "others are merged into this account: undo that first, or merge the other way round"
            )
        cards = await lock_cards_of_account(connection, source.place)
        accounts = await open_accounts(connection, source.place, target.place, calendar=calendar, clock=clock)
        merged, other = accounts.account(source.place), accounts.account(target.place)
        if merged.holds:
            raise StateConflictError(f"account {merged.account} has {merged.held} points on hold; merge when they end")
        points, in_leaves = accounts.move(source.place, target.place, merged.free)
        if merged.debt and other.available > 0:
            accounts.move(target.place, source.place, min(merged.debt, other.available))
        await accounts.write()
        now = clock()
        await add_merge(connection, source.place, target.place, in_leaves=in_leaves, now=now, actor=actor)
        await lead_cards(connection, source.place, target.place)
        await lead_certificates(connection, source.place, target.place, [row.card for row in cards])
        await lead_usage(connection, source.place.lane, target.place.lane, [row.card for row in cards])
        await lead_members(connection, source.place, target.place)
        for row in cards:
            await add_card_move(connection, row.card, what="merged", actor=actor, now=now)
        await count_card_change(connection, [source.place.lane, target.place.lane])
        await announce_change(connection)
        return Moved(points, target.place.account)


async def unmerge_account(pool: Pool, card: str, *, calendar: Calendar, clock: Clock, actor: str) -> Moved:
    """Undo the merge that brought a card to another account: all cards that came with it lead back, and what is left
    of the points that came goes back.

    Raises NotFoundError for an unknown card, StateConflictError where no merge brought it, or points are on hold."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_card_changes(connection)
        row = await find_card(connection, normalised(card))
        if row is None:
            raise NotFoundError(f"there is no card {card}")
        merge = None if row.merged_from is None else await lock_merge(connection, row.merged_from)
        if merge is None:
            raise StateConflictError(f"card {row.card} did not come to its account by a merge")
        accounts = await open_accounts(connection, merge.source, merge.target, calendar=calendar, clock=clock)
        other = accounts.account(merge.target)
        if other.holds:
            raise StateConflictError(f"account {other.account} has {other.held} points on hold; wait until they end")
        came = set(merge.in_leaves)
        points, _ = accounts.move(
            merge.target, merge.source, other.free, pick=lambda it: [lot for lot in it.lots if lot.leaf in came]
        )
        await accounts.write()
        now = clock()
        await set_undone(connection, merge.merge, now=now, actor=actor)
        await lead_cards_back(connection, merge.source)
        await lead_members_back(connection, merge.source)
        cards = await lock_cards_of_account(connection, merge.source)
        await lead_certificates(connection, merge.target, merge.source, [row.card for row in cards])
        await lead_usage(connection, merge.target.lane, merge.source.lane, [row.card for row in cards])
        for row in cards:
            await add_card_move(connection, row.card, what="unmerged", actor=actor, now=now)
        await count_card_change(connection, [merge.source.lane, merge.target.lane])
        await announce_change(connection)
        return Moved(points, merge.source.account)


async def find_two_cards(connection: Connection, first: str, second: str) -> tuple[CardRow, CardRow]:
    """Return two cards, their rows locked in the order of their numbers."""
    rows: dict[str, CardRow] = {}
    for card in sorted({normalised(first), normalised(second)}):
        row = await find_card(connection, card)
        if row is None:
            raise NotFoundError(f"there is no card {card}")
        rows[card] = row
    return rows[normalised(first)], rows[normalised(second)]


def _refuse_ended(row: CardRow) -> None:
    if row.state not in ("active", "blocked"):
        raise StateConflictError(f"card {row.card} is {row.state}; expected active or blocked")
