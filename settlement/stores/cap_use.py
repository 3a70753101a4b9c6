"""What partners use of their caps."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from coalition.database.pool import Connection
from settlement.engine.money import Currency, add_exactly, from_minor
from settlement.stores.points_reports import TIMEOUT_S
from settlement.stores.report_query import report_query

SELECT_CAPS = "SELECT partner, cap_minor FROM net_debit_cap ORDER BY partner"

CAP_USE = report_query("cap_use")


class CapUse(NamedTuple):
    """A partner's cap, and its position by window, exact: more than 0 is what it has run up."""

    partner: int
    cap: Decimal
    positions: Mapping[int, Decimal]

    @property
    def position(self) -> Decimal:
        return add_exactly(self.positions.values())


async def load_cap_use(connection: Connection, lanes: Sequence[int], currency: Currency) -> list[CapUse]:
    """Return every partner that has a cap."""
    caps = {row["partner"]: row["cap_minor"] for row in await connection.fetch(SELECT_CAPS)}
    rows = await connection.fetch(CAP_USE, lanes, list(caps), timeout=TIMEOUT_S) if caps else []
    used: defaultdict[int, dict[int, Decimal]] = defaultdict(dict)
    for row in rows:
        used[row["partner"]][row["window_no"]] = row["used"]
    return [CapUse(partner, from_minor(cap_minor, currency), used[partner]) for partner, cap_minor in caps.items()]
