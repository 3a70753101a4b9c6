"""Tills, hubs, lanes and group commit as discrete events: how long messages take at a load, and where it ends.

    till --message--> hub process: a core for the message --> its lane's queue
        a slot of the process is free: wait for the lane's lock (a third of a batch's fixed CPU in hub and database)
        --> take all that waits (group commit)
        --> a core for the batch in the hub --> a core in the database --> the wait for the disk --> unlock
        --> a core for the answer

A hub process runs on one core at a time, and so does the load generator, which every message passes first; all
processes and the database share the machine's cores, first come, first served. That is cruder than a scheduler and the
event loop, and told as the error of the comparison.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

from coalition.bench.figures import percentile
from coalition.lanes.clearing import BATCHES_AT_ONCE
from coalition.lanes.lane_queue import BATCH_MAX

# One of three round trips of a batch: begin and lock, load, write and commit.
LOCKING_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Model:
    """What is simulated. Seconds of CPU: of a message in its hub (half before its batch, half after), of a batch and
    each operation of it in hub and database; `wait_s` is spent in a batch by nobody. `generator_s` is what a message
    costs who sends it, where that is one process as well."""

    lanes: int
    processes: int
    cores: int
    message_s: float
    batch_hub_s: float
    operation_hub_s: float
    batch_postgres_s: float
    operation_postgres_s: float
    wait_s: float
    generator_s: float = 0.0
    operations_per_message: int = 1


@dataclass(slots=True)
class Outcome:
    """What came of it. `seconds` are simulated."""

    seconds: float = 0.0
    operations: int = 0
    batches: int = 0
    latencies_s: list[float] = field(default_factory=list)

    @property
    def operations_per_s(self) -> float:
        return self.operations / self.seconds

    @property
    def operations_per_batch(self) -> float:
        return self.operations / self.batches

    def latency_s(self, share: float) -> float:
        """Return the latency that this share of the messages did not pass."""
        return percentile(self.latencies_s, share)


Step = Callable[[], None]


class _Clock:
    """Events in order of time; those of one moment in the order in which they were planned."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Step]] = []
        self._numbers = count()

    def after(self, seconds: float, step: Step) -> None:
        heappush(self._events, (self.now_s + seconds, next(self._numbers), step))

    def run(self) -> None:
        while self._events:
            self.now_s, _, step = heappop(self._events)
            step()


class _Servers:
    """So many servers with one queue, first come, first served; what holds one gives it back."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[Step] = deque()

    def take(self, step: Step) -> None:
        """Call `step` when a server is ours."""
        if self._free:
            self._free -= 1
            step()
        else:
            self._waiting.append(step)

    def give(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


@dataclass(slots=True)
class _Message:
    """A message with its arrival; `parcels` are its lanes that have not booked yet."""

    arrived_s: float
    parcels: int
    answered: Step


class _Process:
    """A hub process: a queue for each lane, few batches at once, one core at most."""

    def __init__(self, lanes: int) -> None:
        self.core = _Servers(1)
        self.slots = _Servers(BATCHES_AT_ONCE)
        self.queues: list[deque[tuple[_Message, int]]] = [deque() for _ in range(lanes)]
        self.is_working = [False] * lanes


class _World:
    def __init__(self, model: Model, random: Random) -> None:
        self.model = model
        self.random = random
        self.clock = _Clock()
        self.cores = _Servers(model.cores)
        self.generator = _Servers(1)
        self.locks = [_Servers(1) for _ in range(model.lanes)]
        self.processes = [_Process(model.lanes) for _ in range(model.processes)]
        self.outcome = Outcome()
        self._turns = count()

    def arrive(self, answered: Step = lambda: None) -> None:
        """Let a message come in, at one process after the other."""
        process = self.processes[next(self._turns) % len(self.processes)]
        message = _Message(self.clock.now_s, 0, answered)
        queue = partial(self._queue, process, message)
        sent = partial(self._spend, self.model.message_s / 2, process.core, queue)
        self._spend(self.model.generator_s, self.generator, sent)

    def _queue(self, process: _Process, message: _Message) -> None:
        operations: dict[int, int] = {}
        for _ in range(self.model.operations_per_message):
            lane = self.random.randrange(self.model.lanes)
            operations[lane] = operations.get(lane, 0) + 1
        message.parcels = len(operations)
        for lane, number in operations.items():
            process.queues[lane].append((message, number))
            if not process.is_working[lane]:
                process.is_working[lane] = True
                process.slots.take(partial(self._lock, process, lane))

    def _lock(self, process: _Process, lane: int) -> None:
        """Ask for the lane; what arrives until it is ours still joins."""
        model = self.model
        book = partial(self._book, process, lane)
        taken = partial(self._spend, model.batch_postgres_s * LOCKING_SHARE, None, book)
        asked = partial(self.locks[lane].take, taken)
        self._spend(model.batch_hub_s * LOCKING_SHARE, process.core, asked)

    def _book(self, process: _Process, lane: int) -> None:
        """Take what waits, now that the lane is ours."""
        queue, batch, operations = process.queues[lane], list[_Message](), 0
        while queue and (not batch or operations + queue[0][1] <= BATCH_MAX):
            message, number = queue.popleft()
            batch.append(message)
            operations += number
        self.outcome.batches += 1
        model = self.model
        in_hub_s = model.batch_hub_s * (1 - LOCKING_SHARE) + operations * model.operation_hub_s
        in_database_s = model.batch_postgres_s * (1 - LOCKING_SHARE) + operations * model.operation_postgres_s
        committed = partial(self._committed, process, lane, batch, operations)
        waited = partial(self.clock.after, model.wait_s, committed)
        self._spend(in_hub_s, process.core, partial(self._spend, in_database_s, None, waited))

    def _committed(self, process: _Process, lane: int, batch: list[_Message], operations: int) -> None:
        self.outcome.operations += operations
        self.locks[lane].give()
        if process.queues[lane]:
            process.slots.take(partial(self._lock, process, lane))
        else:
            process.is_working[lane] = False
        process.slots.give()
        for message in batch:
            message.parcels -= 1
            if message.parcels == 0:
                self._spend(self.model.message_s / 2, process.core, partial(self._answer, message))

    def _answer(self, message: _Message) -> None:
        self.outcome.latencies_s.append(self.clock.now_s - message.arrived_s)
        self.outcome.seconds = self.clock.now_s
        message.answered()

    def _spend(self, seconds: float, own: _Servers | None, then: Step) -> None:
        """Use a core for so long; who has a core of its `own` has one piece of work under way at a time."""

        def done() -> None:
            self.cores.give()
            if own is not None:
                own.give()
            then()

        def work() -> None:
            self.cores.take(partial(self.clock.after, seconds, done))

        if own is None:
            work()
        else:
            own.take(work)


def simulate_open(model: Model, *, messages_per_s: float, messages: int, seed: int = 1) -> Outcome:
    """Let messages come at a mean rate with the random gaps of independent tills, whatever is answered."""
    world = _World(model, Random(seed))
    arrivals = _arrivals(messages_per_s, messages, Random(seed + 1))

    def await_next() -> None:
        gap_s = next(arrivals, None)
        if gap_s is not None:
            world.clock.after(gap_s, arrive)

    def arrive() -> None:
        world.arrive()
        await_next()

    await_next()
    world.clock.run()
    return world.outcome


def _arrivals(messages_per_s: float, messages: int, random: Random) -> Iterator[float]:
    for _ in range(messages):
        yield random.expovariate(messages_per_s)


def simulate_closed(model: Model, *, in_flight: int, messages: int, seed: int = 1) -> Outcome:
    """Keep so many messages under way; what comes of it is the most that the hub can do."""
    world = _World(model, Random(seed))
    left = iter(range(messages - in_flight))

    def again() -> None:
        if next(left, None) is not None:
            world.arrive(again)

    for _ in range(min(in_flight, messages)):
        world.arrive(again)
    world.clock.run()
    return world.outcome
