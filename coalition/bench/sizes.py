"""How much of everything a run does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """`messages` of `operations` each are sent per round of B1, `singles` of one operation each per round of B3.

    `in_flight` and `singles_in_flight` say how many messages wait for their answers at once."""

    members: int
    partners: int
    rounds: int
    messages: int
    operations: int
    in_flight: int
    singles: int
    singles_in_flight: tuple[int, ...]
    open_loop_s: float
    peer_s: float
    peer_connections: int


FULL = Sizes(
    members=200_000,
    partners=20,
    rounds=5,
    messages=200,
    operations=500,
    in_flight=16,
    singles=6_000,
    singles_in_flight=(32, 64),
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
    in_flight=16,
    singles=1_500,
    singles_in_flight=(32, 64),
    open_loop_s=1.5,
    peer_s=1.0,
    peer_connections=8,
)
