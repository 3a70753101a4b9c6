"""Sends what waits in the outbox, so that two operations of one card never overtake each other.

Each card belongs to one stream; a stream has one message on its way and sends the next when the answer is kept.
So messages of different streams overlap, and the operations of one card go in the order in which they were saved.
A call for a single card sends everything that waits for this card, oldest first; calls at the same time share a send.
A flush and a call may send the same at once, or two processes: whoever sends an operation has sent the older ones of
its card before or with it, and the hub gives an operation that comes twice the same answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from partner_sdk.backoff import LACKING, LACKING_ANSWERS_MAX
from partner_sdk.card_sends import CardSends, Results
from partner_sdk.errors import MessageRejectedError
from partner_sdk.exchange import Exchange, GivesUp
from partner_sdk.message import fitting, message_body, results_for
from partner_sdk.outbox import Outbox
from partner_sdk.outbox_key import refuse_other_partners
from partner_sdk.outbox_rows import Answered, Waiting, same_card
from partner_sdk.receipt import Receipt, rejected_result
from partner_sdk.result import Flushed, Result

MESSAGES_PATH = "/v1/messages"

# Refusals of a whole message that lie in its content, and so in one of its operations.
CONTENT_STATUSES = frozenset({400, 413, 422})

LACKING_PAUSE_MAX = timedelta(seconds=LACKING.pause_max_s)

Seen = Callable[[Sequence[Result]], None]


class Sender:
    """Moves operations from the outbox to the hub and the answers back."""

    def __init__(self, outbox: Outbox, exchange: Exchange, *, operations_per_message: int) -> None:
        self._outbox = outbox
        self._exchange = exchange
        self._operations_max = operations_per_message
        self._card_sends = CardSends(self._send_card, give_up_after_s=exchange.give_up_after_s)

    async def send_card(self, card: str) -> Results:
        """Send everything that waits for this card, also what is deferred; return its results by operation.

        One such send is on its way for a card at a time; the next one is for all who call meanwhile.
        """
        return await self._card_sends.join(same_card(card))

    async def _send_card(self, card: str, gives_up: GivesUp) -> Results:
        # What is saved meanwhile is the next send's, so that nobody's call waits for those who come later; and it is
        # not known whose it is.
        after, up_to = 0, self._outbox.youngest_of_card(card)
        await refuse_other_partners(self._outbox, self._exchange, gives_up=gives_up)
        answered: dict[str, Result] = {}
        while waiting := self._outbox.waiting_of_card(
            card, after=after, up_to=up_to, operations_max=self._operations_max
        ):
            message = waiting[: fitting([one.body for one in waiting])]
            await self._send(message, lambda results: answered.update({one.id: one for one in results}), gives_up)
            after = message[-1].place
        return answered

    async def flush(self, *, streams_max: int, is_deferred_due: bool, seen: Seen) -> None:
        """Send everything that waits now and is due, on up to `streams_max` streams.

        The first failure stops every stream after the message that it has on its way, and is raised.
        """
        # In this order: whose that is which is saved meanwhile is not known.
        count, up_to = self._outbox.waiting()
        await refuse_other_partners(self._outbox, self._exchange)
        # A few operations are one message, not one for each stream.
        streams = max(1, min(streams_max, -(-count // self._operations_max)))
        now = datetime.now(UTC) + (LACKING_PAUSE_MAX if is_deferred_due else timedelta())
        failures: list[Exception] = []

        async def run(stream: int) -> None:
            after = 0
            while not failures:
                due = self._outbox.due(
                    after=after,
                    up_to=up_to,
                    stream=stream,
                    streams=streams,
                    now=now,
                    operations_max=self._operations_max,
                )
                if not due:
                    return
                message = due[: fitting([one.body for one in due])]
                try:
                    await self._send(message, seen)
                except Exception as failure:
                    # Raised below, whatever it is, once every stream has kept the answer that it waits for.
                    failures.append(failure)
                after = message[-1].place

        async with asyncio.TaskGroup() as group:
            for stream in range(streams):
                group.create_task(run(stream))
        if failures:
            raise failures[0]

    async def _send(self, message: Sequence[Waiting], seen: Seen, gives_up: GivesUp | None = None) -> None:
        body = message_body(one.body for one in message)
        try:
            receipt = await self._exchange.ask("POST", MESSAGES_PATH, body, gives_up=gives_up)
        except MessageRejectedError as fault:
            if fault.receipt is None or fault.status not in CONTENT_STATUSES:
                raise
            await self._narrow_down(message, fault.receipt, seen, gives_up)
            return
        results = results_for(receipt, [one.id for one in message])
        now = receipt.received_at
        self._outbox.record(
            receipt, [_answered(one, result, now=now) for one, result in zip(message, results, strict=True)]
        )
        seen(results)

    async def _narrow_down(
        self, message: Sequence[Waiting], refusal: Receipt, seen: Seen, gives_up: GivesUp | None
    ) -> None:
        """Find the operations for which the hub refuses the message, so that one of them does not hold up the rest.

        By halves: this needs no agreement on how the hub names the place of a fault.
        """
        if len(message) == 1:
            result = rejected_result(message[0].id, refusal.content())
            rejected = Answered(place=message[0].place, state="rejected", code=result.code, retry_at=None)
            self._outbox.record(refusal, [rejected])
            seen([result])
            return
        middle = len(message) // 2
        await self._send(message[:middle], seen, gives_up)
        await self._send(message[middle:], seen, gives_up)


def _answered(waiting: Waiting, result: Result, *, now: datetime) -> Answered:
    if not result.is_retryable:
        return Answered(place=waiting.place, state=result.verdict, code=result.code, retry_at=None)
    attempt = waiting.answers + 1
    if attempt >= LACKING_ANSWERS_MAX:
        return Answered(place=waiting.place, state="set_aside", code=result.code, retry_at=None)
    pause_s = LACKING.pause_s(attempt=attempt, chance=0.0)
    return Answered(place=waiting.place, state="waiting", code=result.code, retry_at=now + timedelta(seconds=pause_s))


def counted(so_far: Flushed, results: Sequence[Result]) -> Flushed:
    """Return the figures of a flush after these further results."""
    deferred = sum(result.is_retryable for result in results)
    booked = sum(result.is_booked for result in results)
    rejected = sum(result.verdict == "rejected" for result in results)
    refused = len(results) - booked - rejected - deferred
    return replace(
        so_far,
        booked=so_far.booked + booked,
        refused=so_far.refused + refused,
        rejected=so_far.rejected + rejected,
        deferred=so_far.deferred + deferred,
        waiting=so_far.waiting - booked - refused - rejected,
    )
