"""A joint promotion as one of its partners sees it: it runs for a time, and its budget of points is never passed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class FakePromotion:
    """Runs from `starts_at` to before `ends_at`; `used` of `budget` points are earned and not reversed."""

    starts_at: datetime
    ends_at: datetime
    budget: int
    used: int = 0

    @property
    def left(self) -> int:
        return self.budget - self.used

    def is_running_at(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at
