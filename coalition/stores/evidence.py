"""One journal record with all that proves it: the message as it came, the key that signed it, the lots it moved."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from coalition.database.pool import Connection
from coalition.journal.archive import bytes_of
from coalition.stores.past_records import load_past_records


class Record(NamedTuple):
    """A journal record. `partner` None: a close, which is of no partner; `message` None: a record of the hub's own."""

    lane: int
    leaf: int
    window_no: int
    kind: str
    code: str | None
    partner: int | None
    partner_name: str | None
    operation_id: str | None
    account: int | None
    points: int
    terms_version: int | None
    original_leaf: int | None
    shop: str | None
    till: str | None
    reference: str | None
    occurred_at: datetime | None
    booked_at: datetime
    message: bytes | None
    message_index: int | None
    result: str


SELECT_RECORD = """
SELECT journal.lane, journal.leaf, journal.window_no, journal.kind, journal.code, journal.partner, partner.name,
    journal.operation_id, journal.account, journal.points, journal.terms_version, journal.original_leaf, journal.shop,
    journal.till, journal.reference, journal.occurred_at, journal.booked_at, journal.message, journal.message_index,
    journal.result
FROM journal
LEFT JOIN partner ON partner.partner = journal.partner
WHERE journal.lane = $1 AND journal.leaf = $2
"""


SELECT_NAME = "SELECT name FROM partner WHERE partner = $1"


async def find_record(connection: Connection, *, lane: int, leaf: int) -> Record | None:
    """Return a record, also an archived one; None: there is none."""
    row = await connection.fetchrow(SELECT_RECORD, lane, leaf)
    if row is not None:
        return Record(*row.values())
    past = (await load_past_records(connection, lane, [leaf])).get(leaf)
    if past is None:
        return None
    name = await connection.fetchval(SELECT_NAME, past.record.get("partner"))
    columns: dict[str, Any] = {**dict.fromkeys(Record._fields), "partner_name": name, **past.record}
    for moment in ("occurred_at", "booked_at"):
        columns[moment] = None if columns[moment] is None else datetime.fromisoformat(columns[moment])
    columns["message"] = None if columns["message"] is None else bytes_of(columns["message"])
    return Record(**columns)


class KeptMessage(NamedTuple):
    """A message as it came; `public_key` None: the partner never had a key of this id."""

    digest: bytes
    keyid: str
    received_at: datetime
    authority: str
    target: str
    signature_input: str
    signature: str
    content_digest: str
    body: bytes
    public_key: bytes | None
    key_valid_from: datetime | None
    key_valid_until: datetime | None


SELECT_MESSAGE = """
SELECT message.digest, message.keyid, message.received_at, message.authority, message.target, message.signature_input,
    message.signature, message.content_digest, message.body, partner_key.public_key, partner_key.valid_from,
    partner_key.valid_until
FROM message
LEFT JOIN partner_key ON partner_key.keyid = message.keyid AND partner_key.partner = message.partner
WHERE message.lane = ANY($1) AND message.partner = $2 AND message.digest = $3
ORDER BY message.received_at
LIMIT 1
"""


async def find_message(
    connection: Connection, *, lane: int, partner: int, digest: bytes, lanes: int
) -> KeptMessage | None:
    """Return the evidence of a lane's record: it lies there, or in the lane that the first byte of its digest says."""
    row = await connection.fetchrow(SELECT_MESSAGE, [lane, digest[0] % lanes], partner, digest)
    return None if row is None else KeptMessage(*row.values())


class MovedLot(NamedTuple):
    """Points that a record put into a lot (`points` > 0) or took out of it (< 0). `made_by` is the leaf of the record
    that made the lot."""

    issuer: str
    payer: str
    month_of_sale: date
    vat_rate: Decimal | None
    expires_on: date | None
    points: int
    made_by: int


# What a reversal of a burn put back stands with the burn's own uses, without the leaf of the reversal.
SELECT_MOVED_LOTS = """
SELECT issuer.name, payer.name, lot.month_of_sale, lot.vat_rate, lot.expires_on, moved.points, moved.lot_leaf
FROM (
    SELECT leaf AS lot_leaf, part AS lot_part, points FROM lot WHERE lane = $1 AND account = $2 AND leaf = $3
    UNION ALL
    SELECT lot_leaf, lot_part, -points FROM lot_use WHERE lane = $1 AND leaf = $3
) AS moved
JOIN lot ON lot.lane = $1 AND lot.account = $2 AND lot.leaf = moved.lot_leaf AND lot.part = moved.lot_part
JOIN partner AS issuer ON issuer.partner = lot.issuer
JOIN partner AS payer ON payer.partner = lot.payer
ORDER BY moved.lot_leaf, moved.lot_part, moved.points DESC
LIMIT $4
"""


async def load_moved_lots(connection: Connection, record: Record, *, count_max: int) -> Sequence[MovedLot]:
    rows = await connection.fetch(SELECT_MOVED_LOTS, record.lane, record.account, record.leaf, count_max)
    return [MovedLot(*row.values()) for row in rows]


SELECT_REVERSALS = "SELECT leaf, points FROM reversal WHERE lane = $1 AND original_leaf = $2 ORDER BY leaf LIMIT $3"


async def load_reversals(connection: Connection, record: Record, *, count_max: int) -> list[tuple[int, int]]:
    """Return (leaf, points) of the records that undid some of this one."""
    rows = await connection.fetch(SELECT_REVERSALS, record.lane, record.leaf, count_max)
    return [(row["leaf"], row["points"]) for row in rows]
