"""Whose requests wait, and who has little among them.

Requests are answered in the order in which they come, whoever sends them. So that one partner's flood does not turn
away all others, a partner of which much less waits than an equal share is let in while others are refused; but only
where few fill the queue. Where many flood alike, by chance some have less in it than others, and would lengthen it for
all. Both are a look at some sums: they are asked thousands of times a second, by whom there is no time for.
"""

from dataclasses import dataclass

# Measured with twenty that flood alike, and all let in who have little: the slowest 1 % waited for half as long again,
# or twice as long.
FEW = 4
# Of an equal share of what waits.
LITTLE = 1 / 3


@dataclass(slots=True)
class Waiting:
    """So many requests, and so much work in them."""

    requests: int = 0
    work: int = 0


class Shares:
    """What waits, by partner. Of those of whom nothing waits nothing is kept."""

    def __init__(self) -> None:
        self._of: dict[int, Waiting] = {}
        self._all = Waiting()
        self._squares = 0

    def __len__(self) -> int:
        return len(self._of)

    def add(self, partner: int, *, requests: int = 0, work: int = 0) -> None:
        """Count what enters, and (less than 0) what leaves."""
        own = self._of.setdefault(partner, Waiting())
        self._squares += work * (2 * own.work + work)
        for waiting in (own, self._all):
            waiting.requests += requests
            waiting.work += work
        if own == Waiting():
            del self._of[partner]

    @property
    def are_of_few(self) -> bool:
        """Whether fewer than FEW partners have the bulk of the work: as many equal ones would have the same squares of
        shares (1 / Herfindahl's index)."""
        return FEW * self._squares > self._all.work**2

    def has_little(self, partner: int) -> bool:
        """Say whether little of what waits is a partner's, also with one request more, as large as those that wait."""
        own = self._of.get(partner)
        partners = len(self._of) if own else len(self._of) + 1
        own_work = (own.work if own else 0) + self._all.work / max(self._all.requests, 1)
        return own_work * partners < LITTLE * self._all.work

    def most(self) -> tuple[int, int] | None:
        """Return the partner with the most requests, and how many; None: nobody waits."""
        partner = max(self._of, key=lambda partner: self._of[partner].requests, default=None)
        return None if partner is None else (partner, self._of[partner].requests)
