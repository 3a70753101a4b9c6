"""One partner's connection to the hub: its key, its outbox, and the signed calls."""

from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from partner_sdk.backoff import Backoff
from partner_sdk.errors import OutboxError
from partner_sdk.exchange import Exchange
from partner_sdk.hub_keys import HubKeys
from partner_sdk.keys import load_private_key, load_public_key, thumbprint
from partner_sdk.message import OPERATIONS_MAX
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt
from partner_sdk.sender import Sender
from partner_sdk.signing import Signer


class Connection:
    """The outbox and the way to the hub, while `async with` lasts; the calls are those of `Coalition`."""

    def __init__(
        self,
        url: str,
        key: str | Path | Ed25519PrivateKey,
        *,
        keyid: str | None = None,
        outbox: str | Path | None = None,
        hub_key: str | Path | bytes | Ed25519PublicKey | None = None,
        operations_per_message: int = 500,
        messages_in_flight: int = 4,
        timeout_s: float = 30.0,
        give_up_after_s: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        """Read the keys; nothing is opened or sent before `async with`.

        `key` is a PEM file or the key itself; `keyid` is its RFC 7638 thumbprint unless given. `outbox` is by default
        the file beside the key file that bears its name: `shop.pem` has `shop.outbox.sqlite`, so that two partners on
        one machine never share one, and the place does not depend on where the program is started. A key passed as an
        object has no place, so it needs `outbox`. `hub_key` is the only key trusted to sign the hub's answers; without
        it, those of the first `GET /v1/keys` are trusted and pinned in the outbox.
        Raises KeyUnusableError, OutboxError.
        """
        private_key = load_private_key(key)
        self._signer = Signer(private_key, keyid=keyid or thumbprint(private_key.public_key()))
        self._outbox_path = default_outbox(key) if outbox is None else Path(outbox)
        self._hub_key = None if hub_key is None else load_public_key(hub_key)
        self._url = url
        self._operations_per_message = min(max(1, operations_per_message), OPERATIONS_MAX)
        self._messages_in_flight = max(1, messages_in_flight)
        self._timeout_s, self._give_up_after_s = timeout_s, give_up_after_s
        self._backoff = backoff or Backoff()
        self._opened: tuple[Outbox, Exchange, Sender] | None = None

    @property
    def keyid(self) -> str:
        return self._signer.keyid

    @property
    def clock_offset_s(self) -> float | None:
        """How far the hub's clock is ahead of this machine's, by its newest verified answer; None before the first.

        Right to about a second. It is kept in the outbox beside each operation, and changes no `occurred_at`.
        """
        return self._parts()[1].clock_offset_s

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise OutboxError("open already: one `async with` at a time, and one `Coalition` for all tasks within it")
        outbox = Outbox(self._outbox_path)
        try:
            exchange = Exchange(
                self._url,
                signer=self._signer,
                keys=HubKeys(outbox, named=self._hub_key),
                backoff=self._backoff,
                timeout_s=self._timeout_s,
                give_up_after_s=self._give_up_after_s,
                clock_offset_s=outbox.clock_offset_s(),
            )
        except BaseException:
            outbox.close()
            raise
        sender = Sender(outbox, exchange, operations_per_message=self._operations_per_message)
        self._opened = outbox, exchange, sender
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            outbox, exchange, _ = self._opened
            self._opened = None
            outbox.close()
            await exchange.close()

    def _parts(self) -> tuple[Outbox, Exchange, Sender]:
        if self._opened is None:
            raise OutboxError("not open: use `async with Coalition(...) as hub`")
        return self._opened

    async def _get(self, path: str) -> Receipt:
        return await self._parts()[1].ask("GET", path)


def default_outbox(key: str | Path | Ed25519PrivateKey) -> Path:
    """Return the outbox that belongs to a key file. Raises OutboxError for a key without one."""
    if isinstance(key, Ed25519PrivateKey):
        raise OutboxError("a key that is not a file needs `outbox`: the path of the file that keeps its operations")
    return Path(key).with_suffix(".outbox.sqlite")
