"""A card's life: blocked and unblocked, replaced; members who join and leave a household; accounts that are closed.

Each change is announced to running hubs when it is committed, and kept with who made it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coalition.database.pool import Connection, Pool
from coalition.errors import NotFoundError, StateConflictError
from coalition.lanes.book_batch import Clock, write_book
from coalition.lanes.settled_book import open_settled_book
from coalition.ledger.batch import Calendar
from coalition.operations.add_members import issue_cards
from coalition.programme.card_number import normalised
from coalition.stores.accounts import open_accounts
from coalition.stores.cards import (
    CardRow,
    add_card_move,
    find_card,
    lock_cards_of_account,
    set_card_state,
    set_merged_from,
)
from coalition.stores.lanes import count_card_change
from coalition.stores.members import move_member, set_may_burn
from coalition.stores.merges import has_merged, lock_card_changes
from coalition.stores.programme import load_programme
from coalition.stores.registry import announce_change


@dataclass(frozen=True, slots=True)
class CardChange:
    """What a change of a card came to; `card` is the one to use from now on."""

    card: str
    account: int
    state: str


async def block_card(pool: Pool, card: str, *, now: datetime, actor: str) -> CardChange:
    """Refuse earns, burns and reserves with a card; holds may still be captured, sales returned. May be repeated."""
    return await _set_state(pool, card, to="blocked", expected=("active", "blocked"), now=now, actor=actor)


async def unblock_card(pool: Pool, card: str, *, now: datetime, actor: str) -> CardChange:
    """Let a blocked card be used again. May be repeated."""
    return await _set_state(pool, card, to="active", expected=("active", "blocked"), now=now, actor=actor)


async def _set_state(
    pool: Pool,
    card: str,
    *,
    to: Literal["active", "blocked"],
    expected: tuple[str, ...],
    now: datetime,
    actor: str,
) -> CardChange:
    async with _changing(pool, card) as (connection, row):
        _refuse_other_state(row, expected)
        if row.state != to:
            await set_card_state(connection, row.card, state=to, now=now)
            what = "blocked" if to == "blocked" else "unblocked"
            await add_card_move(connection, row.card, what=what, actor=actor, now=now)
        return CardChange(row.card, row.place.account, to)


async def replace_card(pool: Pool, card: str, *, now: datetime, actor: str) -> CardChange:
    """Give the member a new card for a lost one, on the same account; the old one is refused from now on.

    A card that was replaced already is answered with the card that replaced it."""
    async with _changing(pool, card) as (connection, row):
        if row.state == "replaced":
            assert row.replaced_by is not None
            return CardChange(row.replaced_by, row.place.account, "active")
        _refuse_other_state(row, ("active", "blocked"))
        (new,) = await issue_cards(connection, [row.member], [row.place], now=now)
        if row.merged_from is not None:
            await set_merged_from(connection, new, row.merged_from)
        await set_card_state(connection, row.card, state="replaced", replaced_by=new, now=now)
        await add_card_move(connection, row.card, what="replaced", actor=actor, now=now)
        await add_card_move(connection, new, what="issued", actor=actor, now=now)
        return CardChange(new, row.place.account, "active")


async def leave_household(pool: Pool, card: str, *, now: datetime, actor: str) -> CardChange:
    """Give a member an account of his own, empty, with a new card; the points stay with the household, and what he
    began with his old cards is finished there.

    Raises StateConflictError where nobody else shares the account."""
    async with _changing(pool, card) as (connection, row):
        _refuse_other_state(row, ("active", "blocked"))
        if row.merged_from is not None:
            raise StateConflictError(f"card {row.card} came by a merge; undo that instead")
        cards = await lock_cards_of_account(connection, row.place)
        if all(other.member == row.member for other in cards):
            raise StateConflictError(f"nobody else shares account {row.place.account}")
        programme = await load_programme(connection)
        (place,) = await open_accounts(connection, count=1, lanes=programme.lanes, now=now)
        await move_member(connection, row.member, place)
        await set_may_burn(connection, row.member, may_burn=True)
        (new,) = await issue_cards(connection, [row.member], [place], now=now)
        for own in cards:
            if own.member == row.member and own.state in ("active", "blocked"):
                await set_card_state(connection, own.card, state="replaced", replaced_by=new, now=now)
                await add_card_move(connection, own.card, what="left", actor=actor, now=now)
        return CardChange(new, place.account, "active")


async def permit_burns(pool: Pool, card: str, *, may_burn: bool, now: datetime, actor: str) -> CardChange:
    """Say whether a member of a household may spend its points."""
    async with _changing(pool, card) as (connection, row):
        await set_may_burn(connection, row.member, may_burn=may_burn)
        what = "may_burn" if may_burn else "may_not_burn"
        await add_card_move(connection, row.card, what=what, actor=actor, now=now)
        return CardChange(row.card, row.place.account, row.state)


@dataclass(frozen=True, slots=True)
class ClosedAccount:
    """`points_expired` were left and are gone; `debt` is still owed."""

    account: int
    points_expired: int
    debt: int


async def close_account(pool: Pool, card: str, *, calendar: Calendar, clock: Clock, actor: str) -> ClosedAccount:
    """Close an account with all its cards: what is left expires now, booked for each payer. May be repeated.

    Raises StateConflictError while points are on hold: a shop has been promised them."""
    async with _changing(pool, card) as (connection, row):
        _refuse_other_state(row, ("active", "blocked", "closed"))
        if await has_merged(connection, row.place):
            raise StateConflictError("others are merged into this account: undo that first")
        for other in await lock_cards_of_account(connection, row.place):
            if other.state in ("active", "blocked"):
                await set_card_state(connection, other.card, state="closed", now=clock())
                await add_card_move(connection, other.card, what="closed", actor=actor, now=clock())
        # The lane after the cards, here and nowhere the other way round.
        opened, book = await open_settled_book(
            connection, row.place.lane, [row.place.account], calendar=calendar, clock=clock
        )
        account = opened.accounts[row.place.account]
        if account.holds:
            raise StateConflictError(
                f"account {account.account} has {account.held} points on hold; close it when they end"
            )
        points = book.expire_all(account)
        await write_book(connection, opened, book)
        return ClosedAccount(account.account, points, account.debt)


@asynccontextmanager
async def _changing(pool: Pool, card: str) -> AsyncIterator[tuple[Connection, CardRow]]:
    """Open the one transaction of a change, with the card's row locked; running hubs are told when it is committed."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_card_changes(connection)
        row = await find_card(connection, normalised(card))
        if row is None:
            raise NotFoundError(f"there is no card {card}")
        yield connection, row
        await count_card_change(connection, [row.place.lane])
        await announce_change(connection)


def _refuse_other_state(row: CardRow, expected: tuple[str, ...]) -> None:
    if row.state not in expected:
        raise StateConflictError(f"card {row.card} is {row.state}; expected {' or '.join(expected)}")
