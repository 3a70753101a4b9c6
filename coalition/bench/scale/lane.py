"""Batches of a lane: how large they get by themselves, how long they hold the lane, and when the lane is full.

A batch takes whatever waits when the lane is free, so it is as large as what arrives while the others run:

    T(n) = t0 + n * t1                         how long a batch of n operations holds its lane
    cycle = max(lanes / slots, processes) * T  until a process comes back to a lane: it serves so many lanes at once,
                                               and waits for so many others at the lane's lock
    n = arrivals of a lane in one process * cycle = rate * k * T(n), with k = max(1 / (slots * processes), 1 / lanes)
      = rate * k * t0 / (1 - rate * k * t1)

and never smaller than what one message has for one lane, a parcel: of b operations drawn evenly, L * (1 - (1 - 1/L)^b)
lanes get any.
"""

from dataclasses import dataclass

from coalition.bench.scale.figures import Figures
from coalition.bench.scale.programme import Programme
from coalition.lanes.clearing import BATCHES_AT_ONCE
from coalition.lanes.lane_queue import BATCH_MAX


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a batch holds its lane: `fixed_s` and `operation_s` for each operation more."""

    fixed_s: float
    operation_s: float

    def seconds(self, operations: float) -> float:
        return self.fixed_s + operations * self.operation_s

    @property
    def operations_per_s_max(self) -> float:
        """Return what a lane books at most, in its largest batches, one right after the other."""
        return BATCH_MAX / self.seconds(BATCH_MAX)


def hold_of(figures: Figures, *, wait_us: float, lots_per_operation: float) -> Hold:
    """Return how long batches hold a lane: the waits, and all CPU that is spent while it is locked."""
    fixed_us = wait_us + figures.hub.batch_us + figures.postgres.batch_us
    operation_us = figures.held_share * figures.hub.operation_us + figures.postgres.operation_us
    lots_us = lots_per_operation * (figures.lot_use.hub_us + figures.lot_use.postgres_us)
    return Hold(fixed_us / 1e6, (operation_us + lots_us) / 1e6)


def batch_operations(hold: Hold, *, operations_per_s: float, parcel: float, lanes: int, processes: int) -> float:
    """Return how many operations a batch has on average, between a parcel and the largest."""
    reach = max(1 / (BATCHES_AT_ONCE * processes), 1 / lanes) * operations_per_s
    if reach * hold.operation_s >= 1:
        return BATCH_MAX
    return min(max(reach * hold.fixed_s / (1 - reach * hold.operation_s), parcel), BATCH_MAX)


def parcel_operations(programme: Programme, *, lanes: int) -> float:
    """Return how many operations of a message belong to one lane, on average over single messages and bundles."""
    single, bundle = float(programme.single_share), programme.bundle_operations
    lanes_hit = lanes * (1 - (1 - 1 / lanes) ** bundle)
    return 1 / (single + (1 - single) * lanes_hit / bundle)


def cycle_s(hold: Hold, *, operations: float, lanes: int, processes: int) -> float:
    """Return how long a full hub takes to come back to a lane."""
    return max(lanes / BATCHES_AT_ONCE, processes) * hold.seconds(operations)


def turn_s(hold: Hold, *, operations_per_s: float, parcel: float, lanes: int, processes: int) -> float:
    """Return how long nearly all messages wait for their batch, and in it: a batch's time by what is free of slots and
    lanes, at most a cycle."""
    batch = batch_operations(hold, operations_per_s=operations_per_s, parcel=parcel, lanes=lanes, processes=processes)
    cycle = cycle_s(hold, operations=batch, lanes=lanes, processes=processes)
    seconds = hold.seconds(parcel)
    used = max(1 / (BATCHES_AT_ONCE * processes), 1 / lanes) * operations_per_s * seconds / parcel
    return min(cycle, seconds / (1 - used)) if used < 1 else cycle
