"""How long to wait before trying again."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double from `first_s` up to `pause_max_s`, each shortened at random by up to a half.

    Without the random part, tills that lost the hub at the same moment would all come back at the same moment.
    """

    first_s: float = 0.25
    pause_max_s: float = 20.0

    def pause_s(self, *, attempt: int, chance: float, retry_after_s: float | None = None) -> float:
        """Return the pause after attempt 1, 2, ...; `chance` is in [0, 1). The hub's Retry-After is never undercut."""
        # 2.0 ** 1024 overflows; long before that the cap holds.
        doubled = self.first_s * 2.0 ** min(attempt - 1, 60)
        pause_s = min(doubled, self.pause_max_s) * (1 - chance / 2)
        return pause_s if retry_after_s is None else max(pause_s, retry_after_s)


# An operation that lacks something (unknown card, reversal before its original) is asked for again later and later.
LACKING = Backoff(first_s=30.0, pause_max_s=3600.0)
LACKING_ANSWERS_MAX = 20


def retry_after_s(text: str | None, *, now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110 section 10.2.3), or None if it asks for nothing."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None
