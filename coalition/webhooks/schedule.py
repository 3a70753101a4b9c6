"""When a webhook that failed is tried again, and when it is given up."""

from datetime import datetime, timedelta

PAUSE_FIRST_S = 5
PAUSE_FACTOR = 3
PAUSE_MAX_S = 4 * 3600
GIVE_UP_AFTER = timedelta(days=5)


def next_attempt_at(now: datetime, *, failures: int, chance: float, retry_after_s: int = 0) -> datetime:
    """Return when to try again after so many failures in a row: 5 s, 15 s, ... 4 h, less up to half by chance (0 to 1),
    so that receivers that went down together are not called together; never before the receiver's own `Retry-After`."""
    pause_s = min(PAUSE_FIRST_S * PAUSE_FACTOR ** min(failures - 1, 10), PAUSE_MAX_S)
    return now + timedelta(seconds=max(pause_s * (1 - chance / 2), min(retry_after_s, PAUSE_MAX_S)))


def is_given_up(now: datetime, *, failing_since: datetime) -> bool:
    """Whether every attempt has failed for so long that nobody seems to be there."""
    return now - failing_since >= GIVE_UP_AFTER
