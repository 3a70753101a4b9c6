"""How much of everything a run does."""

import os
from dataclasses import dataclass

# More hardly help where the database shares the cores.
WORKERS_MAX = 4


@dataclass(frozen=True, slots=True)
class Sizes:
    """`messages` of `operations` each are sent per round of B1 and to fill a small window of B4, `singles` of one
    operation each per round of B3, and as many reads per round of B5.

    For each of the hub's processes, `workers` of them, so many messages wait for their answers at once: `messages_each`
    of many operations, `singles_each` of one. `lanes` is how many the database is made with. Each commit is confirmed
    `confirm_ms` later than the disk does."""

    members: int
    partners: int
    rounds: int
    messages: int
    operations: int
    messages_each: int
    singles: int
    singles_each: tuple[int, ...]
    open_loop_s: float
    peer_s: float
    peer_connections: int
    workers: int = 1
    lanes: int = 4
    confirm_ms: float = 0.0

    @property
    def messages_in_flight(self) -> int:
        return self.messages_each * self.workers

    @property
    def singles_in_flight(self) -> tuple[int, ...]:
        return tuple(each * self.workers for each in self.singles_each)


FULL = Sizes(
    members=200_000,
    partners=20,
    rounds=5,
    messages=200,
    operations=500,
    messages_each=16,
    singles=6_000,
    singles_each=(16, 32, 64, 96),
    open_loop_s=8.0,
    peer_s=3.0,
    peer_connections=8,
)

QUICK = Sizes(
    members=10_000,
    partners=20,
    rounds=2,
    messages=40,
    operations=500,
    messages_each=16,
    singles=1_500,
    singles_each=(16, 32, 64, 96),
    open_loop_s=1.5,
    peer_s=1.0,
    peer_connections=8,
)


def workers_for_this_machine() -> int:
    """Return one for each core that we may use, up to WORKERS_MAX."""
    return min(len(os.sched_getaffinity(0)), WORKERS_MAX)
