"""Whose requests wait: what a partner's next one would find before it if partners took turns.

Requests are answered in the order in which they come, whoever sends them. So that one partner's flood does not turn
away all others, what a partner would have to wait for in turns decides whether its next request is let in.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Waiting:
    """So many requests, with so many operations in them."""

    requests: int = 0
    operations: float = 0


class Turns:
    """What waits, by partner. Of those of whom nothing waits nothing is kept."""

    def __init__(self) -> None:
        self._of: dict[int, Waiting] = {}

    def __len__(self) -> int:
        return len(self._of)

    def add(self, partner: int, *, requests: int = 0, operations: int = 0) -> None:
        """Count what enters, and (less than 0) what leaves."""
        waiting = self._of.setdefault(partner, Waiting())
        waiting.requests += requests
        waiting.operations += operations
        if waiting == Waiting():
            del self._of[partner]

    def requests_of(self, partner: int) -> int:
        return self._of[partner].requests if partner in self._of else 0

    def most(self) -> int | None:
        """Return the partner with the most requests, None: nobody waits."""
        return max(self._of, key=self.requests_of, default=None)

    def until_answered(self, partner: int) -> Waiting:
        """Return what would be answered, in turns, until this partner's next request is, that one included: its own,
        and of each other partner's as many at most. The next one is taken to be as large as those are that wait."""
        total = Waiting(
            sum(waiting.requests for waiting in self._of.values()),
            sum(waiting.operations for waiting in self._of.values()),
        )
        own = self._of.get(partner, Waiting())
        turn = Waiting(own.requests + 1, own.operations + total.operations / max(total.requests, 1))
        others = [waiting for other, waiting in self._of.items() if other != partner]
        return Waiting(
            turn.requests + sum(min(waiting.requests, turn.requests) for waiting in others),
            turn.operations + sum(min(waiting.operations, turn.operations) for waiting in others),
        )
