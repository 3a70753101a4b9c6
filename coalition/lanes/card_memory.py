"""Where cards lead to, in a memory of fixed size.

Nearly all cards may do all, and are linked with nothing: of those only two whole numbers are kept, 16 bytes in all,
where an entry of a dictionary takes 250. A card belongs to a set of two slots; the older of two makes room for a third.

    slot   card as a whole number | account * LANES_MAX + lane                 2 * SETS of them
"""

from array import array

from coalition.stores.cards import CardPlace

# A prime, so that numbers which follow a rule spread; 8 MB. Of 200,000 cards 93 in 100 are found.
SETS = 262_139
OTHERS_MAX = 20_000
LANES_MAX = 1_024
# What fits into a slot: any number of so many digits.
DIGITS_MAX = 19
NONE = 0


class CardMemory:
    """Remembers the cards that came last, as many as there is room for."""

    def __init__(self, sets: int = SETS) -> None:
        self._sets = sets
        self._accounts = array("Q", bytes(8 * 2 * sets))
        self.forget()

    def forget(self) -> None:
        """Remember nothing."""
        self._cards = array("Q", bytes(8 * 2 * self._sets))
        # Of each lane: what its plain cards say of themselves holds as long as it counts so many changes.
        self._card_changes: dict[int, int] = {}
        self._others: dict[str, CardPlace] = {}

    def get(self, card: str) -> CardPlace | None:
        """Return where a card leads to, if it is remembered."""
        if is_plain_number(card):
            number, slot = self._slot(card)
            if self._cards[slot] != number:
                slot += 1
            if self._cards[slot] == number:
                account, lane = divmod(self._accounts[slot], LANES_MAX)
                return CardPlace(lane, account, card_changes=self._card_changes[lane])
        return self._others.get(card)

    def remember(self, card: str, place: CardPlace) -> None:
        """Remember a card, instead of what was remembered of it."""
        if is_plain_number(card):
            number, slot = self._slot(card)
            if self._is_plain(place):
                self._others.pop(card, None)
                if self._cards[slot] not in (NONE, number):
                    self._cards[slot + 1], self._accounts[slot + 1] = self._cards[slot], self._accounts[slot]
                self._cards[slot], self._accounts[slot] = number, place.account * LANES_MAX + place.lane
                return
            for either in (slot, slot + 1):
                if self._cards[either] == number:
                    self._cards[either] = NONE
        self._others[card] = place
        if len(self._others) > OTHERS_MAX:
            # The first in is the first out: whoever still comes is looked up again, cheaply.
            self._others.pop(next(iter(self._others)))

    def _slot(self, card: str) -> tuple[int, int]:
        number = int(card)
        return number, number % self._sets * 2

    def _is_plain(self, place: CardPlace) -> bool:
        changes = self._card_changes.setdefault(place.lane, place.card_changes)
        return place == CardPlace(place.lane, place.account, card_changes=changes)


def is_plain_number(card: str) -> bool:
    """Say whether a card's number is a whole number of some digits, written as any such number is."""
    return len(card) <= DIGITS_MAX and card.isascii() and card.isdigit() and card[0] != "0"
