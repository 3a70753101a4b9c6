"""Operations and messages, by a seeded rule: 90 % earn, 10 % burn, the cards drawn evenly or by Zipf's law."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Literal

Spread = Literal["each", "uniform", "zipf"]

ZIPF_EXPONENT = 1.1
BURN_SHARE = 0.1
# What each member starts with; enough that an even spread never runs dry.
FIRST_POINTS = 1_000
EARN_POINTS = (5, 200)
BURN_POINTS = (10, 50)


@dataclass(frozen=True, slots=True)
class Workload:
    """`messages` bodies of `operations` each. "each" is one earn for each card in turn, "uniform" and "zipf" draw.

    `number` tells workloads of one run apart: operation ids never come twice."""

    number: int
    messages: int
    operations: int
    spread: Spread
    occurred_at: str


def zipf_weights(count: int, exponent: float = ZIPF_EXPONENT) -> list[float]:
    """Return the cumulative weights of ranks 1 to `count`, each rank weighing rank ** -exponent."""
    return list(accumulate(rank**-exponent for rank in range(1, count + 1)))


def message_bodies(workload: Workload, cards: Sequence[str]) -> list[bytes]:
    """Return the bodies; the same workload over the same cards gives the same bytes."""
    random = Random(workload.number)
    drawn = drawn_cards(workload, cards, random)
    bodies = []
    for start in range(0, len(drawn), workload.operations):
        operations = [
            operation(workload, start + index, card, random)
            for index, card in enumerate(drawn[start : start + workload.operations])
        ]
        bodies.append(f'{{"operations":[{",".join(operations)}]}}'.encode())
    return bodies


def drawn_cards(workload: Workload, cards: Sequence[str], random: Random) -> Sequence[str]:
    """Return one card for each operation."""
    count = workload.messages * workload.operations
    if workload.spread == "each":
        return cards[:count]
    weights = zipf_weights(len(cards)) if workload.spread == "zipf" else None
    return random.choices(cards, cum_weights=weights, k=count)


def read_cards(cards: Sequence[str], *, number: int, reads: int) -> list[str]:
    """Return which cards' balances are read, drawn evenly; the same number gives the same cards."""
    return Random(number).choices(cards, k=reads)


def operation(workload: Workload, index: int, card: str, random: Random) -> str:
    """Return one operation as a till would send it."""
    kind, points = "earn", FIRST_POINTS
    if workload.spread != "each":
        is_burn = random.random() < BURN_SHARE
        kind = "burn" if is_burn else "earn"
        points = random.randint(*(BURN_POINTS if is_burn else EARN_POINTS))
    return (
        f'{{"id":"{operation_id(workload.number, index, random)}","type":"{kind}","card":"{card}","points":{points},'
        f'"occurred_at":"{workload.occurred_at}","shop":"{index % 400:04d}","till":"{index % 6 + 1}",'
        f'"reference":"{index:06d}"}}'
    )


def operation_id(number: int, index: int, random: Random) -> str:
    """Return an id of the form of a UUIDv7, as tills make them: rising, with a random end."""
    moment = f"{number:04x}{index:08x}"
    tail = f"{random.getrandbits(72):018x}"
    return f"{moment[:8]}-{moment[8:]}-7{tail[:3]}-8{tail[3:6]}-{tail[6:]}"
