"""Windows and shares move along their drawn ways and no others."""

from itertools import pairwise

import pytest

from settlement.engine.states import SHARE_STATES, WINDOW_STATES, ShareState, WindowState, move_share, move_window
from settlement.errors import IllegalMoveError

WINDOW_MOVES = {
    *pairwise(WINDOW_STATES),
    ("CALCULATED", "CLOSED"),
    ("APPROVED", "CLOSED"),
}
SHARE_MOVES = {
    ("CALCULATED", "ACCEPTED"),
    ("CALCULATED", "DISPUTED"),
    ("ACCEPTED", "INVOICED"),
    ("ACCEPTED", "DISPUTED"),
    ("ACCEPTED", "CALCULATED"),
    ("DISPUTED", "INVOICED"),
    ("DISPUTED", "ACCEPTED"),
    ("DISPUTED", "CALCULATED"),
    ("INVOICED", "PAID"),
    ("INVOICED", "OVERDUE"),
    ("OVERDUE", "PAID"),
    ("PAID", "INVOICED"),
    ("PAID", "OVERDUE"),
    ("OVERDUE", "DEFAULTED"),
    ("DEFAULTED", "CARRIED_FORWARD"),
}


@pytest.mark.parametrize("to_state", WINDOW_STATES)
@pytest.mark.parametrize("from_state", WINDOW_STATES)
def test_a_window_moves_only_along_its_states(from_state: WindowState, to_state: WindowState) -> None:
    if (from_state, to_state) in WINDOW_MOVES:
        assert move_window(from_state, to_state) == to_state
    else:
        with pytest.raises(IllegalMoveError, match=f"a window cannot go from {from_state} to {to_state}"):
            move_window(from_state, to_state)


@pytest.mark.parametrize("to_state", SHARE_STATES)
@pytest.mark.parametrize("from_state", SHARE_STATES)
def test_a_share_moves_only_along_its_states(from_state: ShareState, to_state: ShareState) -> None:
    if (from_state, to_state) in SHARE_MOVES:
        assert move_share(from_state, to_state) == to_state
    else:
        with pytest.raises(IllegalMoveError, match=f"share cannot go from {from_state} to {to_state}"):
            move_share(from_state, to_state)


def test_the_refusal_says_where_it_could_go() -> None:
    with pytest.raises(IllegalMoveError, match="from CALCULATED it may go to APPROVED or CLOSED"):
        move_window("CALCULATED", "SETTLED")
    with pytest.raises(IllegalMoveError, match="nothing: it is final"):
        move_window("SETTLED", "OPEN")
