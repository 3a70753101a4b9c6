"""Which account a card leads to, and what it may do there, held in memory until any card's rights change."""

from collections.abc import Iterable

from coalition.database.pool import Pool
from coalition.lanes.card_memory import CardMemory
from coalition.lanes.look_ups import LookUps
from coalition.stores.cards import CardPlace, load_card_places

Places = dict[str, CardPlace]


class CardDirectory:
    """A bounded memory in front of the table `card`; only cards that exist are remembered.

    What is not remembered is looked up for all who ask meanwhile at once: of many members few are in the memory."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._memory = CardMemory()
        self._forgotten = 0
        self._look_ups = LookUps(self._load)

    async def find(self, cards: Iterable[str]) -> Places:
        """Return the places of those cards that exist; numbers as `normalised`."""
        wanted, remembered = set(cards), self._memory.get
        found = {card: place for card in wanted if (place := remembered(card)) is not None}
        if missing := wanted - found.keys():
            found |= await self._look_ups.find(missing)
        return found

    def forget(self) -> None:
        """Look every card up anew: what some may do has changed."""
        self._forgotten += 1
        self._memory.forget()

    async def _load(self, cards: set[str]) -> Places:
        forgotten = self._forgotten
        async with self._pool.acquire() as connection:
            loaded = await load_card_places(connection, cards)
        # What was read before a change was announced may be from before it.
        if forgotten == self._forgotten:
            for card, place in loaded.items():
                self._memory.remember(card, place)
        return loaded
