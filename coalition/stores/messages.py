"""Evidence: the bytes and signatures of messages, committed before any of their operations is booked."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection


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


# The first one stays: a body that comes again, signed anew, is the same message.
INSERT_MESSAGES = """
INSERT INTO message (lane, partner, digest, keyid, received_at, authority, target, signature_input, signature,
    content_digest, body)
SELECT lane, partner, digest, keyid, received_at, authority, target, signature_input, signature, content_digest, body
FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::bytea[])
    AS kept (lane, partner, digest, keyid, received_at, authority, target, signature_input, signature, content_digest,
        body)
ON CONFLICT (lane, partner, digest) DO NOTHING
"""


async def keep_messages(connection: Connection, messages: Sequence[Evidence]) -> None:
    """Keep messages, byte for byte; one statement, so that it is its own transaction."""
    # Sorted, so that two hubs that keep the same messages wait for each other in one order.
    ordered = sorted(messages, key=lambda message: message[:3])
    await connection.execute(INSERT_MESSAGES, *zip(*ordered, strict=True))
