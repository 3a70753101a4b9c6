"""What was accepted and has no answer yet, how long it will take, and when it is too much.

A newcomer waits for what is before it: the work ahead, divided by the work that was answered a second just now. Work is
counted in operations; a request takes as long as some of them even when it has only one, or none. The bound is a time,
so that it means the same on a fast machine and a slow one, for single messages and for full ones.

Who is refused comes back. So `retry_after_s` counts what was turned away of late with what waits: the last in this
queue is told when its turn would be, and not all are told to come at the same moment.

A crowd may be that of one partner, or of a few. Of whom little waits is let in nevertheless: a flood is refused before
others' requests are.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from coalition.errors import OverloadedError
from coalition.lanes.shares import Shares

OPERATIONS_MAX = 20_000
# Measured: a message of one operation takes about as long as a full one's 15 operations more.
REQUEST_OPERATIONS = 15
# Nobody is to wait for longer, however few there are.
WAIT_MAX_S = 5.0
# So few may take their time, as reconciliations do. A burst is no overload before another one has waited for half as
# long as it may, whatever the measured rate says.
SLOW_REQUESTS = 8
RATE_SLOTS, RATE_SLOT_S = 10, 0.3
REFUSED_SLOTS, REFUSED_SLOT_S = 10, 1.0
RETRY_AFTER_MAX_S = 30
# Nothing is answered at all: how long that lasts is anybody's guess.
RETRY_AFTER_UNKNOWN_S = 5
# An operator is told so often who fills the queue.
TELL_EVERY_S = 60

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many requests, or so much work in operations, of which none may wait for longer than `wait_max_s`."""

    requests: int
    operations: int
    wait_max_s: float


# As long as a till can wait that has a customer before it. Once somebody had to be refused, and until nobody was for
# REFUSING_S, more come than can be answered: a short queue keeps the hub as busy as a long one.
CROWD = Crowd(requests=128, operations=10_000, wait_max_s=0.15)
CROWD_WHILE_REFUSING = Crowd(requests=48, operations=10_000, wait_max_s=0.06)
REFUSING_S = 1.0


class Recently:
    """A sum over the last `slots` times `slot_s` seconds."""

    def __init__(self, slots: int, slot_s: float) -> None:
        self._slot_s = slot_s
        self._sums = deque([0.0] * slots, maxlen=slots)
        self._slot = 0

    def add(self, amount: float, *, now_s: float) -> None:
        self._turn(now_s)
        self._sums[-1] += amount

    def total(self, *, now_s: float) -> float:
        self._turn(now_s)
        return sum(self._sums)

    def span_s(self, *, now_s: float) -> float:
        """Return the time that `total` is about; the newest slot has only begun."""
        return now_s - (self._slot - len(self._sums) + 1) * self._slot_s

    def clear(self) -> None:
        self._sums.extend([0.0] * len(self._sums))

    def _turn(self, now_s: float) -> None:
        slot = int(now_s / self._slot_s)
        for _ in range(min(slot - self._slot, len(self._sums))):
            self._sums.append(0.0)
        self._slot = slot


class Backlog:
    """Of one process. Requests and operations enter and leave it; `refuse_late` is asked before a request enters."""

    def __init__(self, *, operations_max: int = OPERATIONS_MAX, seconds: Seconds = time.monotonic) -> None:
        self.operations = 0
        self.operations_max = operations_max
        self._seconds = seconds
        self._entered_s: dict[object, float] = {}
        self._shares = Shares()
        self._busy_since_s = self._answered_s = 0.0
        self._refused_s = -REFUSING_S
        self._told_s = -math.inf
        self._answered_work = Recently(RATE_SLOTS, RATE_SLOT_S)
        self._answered = Recently(RATE_SLOTS, RATE_SLOT_S)
        self._refused = Recently(REFUSED_SLOTS, REFUSED_SLOT_S)

    @property
    def requests(self) -> int:
        return len(self._entered_s)

    @contextmanager
    def request(self, partner: int) -> Iterator[None]:
        """Count a partner's request as long as the block lasts."""
        key, now_s = object(), self._seconds()
        if not self._entered_s:
            # What was answered before this rush tells of a hub that had little to do.
            self._busy_since_s = self._answered_s = now_s
            self._answered.clear()
            self._answered_work.clear()
        self._entered_s[key] = now_s
        self._shares.add(partner, requests=1, work=REQUEST_OPERATIONS)
        try:
            yield
        finally:
            del self._entered_s[key]
            self._shares.add(partner, requests=-1, work=-REQUEST_OPERATIONS)
            now_s = self._answered_s = self._seconds()
            self._answered.add(1, now_s=now_s)
            self._answered_work.add(REQUEST_OPERATIONS, now_s=now_s)

    @contextmanager
    def of_operations(self, count: int, *, partner: int) -> Iterator[None]:
        """Count a message's operations as long as the block lasts.

        Raises OverloadedError when more would wait than may, with nothing done."""
        if self.operations + count > self.operations_max:
            raise self.overloaded()
        self.operations += count
        self._shares.add(partner, work=count)
        try:
            yield
        finally:
            self.operations -= count
            self._shares.add(partner, work=-count)
            self._answered_work.add(count, now_s=self._seconds())

    def refuse_late(self, claimed: Callable[[], int | None]) -> int | None:
        """Refuse a newcomer that would wait for too long; raises OverloadedError.

        `claimed` is asked only then: which partner's it says to be, None: nobody's that we know. Returns that partner
        where it is let in since little of what waits is its; None: as anybody would be."""
        now_s = self._seconds()
        crowd = CROWD_WHILE_REFUSING if now_s - self._refused_s < REFUSING_S else CROWD
        is_crowd = self.requests >= crowd.requests or self._work >= crowd.operations
        limit_s = crowd.wait_max_s if is_crowd else WAIT_MAX_S
        entered_s = next(islice(self._entered_s.values(), SLOW_REQUESTS, None), now_s)
        if now_s - entered_s <= limit_s / 2 or (wait_s := self.wait_s(now_s)) <= limit_s:
            return None
        if wait_s <= WAIT_MAX_S and self._shares.are_of_few:
            partner = claimed()
            if partner is not None and self._shares.has_little(partner):
                return partner
        self._refused_s = now_s
        raise self.overloaded()

    def who_fills_it(self) -> tuple[int, int] | None:
        """Return the partner with the most requests that wait, and how many; None: that was told a moment ago."""
        now_s = self._seconds()
        if now_s - self._told_s < TELL_EVERY_S or (most := self._shares.most()) is None:
            return None
        self._told_s = now_s
        return most

    def wait_s(self, now_s: float) -> float:
        """Return how long it takes to answer all that waits, at the rate of just now; where nothing was answered just
        now, how long that has been so."""
        per_s = self._per_s(self._answered_work, now_s)
        return self._work / per_s if per_s else now_s - self._answered_s

    def overloaded(self) -> OverloadedError:
        """Return the refusal of one more; it counts among those that will come back."""
        now_s = self._seconds()
        self._refused.add(1, now_s=now_s)
        return OverloadedError(
            waiting=self.operations, limit=self.operations_max, retry_after_s=self._retry_after_s(now_s)
        )

    @property
    def _work(self) -> int:
        return self.operations + REQUEST_OPERATIONS * self.requests

    def _retry_after_s(self, now_s: float) -> int:
        per_s = self._per_s(self._answered, now_s)
        if not per_s:
            return RETRY_AFTER_UNKNOWN_S
        ahead = self.requests + self._refused.total(now_s=now_s)
        return max(1, min(RETRY_AFTER_MAX_S, math.ceil(ahead / per_s)))

    def _per_s(self, answered: Recently, now_s: float) -> float:
        span_s = min(answered.span_s(now_s=now_s), now_s - self._busy_since_s)
        return answered.total(now_s=now_s) / max(span_s, RATE_SLOT_S)
