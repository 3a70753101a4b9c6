"""What partners use of their caps."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from coalition.database.pool import Connection
from settlement.engine.money import Currency, from_minor
from settlement.stores.points_reports import TIMEOUT_S
from settlement.stores.report_query import report_query

SELECT_CAPS = "SELECT partner, cap_minor FROM net_debit_cap ORDER BY partner"

CAP_USE = report_query("cap_use")


class CapUse(NamedTuple):
    """A partner's cap, and its position, exact: more than 0 is what it has run up."""

    partner: int
    cap: Decimal
    position: Decimal


async def load_cap_use(connection: Connection, lanes: Sequence[int], currency: Currency) -> list[CapUse]:
    """Return every partner that has a cap."""
    caps = {row["partner"]: row["cap_minor"] for row in await connection.fetch(SELECT_CAPS)}
    rows = await connection.fetch(CAP_USE, lanes, list(caps), timeout=TIMEOUT_S) if caps else []
    used: dict[int, Decimal] = {row["partner"]: row["used"] for row in rows}
    return [
        CapUse(partner, from_minor(cap_minor, currency), used.get(partner, Decimal(0)))
        for partner, cap_minor in caps.items()
    ]
