"""Where the CPU of an operation goes: the hub's own functions, run one after the other on the same messages.

Each stage is timed alone, in this process, while the hub rests; nothing is added to the hub for it. Batches are loaded,
decided and written as the hub does, in a transaction that is rolled back. Of `load` and `encode` only our side is
counted here; the database's is the CPU of its own processes.
"""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.generator import PATH
from coalition.bench.run import Run
from coalition.bench.workload import Workload, message_bodies
from coalition.database.pool import Connection
from coalition.http.messages import read_message
from coalition.journal.merkle import Frontier
from coalition.journal.record import content_digest, record_hash
from coalition.lanes.book_batch import Named, changed_lots
from coalition.lanes.registry import Registry
from coalition.ledger.admission import message_faults
from coalition.ledger.batch import Command
from coalition.ledger.book import Book
from coalition.ledger.operation import AnyOperation
from coalition.signatures.keys import generate_private_key, keyid_of
from coalition.signatures.request import SignedRequest
from coalition.signatures.sign import sign_request, sign_response
from coalition.signatures.verify import VerifiedRequest, parse_signature, verify_request
from coalition.stores.batches import open_batch, write_batch
from coalition.stores.cards import Place, load_card_places
from coalition.stores.originals import load_lots_to_decide

LANE = 0
CARDS_MAX = 20_000
# More make no figure steadier.
MESSAGES_MAX = 40
SINGLES_MAX = 2_000
# About what the hub makes of single messages under load.
SINGLES_A_BATCH = 8

Stages = dict[str, float]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message with its signature, as it comes off the wire; `now_s` when it was signed."""

    request: SignedRequest
    body: bytes
    now_s: int


class _Timer:
    """Adds up seconds of CPU by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, *, part_of: str | None = None) -> Iterator[None]:
        """Time the block; as `part_of` another stage it is done once more here, and taken off there."""
        started_s = time.process_time()
        yield
        used_s = time.process_time() - started_s
        self.seconds[name] = self.seconds.get(name, 0.0) + used_s
        if part_of is not None:
            self.seconds[part_of] -= used_s


async def measure_stages(run: Run) -> None:
    """Time the stages for large messages, and for messages of one operation."""
    registry = Registry(run.world.pool)
    await registry.load()
    messages, singles = min(run.sizes.messages, MESSAGES_MAX), min(run.sizes.singles, SINGLES_MAX)
    sizes = ((run.sizes.operations, messages), (1, singles))
    async with run.world.pool.acquire() as connection:
        places = await load_card_places(connection, run.world.cards[:CARDS_MAX])
        own = {card: place.of_account for card, place in places.items() if place.lane == LANE}
        for step, (operations, count) in enumerate(sizes):
            run.progress("stages", step, len(sizes))
            workload = Workload(run.next_number(), count, operations, "uniform", datetime.now(UTC).isoformat())
            stages = await _time_stages(connection, registry, workload, own)
            run.measured.stages.append({"operations": operations, "us": stages})
    run.progress("stages", len(sizes), len(sizes))


async def _time_stages(
    connection: Connection, registry: Registry, workload: Workload, places: Mapping[str, Place]
) -> Stages:
    """Return the microseconds of CPU that each stage takes for one operation."""
    timer, private_key = _Timer(), generate_private_key()
    keyid, public_key = keyid_of(private_key.public_key()), private_key.public_key()
    arrived = [_arrived(body, private_key, keyid) for body in message_bodies(workload, sorted(places))]
    # As rarely as in the hub, and so not at all in these few seconds.
    gc.collect()
    gc.disable()
    try:
        with timer.stage("verify"):
            verified = [
                verify_request(each.request, each.body, public_key, parse_signature(each.request), now_s=each.now_s)
                for each in arrived
            ]
        with timer.stage("parse"):
            read = [_read(each.body, registry) for each in arrived]
        with timer.stage("digest"):
            commands = [
                _commands(registry, operations, places, each.body_sha256 or b"")
                for operations, each in zip(read, verified, strict=True)
            ]
        a_batch = SINGLES_A_BATCH if workload.operations == 1 else 1
        results: list[str] = []
        for start in range(0, len(commands), a_batch):
            batch = [command for each in commands[start : start + a_batch] for command in each]
            results += await _time_batch(connection, registry, batch, timer)
        with timer.stage("sign"):
            for index, each in enumerate(verified):
                answered = results[index * workload.operations : (index + 1) * workload.operations]
                _sign(answered, each, private_key, keyid)
    finally:
        gc.enable()
    count = workload.messages * workload.operations
    return {name: seconds / count * 1e6 for name, seconds in timer.seconds.items()}


def _arrived(body: bytes, private_key: Ed25519PrivateKey, keyid: str) -> Arrived:
    now_s = int(time.time())
    headers = sign_request(
        private_key=private_key,
        keyid=keyid,
        method="POST",
        authority="127.0.0.1:8080",
        path=PATH,
        body=body,
        created_s=now_s,
    )
    request = SignedRequest(
        method="POST",
        authority="127.0.0.1:8080",
        path=PATH,
        query="?",
        signature_input=headers["Signature-Input"],
        signature=headers["Signature"],
        content_digest=headers["Content-Digest"],
    )
    return Arrived(request, body, now_s)


def _read(body: bytes, registry: Registry) -> Sequence[AnyOperation]:
    operations = read_message(body).operations
    faults = message_faults(operations, now=datetime.now(UTC), currency=registry.programme.currency)
    assert not faults, "the benchmark's own messages are sound"
    return operations


def _commands(
    registry: Registry, operations: Sequence[AnyOperation], places: Mapping[str, Place], message: bytes
) -> list[Command]:
    partner = next(iter(registry.participants.values()))
    return [
        Command(
            partner,
            operation,
            places[operation.card].account,
            message,
            index,
            content_digest(operation.content()),
        )
        for index, operation in enumerate(operations)
    ]


async def _time_batch(
    connection: Connection, registry: Registry, commands: Sequence[Command], timer: _Timer
) -> list[str]:
    """Load, decide, hash and write one batch, and roll it back; return its results."""
    transaction = connection.transaction()
    await transaction.start()
    with timer.stage("load"):
        state, known, accounts, _ = await open_batch(
            connection,
            LANE,
            operation_ids=[command.operation.id for command in commands],
            accounts={command.account for command in commands},
        )
        booked_at = max(datetime.now(UTC), state.last_booked_at)
        wanted = Named.of(commands).points_wanted(accounts, today=registry.calendar.day_of(booked_at))
        await load_lots_to_decide(connection, LANE, accounts, wanted=wanted, originals=[])
    with timer.stage("decide"):
        book = Book(
            lane=LANE,
            window_no=state.window_no,
            size=state.size,
            booked_at=booked_at,
            calendar=registry.calendar,
            accounts=accounts,
            known=known,
            originals={},
        )
        results = [book.book(command) for command in commands]
    changes = book.changes
    with timer.stage("hash", part_of="decide"):
        for record in changes.records:
            record_hash(message=record.message, index=record.message_index, result=record.result)
    with timer.stage("hash"):
        Frontier.parse(state.size, state.frontier).extend(changes.hashed_leaves)
    with timer.stage("encode"):
        lots = changed_lots(accounts, state.size)
        await write_batch(connection, state, changes, accounts=accounts, changed_lots=lots)
    await transaction.rollback()
    return results


def _sign(results: Sequence[str], verified: VerifiedRequest, private_key: Ed25519PrivateKey, keyid: str) -> None:
    body = f'{{"message":"{"0" * 64}","results":[{",".join(results)}]}}'.encode()
    sign_response(
        private_key=private_key,
        keyid=keyid,
        status=200,
        body=body,
        verified=verified,
        created_s=int(time.time()),
    )
