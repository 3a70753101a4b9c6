"""Certificates for burns without a network: kept when the hub signs one, counted up by the burns booked within it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from coalition.database.pool import Connection
from coalition.ledger.certificate import Certificate
from coalition.stores.cards import Place

SELECT_CERTIFICATES = """
SELECT certificate_id, account, partner, card, till, points, spent, not_before, not_after,
    counters_elsewhere || ARRAY(SELECT certificate_use.counter FROM certificate_use
          WHERE certificate_use.lane = $1 AND certificate_use.certificate_id = certificate.certificate_id) AS counters
FROM certificate
WHERE lane = $1 AND certificate_id = ANY($2::text[])
"""


async def load_certificates(
    connection: Connection, lane: int, certificate_ids: Iterable[str]
) -> dict[str, Certificate]:
    """Return those of the certificates that were given out in this lane, whose lock the caller holds."""
    wanted = sorted(certificate_ids)
    if not wanted:
        return {}
    rows = await connection.fetch(SELECT_CERTIFICATES, lane, wanted)
    return {row["certificate_id"]: Certificate(*row.values()) for row in rows}


INSERT_USES = """
INSERT INTO certificate_use (lane, certificate_id, counter, leaf, points)
SELECT $1, used.certificate_id, used.counter, used.leaf, used.points
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[]) AS used (certificate_id, counter, leaf, points)
"""

UPDATE_SPENT = """
UPDATE certificate SET spent = used.spent
FROM unnest($2::text[], $3::bigint[]) AS used (certificate_id, spent)
WHERE certificate.lane = $1 AND certificate.certificate_id = ANY($2::text[])
    AND certificate.certificate_id = used.certificate_id
"""


async def write_certificates(connection: Connection, lane: int, certificates: Mapping[str, Certificate]) -> None:
    """Write what a batch burned within certificates, in the transaction that holds the lane's lock."""
    used = [certificate for _, certificate in sorted(certificates.items()) if certificate.uses]
    if not used:
        return
    uses = [(certificate.certificate_id, *use) for certificate in used for use in certificate.uses]
    await connection.execute(INSERT_USES, lane, *map(list, zip(*uses, strict=True)))
    await connection.execute(UPDATE_SPENT, lane, [one.certificate_id for one in used], [one.spent for one in used])


# A burn within a certificate is decided under this lock, and so is what is available when one is given out.
LOCK_LANE = "SELECT lane FROM lane WHERE lane = $1 FOR UPDATE"


async def lock_lane(connection: Connection, lane: int) -> None:
    """Keep a lane's accounts as they are until the end of the transaction."""
    await connection.execute(LOCK_LANE, lane)


COUNT_OPEN = """
SELECT count(*) FROM certificate WHERE lane = $1 AND account = $2 AND not_after > $3 AND spent < points
"""


async def count_open_certificates(connection: Connection, place: Place, *, now: datetime) -> int:
    """Return within how many certificates an account's points may be burned at this moment."""
    return await connection.fetchval(COUNT_OPEN, place.lane, place.account, now)  # type: ignore[no-any-return]


UPDATE_ACCOUNT = """
UPDATE certificate SET account = $3, accounts_before = accounts_before || $2::bigint
WHERE lane = $1 AND account = $2 AND card = ANY($4::text[]) AND spent < points
"""

SELECT_OPEN = """
SELECT certificate_id, partner, card, till, points - spent, not_before, not_after,
    counters_elsewhere || ARRAY(SELECT certificate_use.counter FROM certificate_use
        WHERE certificate_use.lane = $1 AND certificate_use.certificate_id = certificate.certificate_id)
FROM certificate
WHERE lane = $1 AND account = $2 AND card = ANY($3::text[]) AND spent < points
ORDER BY certificate_id
"""
END_HERE = "UPDATE certificate SET points = spent WHERE lane = $1 AND certificate_id = ANY($2::text[])"

# It may come back to where it was.
INSERT_REST = """
INSERT INTO certificate AS here
    (lane, account, certificate_id, partner, card, till, points, not_before, not_after, counters_elsewhere)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (lane, certificate_id) DO UPDATE SET
    account = excluded.account,
    accounts_before = here.accounts_before || here.account,
    points = here.points + excluded.points,
    counters_elsewhere = excluded.counters_elsewhere
"""


async def lead_certificates(connection: Connection, source: Place, target: Place, cards: Sequence[str]) -> None:
    """Let what may still be burned within an account's certificates for these cards be burned on another account. The
    caller holds both lanes' locks."""
    if source.lane == target.lane:
        await connection.execute(UPDATE_ACCOUNT, source.lane, source.account, target.account, cards)
        return
    rows = await connection.fetch(SELECT_OPEN, *source, cards)
    await connection.execute(END_HERE, source.lane, [row["certificate_id"] for row in rows])
    await connection.executemany(INSERT_REST, [(*target, *row.values()) for row in rows])


INSERT_CERTIFICATE = """
INSERT INTO certificate (lane, certificate_id, account, partner, card, till, points, not_before, not_after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def add_certificate(connection: Connection, lane: int, certificate: Certificate) -> None:
    """Keep a certificate that is given out."""
    await connection.execute(
        INSERT_CERTIFICATE,
        lane,
        certificate.certificate_id,
        certificate.account,
        certificate.partner,
        certificate.card,
        certificate.till,
        certificate.points,
        certificate.not_before,
        certificate.not_after,
    )
