"""The states of a window and of each partner's share in it.

WINDOW   OPEN -> CLOSED -> CALCULATED -> APPROVED -> INVOICED -> SETTLING -> SETTLED
                    ^___________|___________|   recalculate: only before INVOICED; an approval falls with it

SHARE    CALCULATED -> ACCEPTED | DISPUTED -> INVOICED -> PAID | OVERDUE -> DEFAULTED -> CARRIED_FORWARD
                                                 ^_________|________^     a payment came back
         a dispute may end in ACCEPTED, and may still come after it; an OVERDUE share may still be PAID;
         what came back makes a PAID share INVOICED, or OVERDUE once it was due, until its window is SETTLED;
         before INVOICED a share falls back to CALCULATED with its window, or when its disputes are resolved
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar, get_args

from settlement.errors import IllegalMoveError

WindowState = Literal["OPEN", "CLOSED", "CALCULATED", "APPROVED", "INVOICED", "SETTLING", "SETTLED"]
ShareState = Literal[
    "CALCULATED", "ACCEPTED", "DISPUTED", "INVOICED", "PAID", "OVERDUE", "DEFAULTED", "CARRIED_FORWARD"
]
WINDOW_STATES: tuple[WindowState, ...] = get_args(WindowState)
SHARE_STATES: tuple[ShareState, ...] = get_args(ShareState)

_WINDOW_MOVES: Mapping[WindowState, tuple[WindowState, ...]] = {
    "OPEN": ("CLOSED",),
    "CLOSED": ("CALCULATED",),
    "CALCULATED": ("APPROVED", "CLOSED"),
    "APPROVED": ("INVOICED", "CLOSED"),
    "INVOICED": ("SETTLING",),
    "SETTLING": ("SETTLED",),
    "SETTLED": (),
}
_SHARE_MOVES: Mapping[ShareState, tuple[ShareState, ...]] = {
    "CALCULATED": ("ACCEPTED", "DISPUTED"),
    "ACCEPTED": ("INVOICED", "DISPUTED", "CALCULATED"),
    "DISPUTED": ("ACCEPTED", "INVOICED", "CALCULATED"),
    "INVOICED": ("PAID", "OVERDUE"),
    "PAID": ("INVOICED", "OVERDUE"),
    "OVERDUE": ("PAID", "DEFAULTED"),
    "DEFAULTED": ("CARRIED_FORWARD",),
    "CARRIED_FORWARD": (),
}
_State = TypeVar("_State", bound=str)


def move_window(from_state: WindowState, to_state: WindowState) -> WindowState:
    """Return the state that a window goes to.

    Raises:
        IllegalMoveError: a window may not go there from where it is.
    """
    return _move("a window", _WINDOW_MOVES, from_state, to_state)


def move_share(from_state: ShareState, to_state: ShareState) -> ShareState:
    """Return the state that a partner's share goes to.

    Raises:
        IllegalMoveError: a share may not go there from where it is.
    """
    return _move("a partner's share", _SHARE_MOVES, from_state, to_state)


def has_reached(state: WindowState, goal: WindowState) -> bool:
    """Say whether a window is at a state or past it."""
    return WINDOW_STATES.index(state) >= WINDOW_STATES.index(goal)


def _move(subject: str, moves: Mapping[_State, tuple[_State, ...]], from_state: _State, to_state: _State) -> _State:
    allowed = moves[from_state]
    if to_state not in allowed:
        raise IllegalMoveError(subject=subject, from_state=from_state, to_state=to_state, allowed=allowed)
    return to_state
