"""Evidence: the bytes and signatures of messages, committed before any of their operations is booked."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.ledger.batch import OperationKey


class Evidence(NamedTuple):
    """One message as it came: enough to verify its signature again, years later, with the key by `keyid`.
    `target` is the raw path and query of the POST."""

    lane: int
    partner: int
    digest: bytes
    keyid: str
    received_at: datetime
    authority: str
    target: str
    signature_input: str
    signature: str
    content_digest: str
    body: bytes


KEEP_MESSAGES = "SELECT lane, partner, operation_id, leaf FROM keep_messages($1, $2, $3)"


async def keep_messages(
    connection: Connection, messages: Sequence[Evidence], *, lanes: Sequence[int], operation_ids: Sequence[str]
) -> dict[OperationKey, tuple[int, int]]:
    """Keep messages, byte for byte, in one statement that is its own transaction.

    Return where those of the operations that any of the lanes has decided lie: (lane, leaf)."""
    # Sorted, so that two hubs that keep the same messages wait for each other in one order.
    ordered = sorted(messages, key=lambda message: message[:3])
    rows = await connection.fetch(KEEP_MESSAGES, ordered, lanes, operation_ids)
    return {(partner, operation_id): (lane, leaf) for lane, partner, operation_id, leaf in rows}
