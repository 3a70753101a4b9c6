"""Of a card the hub remembers what it was told last, or nothing; and never more than it has room for."""

from random import Random

import pytest

from coalition.lanes.card_memory import OTHERS_MAX, CardMemory
from coalition.stores.cards import CardPlace, Place

KINDS = [
    CardPlace(1, 7, card_changes=3),
    CardPlace(1023, 2**53, card_changes=3),
    CardPlace(1, 7, "card_blocked", "card_blocked", card_changes=3),
    CardPlace(1, 7, None, "burn_not_permitted", card_changes=3),
    CardPlace(1, 7, linked=(Place(2, 9),), card_changes=3),
    CardPlace(1, 8, card_changes=4),
]
CARDS = [str(10**12 + number) for number in range(40)] + ["7", "07", "007", "٧", "AB7", "9" * 19, "9" * 20, "9" * 40]


def test_what_is_remembered_is_what_was_told_last() -> None:
    """Cards that share a slot, cards whose numbers differ by zeros in front alone, and cards that change their kind."""
    random, memory, told = Random(7), CardMemory(sets=11), dict[str, CardPlace]()
    for _ in range(5_000):
        card, place = random.choice(CARDS), random.choice(KINDS)
        memory.remember(card, place)
        told[card] = place
        assert memory.get(card) == place
        for other in CARDS:
            assert memory.get(other) in (None, told.get(other))
    memory.forget()
    assert [memory.get(card) for card in CARDS] == [None] * len(CARDS)


def test_a_card_that_comes_again_leaves_its_neighbour_where_it_is() -> None:
    """Two of three that share a set are remembered: those that came last, however often one of them came."""
    memory, (first, second, third) = CardMemory(sets=1), ("4711", "4712", "4713")
    for card in (first, second, second):
        memory.remember(card, KINDS[0])
    assert [memory.get(card) for card in (first, second, third)] == [KINDS[0], KINDS[0], None]
    memory.remember(third, KINDS[0])
    assert [memory.get(card) for card in (first, second, third)] == [None, KINDS[0], KINDS[0]]


def test_most_of_as_many_cards_as_members_of_a_town_are_found() -> None:
    memory = CardMemory()
    cards = [str(card) for card in Random(3).sample(range(10**12, 10**13), 200_000)]
    for account, card in enumerate(cards):
        memory.remember(card, CardPlace(account % 4, account))
    found = [memory.get(card) for card in cards]
    assert all(place in (None, CardPlace(account % 4, account)) for account, place in enumerate(found))
    assert 0.92 < sum(place is not None for place in found) / len(cards) < 0.95


@pytest.mark.parametrize("place", KINDS[2:5], ids=["blocked", "may not burn", "merged"])
def test_the_others_are_bounded_as_well(place: CardPlace) -> None:
    memory = CardMemory(sets=11)
    cards = [str(10**12 + number) for number in range(OTHERS_MAX + 10)]
    for card in cards:
        memory.remember(card, place)
    assert [card for card in cards if memory.get(card) is not None] == cards[10:]
