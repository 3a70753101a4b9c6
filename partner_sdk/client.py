"""The partner's side of the hub in one class.

What a till books, and what waits for it in the outbox, is here; the rest of the class is in `lookups`, `billing` and
`offline_burns`, how it is opened and closed in `connection`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypedDict, Unpack

from partner_sdk.billing import Billing
from partner_sdk.errors import MessageRejectedError, RefusedError
from partner_sdk.exchange import path_part
from partner_sdk.lookups import Lookups
from partner_sdk.offline_burns import OfflineBurns
from partner_sdk.operation import (
    TIMEOUT_DEFAULT_S,
    Burn,
    Capture,
    Earn,
    Operation,
    Purchase,
    Release,
    Reserve,
    Reverse,
    VatShare,
)
from partner_sdk.outbox_key import adopt
from partner_sdk.problem import read_fault
from partner_sdk.receipt import Receipt
from partner_sdk.result import Flushed, Result, StepUp, parse_step_up
from partner_sdk.sender import Seen, counted

Progress = Callable[[Flushed], None]


class AtTheTill(TypedDict, total=False):
    """What every operation may say besides; `occurred_at` is now and `id` a new one unless given."""

    id: str
    occurred_at: datetime
    shop: str | None
    till: str | None
    reference: str | None


class Coalition(Lookups, Billing, OfflineBurns):
    """One partner's connection to the hub: `async with Coalition(url, key) as hub: await hub.earn(...)`.

    Every operation is saved in the outbox before it is sent, and stays there until the hub's signed answer is kept
    beside it. Whatever error a call raises, an operation that was saved is sent again by the next `flush`, with the
    same id and the same bytes, unless the hub has given its verdict.
    """

    async def earn(
        self,
        *,
        card: str,
        points: int | None = None,
        purchase: Purchase | None = None,
        vat: list[VatShare] | None = None,
        promotion: str | None = None,
        **at: Unpack[AtTheTill],
    ) -> Result:
        """Book points that come in with a purchase; without `points` the partner's earn rule computes them.

        Like all of these calls it returns only a booked result. Raises RefusedError for the hub's refusal of this
        operation, MessageRejectedError if the hub finds a field invalid, and the errors of `flush`.
        """
        return await self._book(Earn(card=card, points=points, purchase=purchase, vat=vat, promotion=promotion, **at))

    async def burn(
        self,
        *,
        card: str,
        points: int,
        purchase: Purchase | None = None,
        step_up_code: str | None = None,
        **at: Unpack[AtTheTill],
    ) -> Result:
        """Book points that a member spends.

        RefusedError with the code `step_up_needed` asks for the code that the member gets: call again with it.
        """
        burn = Burn(card=card, points=points, purchase=purchase, step_up_code=step_up_code, **at)
        return await self._book(burn)

    async def ask_step_up(self, *, card: str, points: int, shop: str | None = None) -> StepUp:
        """Have a code sent to the card's member, for one burn or reserve of at most so many points at your shops.

        Raises MessageRejectedError where the programme asks for no code, HubUnreachableError with `retry_after_s` when
        the member had one a moment ago.
        """
        _, exchange, _ = self._parts()
        asked = {"points": points} | ({} if shop is None else {"shop": shop})
        path = f"/v1/cards/{path_part(card)}/step-up"
        return parse_step_up((await exchange.ask("POST", path, json.dumps(asked).encode())).content())

    async def reverse(
        self, *, operation_id: str, card: str, points: int | None = None, **at: Unpack[AtTheTill]
    ) -> Result:
        """Undo an earlier operation: `points` of it, or all that is left."""
        return await self._book(Reverse(card=card, operation_id=operation_id, points=points, **at))

    async def reserve(
        self,
        *,
        card: str,
        points: int,
        timeout_s: int = TIMEOUT_DEFAULT_S,
        step_up_code: str | None = None,
        **at: Unpack[AtTheTill],
    ) -> Result:
        """Set points aside; the result's id is the `reserve_id` of capture and release.

        The hold ends by itself at the result's `expires_at`: `timeout_s` after the booking, by the hub's clock.
        Limits and codes apply as to a burn; its capture asks for none.
        """
        reserve = Reserve(card=card, points=points, timeout_s=timeout_s, step_up_code=step_up_code, **at)
        return await self._book(reserve)

    async def capture(
        self, *, card: str, reserve_id: str, points: int | None = None, **at: Unpack[AtTheTill]
    ) -> Result:
        """Spend reserved points: `points` of them, and the rest is free again; or all of them.

        A hold is resolved once: after a capture, release or time-out RefusedError has the code `hold_resolved` and the
        `state` that it reached.
        """
        return await self._book(Capture(card=card, reserve_id=reserve_id, points=points, **at))

    async def release(self, *, card: str, reserve_id: str, **at: Unpack[AtTheTill]) -> Result:
        """Give all reserved points back; the result's `points` are those that are free again."""
        return await self._book(Release(card=card, reserve_id=reserve_id, **at))

    async def _book(self, operation: Operation) -> Result:
        outbox, _, sender = self._parts()
        self.put(operation)
        results = await sender.send_card(operation.card)
        # Not among them if the id had its verdict before, or a flush that ran beside this call was faster.
        result = results.get(operation.id) or outbox.result(operation.id)
        if result.verdict == "rejected":
            raise _rejection(outbox.receipt(operation.id))
        if not result.is_booked:
            raise RefusedError(result)
        return result

    def put(self, operation: Operation) -> str:
        """Save one operation to be sent by the next `flush`, and return its id. Blocks for one commit to disk."""
        return self.put_many([operation])[0]

    def put_many(self, operations: Iterable[Operation]) -> list[str]:
        """Save operations in one commit, and return their ids.

        Blocks for the commit and about 10 us an operation: give it a few thousand at a time. An id that is in the
        outbox already is left as it is. Raises InvalidOperationError for what is no operation,
        OperationIdReusedError if an id was saved with other content; then none is saved.
        """
        outbox, exchange, _ = self._parts()
        offset_s = exchange.clock_offset_s
        return outbox.put(operations, now=datetime.now(UTC), clock_offset_s=offset_s, keyid=self.keyid)

    async def flush(self, progress: Progress | None = None) -> Flushed:
        """Send all that waits and is due; return the figures. `progress` is called after each answered message.

        Refusals do not raise here: they are in the figures and in the outbox.
        Raises NotAuthorizedError, HubUnreachableError, ReceiptInvalidError; what has no answer goes on waiting.
        OutboxKeyError: operations wait that another key saved, which is not known to be this partner's.
        """
        return await self._flush(progress, is_deferred_due=False, seen=lambda results: None)

    async def send(self, operations: Iterable[Operation], progress: Progress | None = None) -> list[Result]:
        """Save and send operations and return their results in this order, whatever they are.

        What waited before goes first. For very many operations `put_many` and `flush` need less memory.
        Raises as `put_many` and `flush`.
        """
        ids = self.put_many(operations)
        seen: dict[str, Result] = {}
        await self._flush(
            progress, is_deferred_due=True, seen=lambda results: seen.update({one.id: one for one in results})
        )
        outbox = self._parts()[0]
        return [seen.get(operation_id) or outbox.result(operation_id) for operation_id in ids]

    async def _flush(self, progress: Progress | None, *, is_deferred_due: bool, seen: Seen) -> Flushed:
        outbox, _, sender = self._parts()
        so_far = Flushed(waiting=outbox.waiting()[0])

        def count(results: Sequence[Result]) -> None:
            nonlocal so_far
            so_far = counted(so_far, results)
            seen(results)
            if progress is not None:
                progress(so_far)

        await sender.flush(streams_max=self._messages_in_flight, is_deferred_due=is_deferred_due, seen=count)
        return replace(so_far, waiting=outbox.waiting()[0])

    def retry(self, operation_id: str | None = None) -> int:
        """Make what was deferred or set aside due again (or one operation, a rejected one too); return how many.

        Raises UnknownOperationError.
        """
        return self._parts()[0].retry(operation_id)

    async def adopt(self, saved_by: str) -> int:
        """Let what a key of yours saved before, named by its keyid, go by this one; return how many operations.

        Needed only where the hub has decided nothing by that key: else `flush` learns from it whose the key was. Raises
        OutboxKeyError if it was another partner's, OutboxError if nothing waits of it, and as `flush`.
        """
        outbox, exchange, _ = self._parts()
        return await adopt(outbox, exchange, saved_by)

    def receipt(self, operation_id: str) -> Receipt:
        """Return the hub's newest signed answer to this operation. Raises UnknownOperationError."""
        return self._parts()[0].receipt(operation_id)


def _rejection(receipt: Receipt) -> MessageRejectedError:
    fault = read_fault(status=receipt.status, headers={}, body=receipt.body, receipt=receipt, now=receipt.received_at)
    return fault.error()
