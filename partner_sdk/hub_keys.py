"""Which keys are the hub's: one that the caller names, or those learned on first use and pinned from then on.

Trust on first use rests on the TLS connection of that one moment; name `hub_key` where that is not enough.
Pinned keys vouch for new ones: `GET /v1/keys` answered with a pinned key's signature adds the keys that it lists.
A key that nobody vouched for is HubKeyChangedError, and stays so until a person decides.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.errors import AnswerNotUnderstoodError, HubKeyChangedError
from partner_sdk.keys import public_key_of_jwk
from partner_sdk.outbox import Outbox


class HubKeys:
    """Looks hub keys up by keyid."""

    def __init__(self, outbox: Outbox, *, named: Ed25519PublicKey | None) -> None:
        self._outbox = outbox
        self._named = named
        self._pinned: dict[str, Ed25519PublicKey] = {}
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

    def pin(self, content: Any, *, now: datetime) -> None:
        """Pin the keys of an answer of GET /v1/keys; a pinned keyid keeps its key. Raises AnswerNotUnderstoodError."""
        keys = read_keys(content)
        for jwk in keys.values():
            public_key_of_jwk(jwk)
        self._outbox.pin_hub_keys(keys, now=now)
        self._load()

    def _load(self) -> None:
        self._pinned = {keyid: public_key_of_jwk(jwk) for keyid, jwk in self._outbox.hub_keys().items()}


def read_keys(content: Any) -> dict[str, Mapping[str, Any]]:
    """Return the JSON Web Keys of an answer of GET /v1/keys by keyid. Raises AnswerNotUnderstoodError."""
    try:
        keys = {str(jwk["kid"]): jwk for jwk in content["keys"]}
    except (KeyError, TypeError) as fault:
        raise AnswerNotUnderstoodError("expected a set of keys", content=content) from fault
    if not keys:
        raise AnswerNotUnderstoodError("expected at least one hub key", content=content)
    return keys
