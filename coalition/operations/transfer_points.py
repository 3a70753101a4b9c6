"""Give points from one card to another; they keep their origin and age."""

from datetime import datetime, time

from coalition.database.pool import Connection, Pool
from coalition.errors import GiftRefusedError
from coalition.lanes.book_batch import Clock
from coalition.lanes.move_points import open_accounts
from coalition.ledger.batch import Calendar
from coalition.operations.merge_accounts import Moved, find_two_cards
from coalition.stores.cards import CardRow
from coalition.stores.merges import add_transfer, load_given, load_transfer_max, lock_card_changes


async def transfer_points(
    pool: Pool, card: str, *, to: str, points: int, calendar: Calendar, clock: Clock, actor: str
) -> Moved:
    """Give points from one card to another, the oldest first.

    Raises NotFoundError for an unknown card, GiftRefusedError where transfers are switched off, the day's limit would
    be passed, a card may not spend or collect, or the points are not available."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_card_changes(connection)
        giver, taker = await find_two_cards(connection, card, to)
        now = clock()
        await refuse_gift(connection, giver, taker, points, calendar=calendar, now=now)
        accounts = await open_accounts(connection, giver.place, taker.place, calendar=calendar, clock=clock)
        refuse_more_than(accounts.account(giver.place).available, points)
        accounts.move(giver.place, taker.place, points)
        await accounts.write()
        await add_transfer(connection, from_card=giver.card, to_card=taker.card, points=points, now=now, actor=actor)
        return Moved(points, taker.place.account)


async def refuse_gift(
    connection: Connection, giver: CardRow, taker: CardRow, points: int, *, calendar: Calendar, now: datetime
) -> None:
    """Raise GiftRefusedError for all but points that are not there, which only the account's lane knows."""
    limit = await load_transfer_max(connection)
    if not limit:
        raise GiftRefusedError("off", "transfers between members are switched off in this programme")
    for row in (giver, taker):
        if row.state != "active":
            raise GiftRefusedError("card_state", f"card {row.card} is {row.state}; expected active")
    if not giver.may_burn:
        raise GiftRefusedError("may_not_spend", f"the member with card {giver.card} may collect, and not spend")
    if giver.place == taker.place:
        raise GiftRefusedError("own_card", "both cards lead to one account already")
    midnight = datetime.combine(calendar.day_of(now), time(), calendar.zone)
    given = await load_given(connection, giver.card, since=midnight)
    if given + points > limit:
        told = f"a card may give {limit} points a day; it has given {given} today"
        raise GiftRefusedError("day_limit", told, points=max(limit - given, 0))


def refuse_more_than(available: int, points: int) -> None:
    """Raise GiftRefusedError where so many points are not available."""
    if not 0 < points <= available:
        told = f"{points} points can not be given; 1 to {available} are available"
        raise GiftRefusedError("not_available", told, points=max(available, 0))
