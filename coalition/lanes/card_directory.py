"""Which account a card leads to, and what it may do there, held in memory until any card's rights change."""

import asyncio
from collections.abc import Iterable

from coalition.database.pool import Pool
from coalition.stores.cards import CardPlace, load_card_places

CARDS_MAX = 200_000

Places = dict[str, CardPlace]


class CardDirectory:
    """A bounded memory in front of the table `card`; only cards that exist are remembered.

    What is not remembered is looked up for all who ask meanwhile at once: of many members few are in the memory."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._places: Places = {}
        self._forgotten = 0
        self._asked: list[tuple[set[str], asyncio.Future[Places]]] = []
        self._look_ups: asyncio.Task[None] | None = None

    async def find(self, cards: Iterable[str]) -> Places:
        """Return the places of those cards that exist; numbers as `normalised`."""
        wanted = set(cards)
        found = {card: place for card in wanted if (place := self._places.get(card)) is not None}
        if missing := wanted - found.keys():
            loaded = await self._look_up(missing)
            found |= {card: place for card in missing if (place := loaded.get(card)) is not None}
        return found

    def forget(self) -> None:
        """Look every card up anew: what some may do has changed."""
        self._forgotten += 1
        self._places.clear()

    async def _look_up(self, cards: set[str]) -> Places:
        answered: asyncio.Future[Places] = asyncio.get_running_loop().create_future()
        self._asked.append((cards, answered))
        if self._look_ups is None or self._look_ups.done():
            self._look_ups = asyncio.create_task(self._work(), name="cards")
        return await answered

    async def _work(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                loaded = await self._load(set().union(*(cards for cards, _ in asked)))
            except Exception as error:
                for _, answered in asked:
                    if not answered.done():
                        answered.set_exception(error)
            else:
                for _, answered in asked:
                    if not answered.done():
                        answered.set_result(loaded)

    async def _load(self, cards: set[str]) -> Places:
        forgotten = self._forgotten
        async with self._pool.acquire() as connection:
            loaded = await load_card_places(connection, cards)
        # What was read before a change was announced may be from before it.
        if forgotten == self._forgotten:
            self._remember(loaded)
        return loaded

    def _remember(self, loaded: Places) -> None:
        self._places |= loaded
        while len(self._places) > CARDS_MAX:
            # The first in is the first out: whoever still comes is looked up again, cheaply.
            self._places.pop(next(iter(self._places)))
