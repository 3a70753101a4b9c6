"""The workload is what the benchmark says it is, and the same each time."""

from collections import Counter
from dataclasses import replace
from random import Random

from coalition.bench.workload import Workload, drawn_cards, message_bodies, read_cards, zipf_weights
from coalition.ledger.operation import Burn, Earn, Message

CARDS = [f"2760{number:09d}" for number in range(1_000)]
WORKLOAD = Workload(number=3, messages=20, operations=50, spread="uniform", occurred_at="2026-01-02T03:04:05+00:00")


def operations_of(workload: Workload) -> list[object]:
    bodies = message_bodies(workload, CARDS)
    return [operation for body in bodies for operation in Message.model_validate_json(body).operations]


def test_messages_are_what_the_hub_takes() -> None:
    """So many messages of so many operations, each valid, no id twice."""
    operations = operations_of(WORKLOAD)
    assert len(message_bodies(WORKLOAD, CARDS)) == 20
    assert len({operation.id for operation in operations}) == len(operations) == 1_000  # type: ignore[attr-defined]


def test_one_in_ten_is_a_burn() -> None:
    kinds = Counter(type(operation) for operation in operations_of(WORKLOAD))
    assert set(kinds) == {Earn, Burn}
    assert 70 <= kinds[Burn] <= 130


def test_the_same_workload_gives_the_same_bytes() -> None:
    assert message_bodies(WORKLOAD, CARDS) == message_bodies(WORKLOAD, CARDS)


def test_two_workloads_share_no_id() -> None:
    """Else the second would be answered from the journal instead of booked."""
    first = {operation.id for operation in operations_of(WORKLOAD)}  # type: ignore[attr-defined]
    second = {operation.id for operation in operations_of(replace(WORKLOAD, number=4))}  # type: ignore[attr-defined]
    assert not first & second


def test_each_gives_every_card_one_earn() -> None:
    operations = operations_of(replace(WORKLOAD, spread="each"))
    assert [operation.card for operation in operations] == CARDS  # type: ignore[attr-defined]
    assert {type(operation) for operation in operations} == {Earn}


def test_zipf_weighs_a_rank_by_its_power() -> None:
    """Rank r weighs r ** -1.1: by the law's definition."""
    weights = zipf_weights(3, 1.1)
    assert weights == [1.0, 1.0 + 2**-1.1, 1.0 + 2**-1.1 + 3**-1.1]


def test_zipf_draws_the_first_card_most() -> None:
    drawn = Counter(drawn_cards(replace(WORKLOAD, spread="zipf", messages=200), CARDS, Random(1)))
    (first, most), *_ = drawn.most_common(2)
    assert first == CARDS[0]
    assert 0.15 < most / drawn.total() < 0.21


def test_reads_are_drawn_evenly_and_the_same_each_time() -> None:
    """The hub and the bare handler are asked for different cards, but each number for the same ones again."""
    drawn = Counter(read_cards(CARDS, number=5, reads=10_000))
    assert drawn.total() == 10_000
    assert set(drawn) <= set(CARDS)
    assert max(drawn.values()) < 40
    assert read_cards(CARDS, number=5, reads=10) == read_cards(CARDS, number=5, reads=10)
    assert read_cards(CARDS, number=5, reads=10) != read_cards(CARDS, number=6, reads=10)
