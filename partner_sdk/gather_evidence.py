"""Asks the hub for what a bill is checked with, and keeps it: a checkpoint, paths to its roots, statements."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter

from partner_sdk.errors import MessageRejectedError
from partner_sdk.evidence import Evidence, InclusionProof, LaneRoot, lane_roots, parse_inclusions, parse_path
from partner_sdk.journalled import Journalled, journalled
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt

LEAVES_PER_CALL = 50
PROOFS_PER_COMMIT = 1_000

# Asks a GET and returns the verified answer.
Get = Callable[[str], Awaitable[Receipt]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """How many paths of records were asked for so far, and how many statements."""

    proofs: int = 0
    statements: int = 0


Progress = Callable[[Gathered], None]


async def gather_evidence(
    get: Get, outbox: Outbox, *, proofs_max: int | None = None, progress: Progress = lambda so_far: None
) -> Gathered:
    """Keep a new checkpoint with what leads to it from the last one, the path of each record that has none yet, of the
    first `proofs_max` at most, and the statements of all windows that receipts name. May be repeated after any failure,
    and goes on."""
    evidence = Evidence(outbox)
    kept = evidence.checkpoints()
    receipt = await get("/v1/checkpoint")
    now = lane_roots(receipt)
    before = lane_roots(kept[-1]) if kept else {}
    if now != before:
        await _gather_consistency(get, evidence, before, now)
        evidence.keep_checkpoint(receipt)
    gathered = 0
    for some in _batches(islice(_unproved(outbox, evidence, now), proofs_max), PROOFS_PER_COMMIT):
        proofs = await _inclusions(get, some, now)
        evidence.keep_inclusions(proofs)
        gathered += len(proofs)
        progress(Gathered(proofs=gathered))
    windows = sorted({result.window for _, result in outbox.booked() if result.window is not None})
    statements = sum([await _gather_statement(get, evidence, window) for window in windows])
    progress(figures := Gathered(gathered, statements))
    return figures


async def _gather_consistency(
    get: Get, evidence: Evidence, before: dict[int, LaneRoot], now: dict[int, LaneRoot]
) -> None:
    for lane, later in now.items():
        earlier = before.get(lane)
        if earlier is not None and 0 < earlier.size < later.size:
            query = f"lane={lane}&from={earlier.size}&to={later.size}"
            path = parse_path((await get(f"/v1/proofs/consistency?{query}")).content())
            evidence.keep_consistency(lane, first=earlier.size, second=later.size, path=path)


def _unproved(outbox: Outbox, evidence: Evidence, roots: dict[int, LaneRoot]) -> Iterator[Journalled]:
    for record in journalled(outbox):
        is_there = record.lane in roots and record.leaf < roots[record.lane].size
        if is_there and evidence.inclusion(record.lane, record.leaf) is None:
            yield record


async def _inclusions(get: Get, records: Sequence[Journalled], roots: dict[int, LaneRoot]) -> list[InclusionProof]:
    """Ask lane by lane, in the order of the leaves: those that lie close to each other cost the hub little more."""
    proofs = []
    places = {(record.lane, record.leaf): record for record in records}
    for lane, of_lane in groupby((places[place] for place in sorted(places)), key=attrgetter("lane")):
        every, size = list(of_lane), roots[lane].size
        for start in range(0, len(every), LEAVES_PER_CALL):
            some = every[start : start + LEAVES_PER_CALL]
            query = f"lane={lane}&leaves={','.join(str(record.leaf) for record in some)}&size={size}"
            answer = await get(f"/v1/proofs/inclusions?{query}")
            proofs += parse_inclusions(answer.content(), records=some, size=size)
    return proofs


async def _gather_statement(get: Get, evidence: Evidence, window: int) -> int:
    try:
        receipt = await get(f"/v1/windows/{window}/statement")
    except MessageRejectedError as fault:
        # Not calculated yet, or nothing to bill.
        if fault.status != 404:
            raise
        return 0
    if receipt.body not in [one.body for number, one in evidence.statements() if number == window]:
        evidence.keep_statement(window, receipt)
    return 1


def _batches(records: Iterable[Journalled], count: int) -> Iterator[list[Journalled]]:
    records = iter(records)
    while some := list(islice(records, count)):
        yield some
