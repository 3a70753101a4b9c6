"""The programme: its currency, zone and number of lanes, one row."""

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from coalition.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Programme:
    """`point_value` is money per point in `currency`; `expiry_months` None: points never expire."""

    name: str
    currency: str
    minor_unit: int
    time_zone: str
    point_value: Decimal
    lanes: int
    expiry_months: int | None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


SELECT_PROGRAMME = "SELECT name, currency, minor_unit, time_zone, point_value, lanes, expiry_months FROM programme"


async def load_programme(connection: Connection) -> Programme:
    row = await connection.fetchrow(SELECT_PROGRAMME)
    assert row is not None, "the programme's row is made with the schema"
    return Programme(*row.values())
