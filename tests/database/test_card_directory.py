"""Cards that a hub does not remember are looked up for all who ask at the same moment."""

import asyncio

import asyncpg

from coalition.database.pool import Pool
from coalition.lanes.card_directory import CardDirectory
from tests.database.lane_books import new_cards


async def test_each_who_asks_gets_its_own_cards(pool: Pool) -> None:
    """Also those who share cards with others, name unknown ones, or go away before the answer."""
    cards = await new_cards(pool, 9)
    directory = CardDirectory(pool)
    asked = [{cards[number % 9], cards[(number * 4 + 1) % 9], f"unknown {number}"} for number in range(30)]
    gone = asyncio.create_task(directory.find(cards))
    finds = [asyncio.create_task(directory.find(each)) for each in asked]
    await asyncio.sleep(0)
    gone.cancel()
    found = await asyncio.gather(*finds)
    assert [places.keys() for places in found] == [{card for card in each if card in cards} for each in asked]
    assert {place.account for places in found for place in places.values()} == {
        place.account for place in (await directory.find(cards)).values()
    }


async def test_many_at_once_are_one_look_up(pool: Pool, database_url: str) -> None:
    """While the first look-up is on its way all others wait for the next: two in all."""
    cards = await new_cards(pool, 30)
    asked: list[int] = []

    async def watch(connection: asyncpg.Connection) -> None:
        connection.add_query_logger(
            lambda logged: asked.append(len(logged.args[0])) if "FROM card" in logged.query else None
        )

    async with asyncpg.create_pool(database_url, min_size=1, max_size=1, init=watch) as watched:
        directory = CardDirectory(watched)
        first = asyncio.create_task(directory.find(cards[:1]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, *(directory.find([card]) for card in cards[1:]))
    assert asked == [1, 29]


async def test_a_look_up_that_fails_is_told_to_all(pool: Pool, database_url: str) -> None:
    cards = await new_cards(pool, 2)
    closed = await asyncpg.create_pool(database_url, min_size=0, max_size=1)
    await closed.close()
    directory = CardDirectory(closed)
    found = await asyncio.gather(*(directory.find([card]) for card in cards), return_exceptions=True)
    assert [type(each) for each in found] == [asyncpg.InterfaceError] * 2
