"""Which account a card leads to, held in memory: the lane of an account never changes."""

from collections.abc import Iterable

from coalition.database.pool import Pool
from coalition.stores.cards import Place, load_card_places

CARDS_MAX = 200_000


class CardDirectory:
    """A bounded memory in front of the table `card`; only cards that exist are remembered."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._places: dict[str, Place] = {}

    async def find(self, cards: Iterable[str]) -> dict[str, Place]:
        """Return the places of those cards that exist; numbers as `normalised`."""
        wanted = set(cards)
        found = {card: place for card in wanted if (place := self._places.get(card)) is not None}
        if missing := wanted - found.keys():
            async with self._pool.acquire() as connection:
                loaded = await load_card_places(connection, missing)
            found |= loaded
            self._remember(loaded)
        return found

    def _remember(self, loaded: dict[str, Place]) -> None:
        self._places |= loaded
        while len(self._places) > CARDS_MAX:
            # The first in is the first out: whoever still comes is looked up again, cheaply.
            self._places.pop(next(iter(self._places)))
