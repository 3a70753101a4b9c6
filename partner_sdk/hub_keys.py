"""Which keys are the hub's: one that the caller names, or those learned on first use and pinned from then on.

Trust on first use rests on the TLS connection of that one moment; name `hub_key` where that is not enough.
Pinned keys vouch for new ones: `GET /v1/keys` answered with a pinned key's signature adds the keys that it lists.
A key that nobody vouched for is HubKeyChangedError, and stays so until a person decides. A list that a pinned key
signed may also end another one (`valid_until`, never put off again): what came from it later is HubKeyEndedError.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.errors import AnswerNotUnderstoodError, HubKeyChangedError, HubKeyEndedError, ReceiptInvalidError
from partner_sdk.keys import public_key_of_jwk, thumbprint
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt
from partner_sdk.signing import Signed

# By so much a machine's clock may be ahead, as the hub allows it for what it is sent.
CLOCK_AHEAD_MAX = timedelta(minutes=5)


class HubKeys:
    """Looks hub keys up by keyid."""

    def __init__(self, outbox: Outbox, *, named: Ed25519PublicKey | None) -> None:
        self._outbox = outbox
        self._named = named
        self._pinned: dict[str, Ed25519PublicKey] = {}
        self._ends: dict[str, datetime] = {}
        self._load()

    @property
    def is_empty(self) -> bool:
        return self._named is None and not self._pinned

    @property
    def may_learn(self) -> bool:
        """Whether keys may be added: not when the caller named the one to trust."""
        return self._named is None

    def __call__(self, keyid: str) -> Ed25519PublicKey:
        """Return the hub's key of this id. Raises HubKeyChangedError."""
        # A named key is the only one, whatever the hub calls it.
        key = self._named or self._pinned.get(keyid)
        if key is None:
            raise HubKeyChangedError(keyid=keyid, pinned=list(self._pinned))
        return key

    def verify(self, receipt: Receipt) -> Signed:
        """Check a receipt's signature, and that its key was not ended by then. Raises ReceiptInvalidError.

        Who stole a key can set the signature's time back, so the time at which the answer came counts as well.
        """
        signed = self._signed(receipt)
        ended_at = None if self._named else self._ends.get(signed.keyid)
        if ended_at is not None and max(signed.at, receipt.received_at - CLOCK_AHEAD_MAX) > ended_at:
            raise HubKeyEndedError(keyid=signed.keyid, ended_at=ended_at)
        return signed

    def _signed(self, receipt: Receipt) -> Signed:
        try:
            return receipt.signed(self)
        except ReceiptInvalidError as fault:
            if self._named is not None:
                named = thumbprint(self._named)
                fault.add_note(
                    f"only the key that you named as the hub's counts, {named}: compare it with the operator's"
                )
            raise

    def pin(self, content: Any, *, now: datetime) -> None:
        """Pin the keys of an answer of GET /v1/keys; a pinned keyid keeps its key. Raises AnswerNotUnderstoodError."""
        keys = read_keys(content)
        for jwk in keys.values():
            public_key_of_jwk(jwk)
            _end_of(jwk)
        self._outbox.pin_hub_keys(keys, now=now)
        self._load()

    def _load(self) -> None:
        kept = self._outbox.hub_keys()
        self._pinned = {keyid: public_key_of_jwk(jwk) for keyid, jwk in kept.items()}
        self._ends = {keyid: end for keyid, jwk in kept.items() if (end := _end_of(jwk)) is not None}


def _end_of(jwk: Mapping[str, Any]) -> datetime | None:
    valid_until = jwk.get("valid_until")
    if valid_until is None:
        return None
    try:
        end = datetime.fromisoformat(valid_until)
    except (TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a time as valid_until", content=jwk) from fault
    if end.tzinfo is None:
        raise AnswerNotUnderstoodError("expected a time with an offset as valid_until", content=jwk)
    return end


def read_keys(content: Any) -> dict[str, Mapping[str, Any]]:
    """Return the JSON Web Keys of an answer of GET /v1/keys by keyid. Raises AnswerNotUnderstoodError."""
    try:
        keys = {str(jwk["kid"]): jwk for jwk in content["keys"]}
    except (KeyError, TypeError) as fault:
        raise AnswerNotUnderstoodError("expected a set of keys", content=content) from fault
    if not keys:
        raise AnswerNotUnderstoodError("expected at least one hub key", content=content)
    return keys
