"""The records of the hub's journals that receipts tell of: where each lies, and the bytes of its result as answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from partner_sdk.errors import AnswerNotUnderstoodError
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt

_JSON = json.JSONDecoder()
_BLANKS = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Journalled:
    """A decided operation; `message` is the SHA-256 of the body that was answered, `index` its place there."""

    id: str
    lane: int
    leaf: int
    message: bytes
    index: int
    result: bytes
    booked_at: datetime | None = None


def journalled(outbox: Outbox) -> Iterator[Journalled]:
    """Yield what the newest receipt of each operation tells. Raises AnswerNotUnderstoodError."""
    for receipt, states in outbox.receipts():
        if states and receipt.status == 200:
            yield from (one for one in records_of(receipt) if one.id in states)


def records_of(receipt: Receipt) -> Iterator[Journalled]:
    """Yield the records that an answered message tells of. Raises AnswerNotUnderstoodError.

    A refusal that may be repeated has no place; that of a reused id names the place of another operation."""
    message = sha256(receipt.request.body).digest()
    for index, (text, result) in enumerate(zip(result_texts(receipt.body), receipt.results(), strict=True)):
        if result.lane is not None and result.leaf is not None and result.code != "operation_id_reused":
            yield Journalled(result.id, result.lane, result.leaf, message, index, text, result.booked_at)


def result_texts(body: bytes) -> list[bytes]:
    """Return each result of an answer to the byte, as it is hashed. Raises AnswerNotUnderstoodError."""
    text = body.decode()
    place = text.find("[", text.find('"results"')) + 1
    texts = []
    try:
        while text[place := _skip(text, place, _BLANKS)] != "]":
            _, end = _JSON.raw_decode(text, place)
            texts.append(text[place:end].encode())
            place = _skip(text, end, _BLANKS + ",")
    except (ValueError, IndexError) as fault:
        raise AnswerNotUnderstoodError("expected results", content=body[:200]) from fault
    return texts


def _skip(text: str, place: int, characters: str) -> int:
    while text[place] in characters:
        place += 1
    return place
