"""Card numbers that any till's scanner reads as an EAN."""

import pytest

from coalition.programme.card_number import card_number, printed


@pytest.mark.parametrize(
    ("serial", "card"),
    [(0, "2760000000001"), (1, "2760000000018"), (123_456_789, "2761234567896"), (999_999_999, "2769999999990")],
)
def test_card_numbers_are_what_they_were(serial: int, card: str) -> None:
    assert card_number(serial) == card


@pytest.mark.parametrize("serial", [*range(50), 10**8, 987_654_321])
def test_the_check_digit_is_that_of_an_ean_13(serial: int) -> None:
    """GS1: from the right, digits weigh 1 and 3 in turn, and the sum is a multiple of ten."""
    card = card_number(serial)
    assert len(card) == 13
    assert sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(card))) % 10 == 0


def test_one_wrong_digit_is_noticed() -> None:
    card = card_number(42)
    wrong = [card[:place] + str((int(card[place]) + 1) % 10) + card[place + 1 :] for place in range(13)]
    for number in wrong:
        assert sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(number))) % 10 != 0


def test_a_card_is_printed_in_groups_of_four() -> None:
    assert printed("2760000000018") == "2760 0000 0001 8"
