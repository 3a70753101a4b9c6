"""The clearing of messages: keep the evidence, hand each operation to its account's lane, gather the results."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from coalition.database.pool import Pool
from coalition.journal.record import content_digest
from coalition.lanes.account_reads import AccountReads
from coalition.lanes.backlog import OPERATIONS_MAX, Backlog
from coalition.lanes.book_batch import Clock
from coalition.lanes.card_directory import CardDirectory
from coalition.lanes.database_retry import with_retry
from coalition.lanes.evidence_log import EvidenceLog
from coalition.lanes.in_flight import InFlight
from coalition.lanes.lane_queue import LaneQueue
from coalition.lanes.move_points import move_on
from coalition.lanes.registry import Registry
from coalition.ledger.batch import Command, KnownOperation
from coalition.ledger.operation import AnyOperation, named_id
from coalition.ledger.participant import Participant
from coalition.ledger.result import reused_result, unknown_card_result
from coalition.stores.cards import CardPlace, Place
from coalition.stores.messages import Evidence

# One commits while another is decided; more only make each smaller, and a batch costs the same round trips whether it
# holds three operations or a thousand.
BATCHES_AT_ONCE = 3
GIVE_UP_AFTER_S = 20.0
# So often cards are looked up anew because somebody changes what they may do just then.
LOOK_UPS_MAX = 20

Numbered = tuple[int, AnyOperation]


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A verified message as it came: its bytes, whose it is, and what proves it."""

    partner: Participant
    keyid: str
    authority: str
    target: str
    signature_input: str
    signature: str
    content_digest: str
    body: bytes
    digest: bytes


class Clearing:
    """The hub's core; `open` before the first message, `close` after the last."""

    def __init__(self, pool: Pool, *, clock: Clock, waiting_max: int = OPERATIONS_MAX) -> None:
        self.pool = pool
        self.clock = clock
        self.cards = CardDirectory(pool)
        self.accounts = AccountReads(pool)
        self.registry = Registry(pool, on_load=self.cards.forget)
        self.backlog = Backlog(operations_max=waiting_max)
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight = InFlight()
        self._evidence: EvidenceLog
        self._lanes: list[LaneQueue] = []

    async def open(self) -> None:
        await self.registry.open()
        self._evidence = EvidenceLog(self.pool, lanes=self.registry.programme.lanes)
        slots = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._lanes = [
            LaneQueue(self.pool, lane, registry=self.registry, clock=self.clock, slots=slots)
            for lane in range(self.registry.programme.lanes)
        ]

    async def close(self) -> None:
        """Finish what was accepted, then stop."""
        # What still looks up or keeps its evidence comes to the lanes only then.
        await self._idle.wait()
        await asyncio.gather(*(lane.close() for lane in self._lanes))
        await self._evidence.close()
        await self.registry.close()

    async def clear(self, message: SignedMessage, operations: list[AnyOperation]) -> list[str]:
        """Book a message's operations, each on its own; return their results, committed, in order.

        Raises OverloadedError when too many operations wait already, with nothing done, or when what the cards may do
        changed each time that it was looked up; DatabaseUnreachableError when the database went away. What was booked
        is then answered when the message comes again."""
        try:
            with self.backlog.of_operations(len(operations), partner=message.partner.partner):
                self._idle.clear()
                async with self._in_flight.claim([(message.partner.partner, operation.id) for operation in operations]):
                    return await self._clear(message, operations)
        finally:
            if not self.backlog.operations:
                self._idle.set()

    async def _clear(self, message: SignedMessage, operations: list[AnyOperation]) -> list[str]:
        results: dict[int, str] = {}
        for _ in range(LOOK_UPS_MAX):
            left = [(index, operation) for index, operation in enumerate(operations) if index not in results]
            if not left:
                break
            cards = {operation.card for _, operation in left}
            places = await with_retry(partial(self.cards.find, cards), give_up_after_s=GIVE_UP_AFTER_S)
            lanes = {place.lane for place in places.values()}
            if len(lanes) == 1 and len(places) == len(cards) and not any(place.linked for place in places.values()):
                booked = await self._clear_in_one_lane(message, left, places, *lanes)
            else:
                booked = await self._clear_in_lanes(message, left, places)
            results |= {index: result for index, result in booked.items() if result is not None}
            if None in booked.values():
                self.cards.forget()
            returned = {operation.card for _, operation in left if operation.type == "reverse"}
            await self._move_on(place for card, place in places.items() if card in returned)
        if len(results) < len(operations):
            raise self.backlog.overloaded()
        return [results[index] for index in range(len(operations))]

    async def _clear_in_one_lane(
        self, message: SignedMessage, operations: Iterable[Numbered], places: Mapping[str, CardPlace], lane: int
    ) -> dict[int, str | None]:
        """Book a message whose operations all belong to one lane: it is kept in the same commit."""
        commands = []
        for index, operation in operations:
            place = places[operation.card]
            commands.append(self._command(message, operation, place, place.of_account, index))
        results = await self._lanes[lane].book(commands, self._evidence_of(message, lane))
        return {command.message_index: result for command, result in zip(commands, results, strict=True)}

    async def _clear_in_lanes(
        self, message: SignedMessage, operations: Sequence[Numbered], places: Mapping[str, CardPlace]
    ) -> dict[int, str | None]:
        """Keep the message, look up what was decided of it before in any lane, and book it in its lanes."""
        named = {operation.id: name for _, operation in operations if (name := named_id(operation)) is not None}
        evidence = self._evidence_of(message, message.digest[0] % self.registry.programme.lanes)
        decided = await self._evidence.keep(evidence, [*(operation.id for _, operation in operations), *named.values()])
        partner = message.partner.partner
        results: dict[int, str | None] = {}
        parcels: defaultdict[int, list[Command]] = defaultdict(list)
        for index, operation in operations:
            place = places.get(operation.card)
            first = decided.get((partner, operation.id))
            original = decided.get((partner, named[operation.id])) if operation.id in named else None
            home = None if place is None else _home(place, first or original)
            if first is not None and (home is None or home.lane != first[0]):
                results[index] = reused_result(operation.id, KnownOperation(b"", first[0], first[1], ""))
            elif place is None or home is None:
                results[index] = unknown_card_result(operation.id)
            else:
                is_elsewhere = original is not None and original[0] != home.lane
                parcels[home.lane].append(self._command(message, operation, place, home, index, is_elsewhere))
        booked = await asyncio.gather(*(self._lanes[lane].book(commands) for lane, commands in parcels.items()))
        for commands, lane_results in zip(parcels.values(), booked, strict=True):
            for command, result in zip(commands, lane_results, strict=True):
                results[command.message_index] = result
        return results

    async def _move_on(self, places: Iterable[CardPlace]) -> None:
        """Move what returns left on accounts that are merged into others; the sweep does so as well."""
        for account in sorted({account for place in places for account in place.linked}):
            work = partial(move_on, self.pool, account, calendar=self.registry.calendar, clock=self.clock)
            await with_retry(work, give_up_after_s=GIVE_UP_AFTER_S)

    def _evidence_of(self, message: SignedMessage, lane: int) -> Evidence:
        return Evidence(
            lane=lane,
            partner=message.partner.partner,
            digest=message.digest,
            keyid=message.keyid,
            received_at=self.clock(),
            authority=message.authority,
            target=message.target,
            signature_input=message.signature_input,
            signature=message.signature,
            content_digest=message.content_digest,
            body=message.body,
        )

    def _command(
        self,
        message: SignedMessage,
        operation: AnyOperation,
        place: CardPlace,
        home: Place,
        message_index: int,
        original_is_elsewhere: bool = False,
    ) -> Command:
        return Command(
            message.partner,
            operation,
            home.account,
            message.digest,
            message_index,
            content_digest(operation.content()),
            original_is_elsewhere,
            _card_refusal(operation, place),
            tuple(linked.account for linked in place.linked if linked.lane == home.lane),
            place.card_changes if home.lane == place.lane else None,
        )


def _home(place: CardPlace, decided: tuple[int, int] | None) -> Place:
    """Return the account on whose lane an operation is decided: the card's, or one that a merge joined with it, where
    what it repeats or names was decided at (lane, leaf) there."""
    if decided is not None and decided[0] != place.lane:
        for linked in place.linked:
            if linked.lane == decided[0]:
                return linked
    return place.of_account


def _card_refusal(operation: AnyOperation, place: CardPlace) -> str | None:
    """Return why the card may not be used for this; what was begun with it may be finished, and undone."""
    if operation.type == "earn":
        return place.earn_refusal
    if operation.type == "burn" or operation.type == "reserve":
        return place.burn_refusal
    return None
