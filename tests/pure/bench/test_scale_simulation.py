"""The simulation of hubs, lanes and group commit: on cases whose outcome is known without it."""

from dataclasses import replace

import pytest

from coalition.bench.scale.comparison import stretch_of
from coalition.bench.scale.lane import Hold, batch_operations, cycle_s
from coalition.bench.scale.simulation import Model, simulate_closed, simulate_open

MODEL = Model(
    lanes=4,
    processes=1,
    cores=2,
    message_s=0.0004,
    batch_hub_s=0.0006,
    operation_hub_s=0.00003,
    batch_postgres_s=0.001,
    operation_postgres_s=0.00003,
    wait_s=0.002,
)


def test_a_message_that_is_alone_takes_the_sum_of_its_parts() -> None:
    outcome = simulate_open(MODEL, messages_per_s=0.1, messages=20)
    parts_s = 0.0004 + 0.0006 + 0.00003 + 0.001 + 0.00003 + 0.002
    assert outcome.latencies_s == pytest.approx([parts_s] * 20)
    assert outcome.batches == outcome.operations == len(outcome.latencies_s) == 20


def test_every_message_is_answered_once_whatever_the_load() -> None:
    for in_flight in (1, 7, 64):
        outcome = simulate_closed(replace(MODEL, operations_per_message=10), in_flight=in_flight, messages=300)
        assert len(outcome.latencies_s) == 300
        assert outcome.operations == 3_000


def test_load_makes_larger_batches_and_longer_waits() -> None:
    calm, busy, full = (simulate_open(MODEL, messages_per_s=rate, messages=3_000) for rate in (50, 600, 5_000))
    assert calm.operations_per_batch < busy.operations_per_batch < full.operations_per_batch
    assert calm.latency_s(0.99) < busy.latency_s(0.99) < full.latency_s(0.99)
    # Group commit keeps the rate up where one commit for each message would end it at a few hundred.
    assert busy.operations_per_s == pytest.approx(600, rel=0.1)


def test_one_process_books_no_more_than_its_core_allows() -> None:
    """With many in flight batches are large, and what is left of each message is its own CPU; another core and process
    brings nearly as much again, until the database has none left."""
    one = simulate_closed(MODEL, in_flight=512, messages=6_000)
    assert 0.75 / 0.00043 < one.operations_per_s < 1 / 0.00043
    two = simulate_closed(replace(MODEL, processes=2, cores=4), in_flight=512, messages=6_000)
    assert 1.5 * one.operations_per_s < two.operations_per_s < 2 / 0.00043


def test_one_lane_books_one_batch_after_the_other() -> None:
    """Operations of one lane wait for each other in any number of processes: cores don't help."""
    model = replace(MODEL, lanes=1, operation_hub_s=0.001)
    one = simulate_closed(model, in_flight=64, messages=1_000)
    more = simulate_closed(replace(model, processes=8, cores=16), in_flight=64, messages=1_000)
    assert one.operations_per_s < more.operations_per_s < 1 / (0.001 + 0.00003)


def test_the_same_seed_gives_the_same_outcome() -> None:
    first, again = (simulate_open(MODEL, messages_per_s=300, messages=500) for _ in range(2))
    assert first == again


def test_what_waited_for_a_core_stretches_its_cpu() -> None:
    """4 s of CPU that could have been 6 s earlier count as 10; what never waited lasts as long as it is, and so
    does what was too short for the system's clock."""
    run = {"hub_cpu_s": 4.0, "hub_queued_s": 6.0, "postgres_cpu_s": 2.0, "postgres_queued_s": 0.0}
    run |= {"generator_cpu_s": 0.0, "generator_queued_s": 0.003}
    assert stretch_of(run, "generator") == 1
    assert stretch_of(run, "hub") == 2.5
    assert stretch_of(run, "postgres") == 1


def test_who_sends_is_one_process_as_well() -> None:
    """A load generator that needs longer for a message than the hub is what ends the rate."""
    outcome = simulate_closed(replace(MODEL, generator_s=0.01), in_flight=64, messages=500)
    assert outcome.operations_per_s == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize(
    ("lanes", "processes", "rate"), [(8, 16, 12_000), (16, 4, 6_000), (64, 8, 12_000), (16, 4, 300)]
)
def test_the_formula_of_batches_is_what_the_simulation_finds(lanes: int, processes: int, rate: int) -> None:
    """With many hubs or few, many lanes or few; where they differ the formula says smaller batches, the dearer ones."""
    model = replace(MODEL, lanes=lanes, processes=processes, cores=64)
    outcome = simulate_open(model, messages_per_s=rate, messages=4_000)
    hold = Hold(fixed_s=0.0036, operation_s=0.00006)
    batch = batch_operations(hold, operations_per_s=rate, parcel=1, lanes=lanes, processes=processes)
    assert 0.8 < outcome.operations_per_batch / batch < 2
    cycle = cycle_s(hold, operations=batch, lanes=lanes, processes=processes)
    assert outcome.latency_s(0.99) < 2 * cycle + hold.seconds(batch)
