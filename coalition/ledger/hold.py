"""Points set aside for a purchase that is not finished.

    RESERVED -> CAPTURED | RELEASED | TIMED_OUT      resolved at most once

A hold counts against what is available; its points stay in the balance. They neither expire nor are clawed back while
it is open: the shop has been promised them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HoldState = Literal["reserved", "captured", "released", "timed_out"]


@dataclass(slots=True)
class Hold:
    """One reserve, booked at `leaf`. From `expires_at` on it is timed out, whether a hub ran at that moment or not;
    `resolved_leaf` is the record that ended it."""

    leaf: int
    account: int
    partner: int
    points: int
    expires_at: datetime
    state: HoldState = "reserved"
    captured: int = 0
    resolved_leaf: int | None = None
    is_changed: bool = False

    def resolve(self, state: HoldState, *, leaf: int, captured: int = 0) -> None:
        """End the hold by the record at `leaf`."""
        assert self.state == "reserved", f"a hold is resolved at most once; this one is {self.state}"
        self.state, self.resolved_leaf, self.captured, self.is_changed = state, leaf, captured, True
