"""Calls for one card share its sends, so that many at once cost no more than each operation once.

    no call -> first call: sending -> calls meanwhile wait -> the send ends: one send for all who wait -> ... -> no call

A send belongs to its calls together and runs in a task of its own: a call that is cancelled, or whose time is up,
leaves the others theirs. The send is cancelled only when no call is left, neither in it nor behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from partner_sdk.errors import HubUnreachableError
from partner_sdk.exchange import GivesUp
from partner_sdk.result import Result

Results = Mapping[str, Result]
Send = Callable[[str, GivesUp], Awaitable[Results]]

# Each call's answer to come, and when that call gives up, by the loop's clock.
_Calls = dict[asyncio.Future[Results], float]


class CardSends:
    """At most one send on its way for each card."""

    def __init__(self, send: Send, *, give_up_after_s: float) -> None:
        self._send = send
        self._give_up_after_s = give_up_after_s
        self._lines: dict[str, _Line] = {}

    async def join(self, card: str) -> Results:
        """Return the results of a send of this card that starts from now on, alone or with all who wait by then.

        Raises what the send raises; HubUnreachableError when an attempt failed, of this send or the one before it,
        and the next would be too late for this call.
        """
        line = self._lines.get(card)
        if line is None:
            line = self._lines[card] = _Line(lambda gives_up: self._send(card, gives_up), lambda: self._forget(card))
        return await line.join(give_up_after_s=self._give_up_after_s)

    def _forget(self, card: str) -> None:
        del self._lines[card]


class _Line:
    """The calls for one card: those of the send on its way, and those of the next."""

    def __init__(self, send: Callable[[GivesUp], Awaitable[Results]], ended: Callable[[], None]) -> None:
        self._send, self._ended = send, ended
        self._sending: _Calls = {}
        self._waiting: _Calls = {}
        self._task: asyncio.Task[None] | None = None

    async def join(self, *, give_up_after_s: float) -> Results:
        clock = asyncio.get_running_loop()
        answer: asyncio.Future[Results] = clock.create_future()
        self._waiting[answer] = clock.time() + give_up_after_s
        if self._task is None:
            self._start()
        try:
            return await answer
        finally:
            self._leave(answer)

    def _start(self) -> None:
        self._sending, self._waiting = self._waiting, {}
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._next)

    async def _run(self) -> None:
        try:
            results = await self._send(self._gives_up)
        except Exception as failure:
            # Whatever it is: it belongs to those who called, and they raise it.
            self._tell(self._sending, failure)
            return
        for answer in self._sending:
            if not answer.done():
                answer.set_result(results)

    def _next(self, ended: asyncio.Task[None]) -> None:
        for answer in self._sending:
            # Only where the send was cancelled from outside, as when the loop ends.
            answer.cancel()
        if any(not answer.done() for answer in self._waiting):
            self._start()
        else:
            self._ended()

    def _gives_up(self, failure: HubUnreachableError, next_attempt_at: float) -> bool:
        """Tell the failure to each call for which the next attempt is too late; say whether none is left."""
        for calls in (self._sending, self._waiting):
            self._tell([answer for answer, give_up_at in calls.items() if next_attempt_at > give_up_at], failure)
        return all(answer.done() for answer in (*self._sending, *self._waiting))

    @staticmethod
    def _tell(answers: Iterable[asyncio.Future[Results]], failure: Exception) -> None:
        for answer in answers:
            if not answer.done():
                answer.set_exception(failure)

    def _leave(self, answer: asyncio.Future[Results]) -> None:
        self._sending.pop(answer, None)
        self._waiting.pop(answer, None)
        if self._task is not None and not self._sending and not self._waiting:
            self._task.cancel()
