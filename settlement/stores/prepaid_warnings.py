"""Whose prepaid points run low, and who was told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coalition.database.pool import Connection

Told = Literal["sent", "refused"]


@dataclass(frozen=True, slots=True)
class LowBlocks:
    """A partner with less prepaid points left than it is to be warned at."""

    partner: int
    points_left: int
    warn_below: int


@dataclass(frozen=True, slots=True)
class BlockWarning:
    """A warning of which somebody is not told yet; `partner_mail` and `operator_mail` None: not sent."""

    warning: int
    partner: int
    points_left: int
    warn_below: int
    partner_mail: Told | None
    operator_mail: Told | None


# Who is below its level already has been noticed; the index sees to it where two hubs look at once.
INSERT_CROSSINGS = """
INSERT INTO prepaid_warning (partner, points_left, warn_below, crossed_at)
SELECT low.partner, low.points_left, low.warn_below, $1
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS low (partner, points_left, warn_below)
ON CONFLICT (partner) WHERE ended_at IS NULL DO NOTHING
RETURNING partner
"""

END_CROSSINGS = "UPDATE prepaid_warning SET ended_at = $1 WHERE ended_at IS NULL AND partner <> ALL($2::bigint[])"


async def note_crossings(connection: Connection, low: Sequence[LowBlocks], *, now: datetime) -> list[int]:
    """Keep who is low now, and that others are not any more; return who was not before."""
    await connection.execute(END_CROSSINGS, now, [blocks.partner for blocks in low])
    rows = await connection.fetch(
        INSERT_CROSSINGS,
        now,
        [blocks.partner for blocks in low],
        [blocks.points_left for blocks in low],
        [blocks.warn_below for blocks in low],
    )
    return sorted(row["partner"] for row in rows)


SELECT_OPEN = """
SELECT warning FROM prepaid_warning
WHERE ended_at IS NULL AND (partner_mail IS NULL OR operator_mail IS NULL)
ORDER BY warning
"""


async def load_open(connection: Connection) -> list[int]:
    """Return the warnings of which somebody is not told yet."""
    return [row["warning"] for row in await connection.fetch(SELECT_OPEN)]


# Whoever is at it already tells of it.
HOLD_WARNING = """
SELECT warning, partner, points_left, warn_below, partner_mail, operator_mail FROM prepaid_warning
WHERE warning = $1 AND ended_at IS NULL
FOR UPDATE SKIP LOCKED
"""


async def hold_warning(connection: Connection, warning: int) -> BlockWarning | None:
    """Return a warning, ours until the transaction ends; None: somebody else is at it, or it is over."""
    row = await connection.fetchrow(HOLD_WARNING, warning)
    return None if row is None else BlockWarning(**row)


SET_MAILS = "UPDATE prepaid_warning SET partner_mail = $2, operator_mail = $3 WHERE warning = $1"


async def set_mails(
    connection: Connection, warning: int, *, partner_mail: Told | None, operator_mail: Told | None
) -> None:
    """Keep what became of the mails."""
    await connection.execute(SET_MAILS, warning, partner_mail, operator_mail)
