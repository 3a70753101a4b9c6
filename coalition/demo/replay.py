"""The partners' tills: each day's operations go into their outboxes and from there, signed, to the hub."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

from coalition.demo.partners import CURRENCY
from coalition.demo.plan import PlannedOperation
from partner_sdk import (
    Burn,
    Coalition,
    Earn,
    Flushed,
    Operation,
    Outbox,
    Purchase,
    Reverse,
    VatShare,
    new_operation_id,
)
from partner_sdk.connection import default_outbox

ID_BYTES = 16
OPERATIONS_BETWEEN_TURNS = 100
UNFORESEEN_STATES = ("refused", "rejected", "set_aside", "waiting")


class SentIds:
    """The id of every operation by its place in the plan; 16 bytes each, since any may be reversed."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def append(self, operation_id: str) -> None:
        self._bytes += UUID(operation_id).bytes

    def __getitem__(self, place: int) -> str:
        start = place * ID_BYTES
        return str(UUID(bytes=bytes(self._bytes[start : start + ID_BYTES])))


class Replay:
    """Sends the plan through the partners' clients, day by day: `save` one day while the one before is on its way."""

    def __init__(self, clients: Mapping[str, Coalition], cards: Mapping[int, str]) -> None:
        self._clients = clients
        self._cards = cards
        self._sent = SentIds()
        self._sending: list[asyncio.Task[Flushed]] = []
        self.booked = 0
        self.waiting = 0
        """What waits in the outboxes: after the last day nothing may."""
        self._unforeseen: Counter[str] = Counter()

    async def save(self, operations: Iterable[PlannedOperation]) -> None:
        """Save operations in their partners' outboxes."""
        of_partner: defaultdict[str, list[Operation]] = defaultdict(list)
        for count, planned in enumerate(operations, 1):
            operation = self._operation(planned)
            self._sent.append(operation.id)
            of_partner[planned.partner_slug].append(operation)
            if count % OPERATIONS_BETWEEN_TURNS == 0:
                # What is on its way has its turn.
                await asyncio.sleep(0)
        for slug, saved in of_partner.items():
            self._clients[slug].put_many(saved)
            await asyncio.sleep(0)

    async def begin_sending(self) -> None:
        """Begin to send all that is saved by now, all partners at once."""
        assert not self._sending, "a day is complete before the next one begins"
        self._sending = [asyncio.create_task(client.flush()) for client in self._clients.values()]
        # Each flush takes what waits when it starts, which it does before this returns: nothing of a later day.
        await asyncio.sleep(0)

    async def finish_sending(self) -> None:
        """Wait until all that was being sent is answered. Raises the errors of `Coalition.flush`."""
        outcomes = await asyncio.gather(*self._sending, return_exceptions=True)
        self.waiting = 0
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            self.booked += outcome.booked
            self.waiting += outcome.waiting
            self._unforeseen.update(refused=outcome.refused, rejected=outcome.rejected, deferred=outcome.deferred)
        self._sending = []

    async def aclose(self) -> None:
        """Give up what is on its way: it waits in the outboxes."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def unforeseen(self) -> Counter[str]:
        """Return how many verdicts the plan did not foresee, by name: each a fault of plan, SDK or hub."""
        return +self._unforeseen + Counter(waiting=self.waiting)

    def _operation(self, planned: PlannedOperation) -> Operation:
        card = self._cards[planned.household_id]
        if planned.kind == "reverse":
            assert planned.original is not None
            return Reverse(
                id=new_operation_id(),
                card=card,
                operation_id=self._sent[planned.original],
                points=planned.points,
                occurred_at=planned.occurred_at,
                shop=planned.shop,
                till=planned.till,
                reference=planned.reference,
            )
        if planned.kind == "burn":
            return Burn(
                card=card,
                points=planned.points,
                occurred_at=planned.occurred_at,
                shop=planned.shop,
                till=planned.till,
                reference=planned.reference,
            )
        assert planned.purchase_amount is not None
        return Earn(
            card=card,
            points=planned.points,
            occurred_at=planned.occurred_at,
            shop=planned.shop,
            till=planned.till,
            reference=planned.reference,
            purchase=Purchase(amount=planned.purchase_amount, currency=CURRENCY),
            vat=[VatShare(rate=rate, points=points) for rate, points in planned.vat],
        )


@asynccontextmanager
async def open_clients(url: str, keys: Mapping[str, Path]) -> AsyncIterator[dict[str, Coalition]]:
    """Open one client of the SDK per partner; each keeps its outbox beside its key."""
    async with AsyncExitStack() as stack:
        yield {slug: await stack.enter_async_context(Coalition(url, key)) for slug, key in keys.items()}


def unforeseen_examples(keys: Iterable[Path]) -> list[str]:
    """Return a few operations that were not booked, with what the hub said, from the partners' outboxes."""
    told = []
    for key in keys:
        outbox = Outbox(default_outbox(key))
        entries = [entry for state in UNFORESEEN_STATES for entry in outbox.entries(state=state, entries_max=2)]
        told += [f"{key.stem}: {entry.id} is {entry.state}, {entry.code or 'not answered'}" for entry in entries]
        outbox.close()
    return told
