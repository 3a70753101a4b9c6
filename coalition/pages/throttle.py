"""How often something may be tried: counted in this process, forgotten with it."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

KEYS_MAX = 100_000


@dataclass(slots=True)
class Throttle:
    """At most `count_max` tries per key within `period`."""

    count_max: int
    period: timedelta
    _tries: dict[str, deque[datetime]] = field(default_factory=dict)

    def wait_s(self, key: str, *, now: datetime) -> int:
        """Return how long until the key may try again; 0: now."""
        tries = self._recent(key, now)
        if len(tries) < self.count_max:
            return 0
        return max(1, int((tries[0] + self.period - now).total_seconds()) + 1)

    def count(self, key: str, *, now: datetime) -> None:
        """Count a try."""
        if key not in self._tries and len(self._tries) >= KEYS_MAX:
            self._make_room(now)
        self._tries.setdefault(key, deque(maxlen=self.count_max)).append(now)

    def forget(self, key: str) -> None:
        """Forget a key's tries: it was the right one after all."""
        self._tries.pop(key, None)

    def _recent(self, key: str, now: datetime) -> deque[datetime]:
        tries = self._tries.get(key, deque())
        while tries and tries[0] <= now - self.period:
            tries.popleft()
        return tries

    def _make_room(self, now: datetime) -> None:
        """Forget keys whose tries are over; if none are, the oldest: memory has an end."""
        over = [key for key, tries in self._tries.items() if not tries or tries[-1] <= now - self.period]
        for key in over or list(self._tries)[: KEYS_MAX // 10]:
            del self._tries[key]
