"""One signed question to the hub and its verified answer, asked again until it comes or time is up."""

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import aiohttp
from yarl import URL

from partner_sdk.backoff import Backoff
from partner_sdk.errors import (
    AddressInvalidError,
    HubKeyChangedError,
    HubUnreachableError,
    MessageRejectedError,
    ReceiptInvalidError,
)
from partner_sdk.hub_keys import HubKeys
from partner_sdk.problem import Fault, read_fault
from partner_sdk.receipt import Receipt
from partner_sdk.signing import RECEIPT_TAG, SIGNATURE_FIELDS, Signed, Signer

KEYS_PATH = "/v1/keys"

# Asked after each failed attempt, with what to raise and when the next one would start, by the loop's clock.
GivesUp = Callable[[HubUnreachableError, float], bool]


class _TryAgainError(Exception):
    """Stays inside this module: this attempt failed, another may not."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None, request_id: str | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.request_id = request_id


class Exchange:
    """Asks one hub with one key. Every attempt is signed anew; every answer is verified before it is believed.

    `clock_offset_s` is how far the hub's clock is ahead of this machine's: by the newest verified answer, before the
    first one by what the caller knows.
    """

    def __init__(
        self,
        url: str,
        *,
        signer: Signer,
        keys: HubKeys,
        backoff: Backoff,
        timeout_s: float,
        give_up_after_s: float,
        clock_offset_s: float | None = None,
    ) -> None:
        self._origin = origin_of(url)
        self._signer = signer
        self.hub_keys = keys
        self._backoff = backoff
        self.give_up_after_s = give_up_after_s
        self.clock_offset_s = clock_offset_s
        self._learning = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            # The digest covers the content as it travels, so it must travel as it is.
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "coalition-partner-sdk"},
        )

    @property
    def keyid(self) -> str:
        return self._signer.keyid

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, body: bytes = b"", *, gives_up: GivesUp | None = None) -> Receipt:
        """Return the hub's verified answer (2xx); `path` is percent-encoded and may have a query.

        Attempts go on until `gives_up` says so: by default once the next is too late for `give_up_after_s`.
        Raises MessageRejectedError (NotAuthorizedError), HubUnreachableError, ReceiptInvalidError.
        """
        if self.hub_keys.is_empty:
            await self._learn_first_keys(gives_up)
        return await self._persist(method, path, body, gives_up=gives_up)

    async def learn_ends(self) -> None:
        """Take from the hub which of its keys are ended, unless the caller named the one to trust."""
        if self.hub_keys.may_learn:
            receipt = await self.ask("GET", KEYS_PATH)
            self.hub_keys.pin(receipt.content(), now=receipt.received_at)

    async def _persist(
        self, method: str, path: str, body: bytes, *, is_first_use: bool = False, gives_up: GivesUp | None = None
    ) -> Receipt:
        clock = asyncio.get_running_loop()
        give_up_at = clock.time() + self.give_up_after_s
        gives_up = gives_up or (lambda _, next_attempt_at: next_attempt_at > give_up_at)
        for attempt in itertools.count(1):
            try:
                return await self._attempt(method, path, body, is_first_use=is_first_use)
            except _TryAgainError as fault:
                pause_s = self._backoff.pause_s(
                    attempt=attempt, chance=random.random(), retry_after_s=fault.retry_after_s
                )
                unreachable = HubUnreachableError(
                    str(fault), attempts=attempt, retry_after_s=fault.retry_after_s, request_id=fault.request_id
                )
                # Set here, not by `from`: who gives up on the way is told this very error.
                unreachable.__cause__ = fault.__cause__
                if gives_up(unreachable, clock.time() + pause_s):
                    raise unreachable  # noqa: B904
            await asyncio.sleep(pause_s)
        raise AssertionError("count() does not end")

    async def _attempt(self, method: str, path: str, body: bytes, *, is_first_use: bool) -> Receipt:
        receipt, headers, round_trip_s = await self._send(method, path, body)
        is_signed = RECEIPT_TAG in receipt.headers.get("Signature-Input", "")
        if is_signed and not is_first_use:
            signed = await self._verify(receipt)
            self.clock_offset_s = clock_offset_s(signed.at, received_at=receipt.received_at, round_trip_s=round_trip_s)
            receipt = replace(receipt, clock_offset_s=self.clock_offset_s)
        elif receipt.status < 400 and not is_first_use:
            raise ReceiptInvalidError(f"{receipt.status} without the hub's signature")
        if 200 <= receipt.status < 300:
            return receipt
        fault = read_fault(
            status=receipt.status,
            headers=headers,
            body=receipt.body,
            receipt=receipt if is_signed and not is_first_use else None,
            now=receipt.received_at,
        )
        raise _try_again_or_final(fault)

    async def _send(self, method: str, path: str, body: bytes) -> tuple[Receipt, Mapping[str, str], float]:
        clock = asyncio.get_running_loop()
        now, started_s = datetime.now(UTC), clock.time()
        request = self._signer.sign(method=method, url=self._origin + path, body=body, now=now)
        headers = dict(request.headers)
        if body:
            headers["Content-Type"] = "application/json"
        try:
            # Encoded already: what is signed must be what is sent, to the letter.
            url = URL(request.url, encoded=True)
            async with self._session.request(
                method, url, data=body or None, headers=headers, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise _TryAgainError(f"{type(fault).__name__}: {fault}") from fault
        signed = {name: ", ".join(response.headers.getall(name, ())) for name in SIGNATURE_FIELDS}
        kept = {name: value for name, value in signed.items() if value}
        receipt = Receipt(request, response.status, kept, content, datetime.now(UTC))
        return receipt, response.headers, clock.time() - started_s

    async def _verify(self, receipt: Receipt) -> Signed:
        try:
            return self.hub_keys.verify(receipt)
        except HubKeyChangedError as changed:
            if not self.hub_keys.may_learn or receipt.request.url == self._origin + KEYS_PATH:
                raise
            await self._follow_rotation(changed)
            return self.hub_keys.verify(receipt)

    async def _learn_first_keys(self, gives_up: GivesUp | None) -> None:
        """Trust on first use: pin what the hub shows, signed or not."""
        async with self._learning:
            if not self.hub_keys.is_empty:
                return
            try:
                receipt = await self._persist("GET", KEYS_PATH, b"", is_first_use=True, gives_up=gives_up)
                self.hub_keys.pin(receipt.content(), now=receipt.received_at)
            except (HubUnreachableError, MessageRejectedError, ReceiptInvalidError) as fault:
                fault.add_note(f"{self._origin}{KEYS_PATH} did not tell the hub's keys: is this the hub's address?")
                raise

    async def _follow_rotation(self, changed: HubKeyChangedError) -> None:
        """Pin further keys that an answer lists which a pinned key signed; else raise what made us ask."""
        try:
            receipt = await self._persist("GET", KEYS_PATH, b"")
        except ReceiptInvalidError:
            raise changed from None
        self.hub_keys.pin(receipt.content(), now=receipt.received_at)


def path_part(text: str) -> str:
    """Return text, such as a card or an id, as one part of a path. Raises TypeError."""
    if not isinstance(text, str):
        raise TypeError(f"expected text, got {type(text).__name__}: cards and ids are text, of digits as well")
    return quote(text, safe="")


def clock_offset_s(signed_at: datetime, *, received_at: datetime, round_trip_s: float) -> float:
    """Return how far the hub's clock is ahead of this one, to half a second and half the round trip.

    `signed_at` is the signature's `created`, the hub's own word; a Date header may be any proxy's.
    """
    # Whole seconds, rounded down: on the average the answer was signed half a second later.
    hub_at = signed_at + timedelta(seconds=0.5)
    return (hub_at - received_at).total_seconds() + round_trip_s / 2


def _try_again_or_final(fault: Fault) -> _TryAgainError | MessageRejectedError:
    if fault.is_retryable:
        return _TryAgainError(str(fault), retry_after_s=fault.retry_after_s, request_id=fault.request_id)
    return fault.error()


def origin_of(url: str) -> str:
    """Return the hub's address without a slash at the end. Raises AddressInvalidError."""
    try:
        parsed = URL(url)
        is_usable = parsed.scheme in ("http", "https") and bool(parsed.host)
    except (TypeError, ValueError) as fault:
        raise AddressInvalidError(f"not a URL: {url!r}: {fault}") from fault
    if not is_usable or parsed.query_string or parsed.fragment or parsed.user:
        raise AddressInvalidError(f"expected the hub's address as http(s)://host[:port][/path], got {url!r}")
    return str(parsed).rstrip("/")
