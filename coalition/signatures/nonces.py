"""Nonces that were used already: a request that carries one counts once.

Kept in memory for as long as a request may be old; after that its age refuses it. Each hub keeps its own.
"""

from coalition.signatures.errors import NonceReusedError
from coalition.signatures.verify import AGE_MAX_S, AHEAD_MAX_S

LIFETIME_S = AGE_MAX_S + AHEAD_MAX_S


class Nonces:
    """Bounded by the rate of requests times LIFETIME_S."""

    def __init__(self) -> None:
        self._spent_s: dict[tuple[str, str], int] = {}

    def spend(self, *, keyid: str, nonce: str, now_s: int) -> None:
        """Use up a nonce; raises NonceReusedError the second time."""
        # In order of time, so that the oldest lie in front.
        while self._spent_s and (oldest := next(iter(self._spent_s.items())))[1] < now_s - LIFETIME_S:
            del self._spent_s[oldest[0]]
        if (keyid, nonce) in self._spent_s:
            raise NonceReusedError(
                field="Signature-Input;nonce", expected="a nonce that this key did not use before", got=nonce
            )
        self._spent_s[keyid, nonce] = now_s
