"""The fake hub's journal: hashes of what it answered, and the proofs over them, as RFC 6962 defines them (2.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from partner_sdk.merkle import leaf_hash, node_hash
from partner_sdk.testing.read_message import RequestRefusedError, fault

LANE = 0
LANE_MAX = 1_023
LEAF_MAX = 2**53 - 1
LEAVES_MAX = 50
# Of a record that the hub made by itself.
NO_MESSAGE = bytes(32)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an operation came from: the SHA-256 of its message's body, and its place there."""

    message: bytes
    index: int


@dataclass(slots=True)
class FakeJournal:
    """One lane's leaves, in order."""

    hashes: list[bytes] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)

    def append(self, result: str, origin: Origin | None) -> None:
        """Add a record; `result` is the text that is answered, `origin` None: time alone made it."""
        message, index = (NO_MESSAGE, 0) if origin is None else (origin.message, origin.index)
        self.hashes.append(leaf_hash(message=message, index=index, result=result.encode()))
        self.origins.append(origin)

    def checkpoint(self, made_at: str) -> dict[str, Any]:
        """Return the answer of GET /v1/checkpoint."""
        lane = {"lane": LANE, "size": len(self.hashes), "root": _root(self.hashes).hex()}
        return {"made_at": made_at, "lanes": [lane]}

    def inclusion(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer of GET /v1/proofs/inclusion. Raises RequestRefusedError."""
        lane, leaf, size = _numbers(query, ("lane", "leaf", "size"))
        (proof,) = self._inclusions(lane, [leaf], size)
        return {"lane": lane, "size": size, **proof}

    def inclusions(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer of GET /v1/proofs/inclusions. Raises RequestRefusedError."""
        lane, size = _numbers(query, ("lane", "size"))
        texts = query.get("leaves", "").split(",")
        leaves = [number for text in texts if (number := _number(text, LEAF_MAX)) is not None]
        if len(leaves) < len(texts) or len(leaves) > LEAVES_MAX:
            expected = f"1 to {LEAVES_MAX} whole numbers"
            raise _refused([fault("leaves", "number_out_of_range", expected, query.get("leaves", ""))])
        return {"lane": lane, "size": size, "proofs": self._inclusions(lane, leaves, size)}

    def consistency(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer of GET /v1/proofs/consistency. Raises RequestRefusedError."""
        lane, before, size = _numbers(query, ("lane", "from", "to"))
        self._refuse_beyond(lane, "to", size)
        if not 0 < before <= size:
            raise _no_proof("from", f"a size from 1 to {size}", before)
        path = _consistency(self.hashes[:size], before, is_whole=True)
        return {"lane": lane, "from": before, "to": size, "path": [one.hex() for one in path]}

    def _inclusions(self, lane: int, leaves: Sequence[int], size: int) -> list[dict[str, Any]]:
        self._refuse_beyond(lane, "size", size)
        if max(leaves) >= size:
            raise _no_proof("leaf", f"leaves below the size, {size}", max(leaves))
        return [self._inclusion_document(leaf, size) for leaf in leaves]

    def _inclusion_document(self, leaf: int, size: int) -> dict[str, Any]:
        origin = self.origins[leaf]
        message, index = (None, None) if origin is None else (origin.message.hex(), origin.index)
        path = [one.hex() for one in _path(self.hashes[:size], leaf)]
        return {"leaf": leaf, "message": message, "index": index, "path": path}

    def _refuse_beyond(self, lane: int, field: str, size: int) -> None:
        if lane != LANE:
            raise _no_proof("lane", "a lane of this hub", lane)
        if size > len(self.hashes):
            raise _no_proof(field, f"at most {len(self.hashes)}, the journal's size", size)


def _split(size: int) -> int:
    """Return the largest power of two below a size of two or more."""
    return 1 << ((size - 1).bit_length() - 1)


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    split = _split(len(hashes))
    return node_hash(_root(hashes[:split]), _root(hashes[split:]))


def _path(hashes: Sequence[bytes], leaf: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if leaf < split:
        return [*_path(hashes[:split], leaf), _root(hashes[split:])]
    return [*_path(hashes[split:], leaf - split), _root(hashes[:split])]


def _consistency(hashes: Sequence[bytes], before: int, *, is_whole: bool) -> list[bytes]:
    if before == len(hashes):
        return [] if is_whole else [_root(hashes)]
    split = _split(len(hashes))
    if before <= split:
        return [*_consistency(hashes[:split], before, is_whole=is_whole), _root(hashes[split:])]
    return [*_consistency(hashes[split:], before - split, is_whole=False), _root(hashes[:split])]


def _numbers(query: Mapping[str, str], names: Sequence[str]) -> list[int]:
    numbers, faults = [], []
    for name in names:
        text, most = query.get(name, ""), LANE_MAX if name == "lane" else LEAF_MAX
        number = _number(text, most)
        if number is not None:
            numbers.append(number)
        else:
            expected = f"a whole number from 0 to {most}"
            faults.append(fault(name, "number_out_of_range", expected, text or "an empty text"))
    if faults:
        raise _refused(faults)
    return numbers


def _number(text: str, most: int) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most
    return int(text) if is_number else None


def _refused(faults: list[dict[str, str]]) -> RequestRefusedError:
    return RequestRefusedError(422, "request_invalid", faults)


def _no_proof(field: str, expected: str, got: int) -> RequestRefusedError:
    return RequestRefusedError(422, "no_such_proof", [fault(field, "number_out_of_range", expected, got)])
