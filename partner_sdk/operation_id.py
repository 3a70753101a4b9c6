"""Operation ids: UUID version 7 (RFC 9562 section 5.7), so that ids sort in the order in which they were made.

48 bits  milliseconds since 1970      4 bits  version 7
12 bits  counter within the millisecond, from a random start below 2048
 2 bits  variant                      62 bits  random
"""

import os
import threading
import time

COUNTER_MAX = 0xFFF


def uuid7(*, unix_ms: int, counter: int, tail: int) -> str:
    """Return the UUID text of these parts; `counter` has 12 bits, `tail` 62."""
    high = (unix_ms & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | counter
    text = f"{high << 64 | 0b10 << 62 | tail:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class OperationIds:
    """Makes ids that never repeat and never go back, even when the clock does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unix_ms = 0
        self._counter = 0

    def next(self) -> str:
        tail = int.from_bytes(os.urandom(8), "big")
        with self._lock:
            self._advance(time.time_ns() // 1_000_000, start=tail >> 53)
            return uuid7(unix_ms=self._unix_ms, counter=self._counter, tail=tail & (1 << 62) - 1)

    def _advance(self, unix_ms: int, *, start: int) -> None:
        if unix_ms > self._unix_ms:
            self._unix_ms, self._counter = unix_ms, start
        elif self._counter < COUNTER_MAX:
            self._counter += 1
        else:
            # The millisecond is used up, or the clock went back: borrow the next one (RFC 9562 section 6.2).
            self._unix_ms, self._counter = self._unix_ms + 1, start


_ids = OperationIds()


def new_operation_id() -> str:
    """Return a new id; each call gives a greater one within this process."""
    return _ids.next()
