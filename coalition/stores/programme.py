"""The programme: its currency, zone and number of lanes, one row."""

from dataclasses import astuple, dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from coalition.database.pool import Connection
from coalition.ledger.expiry import ExpiryRule, day_of_year
from coalition.ledger.limits import NO_LIMITS, LimitRules


@dataclass(frozen=True, slots=True)
class Programme:
    """`point_value` is money per point in `currency`; `grace_days`: how long points live that come back after their
    expiry."""

    name: str
    currency: str
    minor_unit: int
    time_zone: str
    point_value: Decimal
    lanes: int
    expiry: ExpiryRule
    grace_days: int
    limits: LimitRules = NO_LIMITS

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


SELECT_PROGRAMME = """
SELECT name, currency, minor_unit, time_zone, point_value, lanes, expiry_rule, expiry_months, expiry_day, grace_days,
    burn_points_min, burn_points_per_day_max, earns_per_card_per_day_max, step_up_above, operations_per_card_max,
    velocity_window_s
FROM programme
"""


async def load_programme(connection: Connection) -> Programme:
    row = await connection.fetchrow(SELECT_PROGRAMME)
    assert row is not None, "the programme's row is made with the schema"
    expiry = ExpiryRule(row["expiry_rule"], row["expiry_months"] or 0, day_of_year(row["expiry_day"]))
    name, currency, minor_unit, time_zone, point_value, lanes = row[:6]
    limits = LimitRules(*row[10:])
    return Programme(name, currency, minor_unit, time_zone, point_value, lanes, expiry, row["grace_days"], limits)


HOLD_PROGRAMME = "SELECT FROM programme FOR UPDATE"


async def hold_programme(connection: Connection) -> None:
    """Let nobody else change the programme until the transaction ends."""
    await connection.execute(HOLD_PROGRAMME)


SET_LIMITS = """
UPDATE programme
SET burn_points_min = $1, burn_points_per_day_max = $2, earns_per_card_per_day_max = $3, step_up_above = $4,
    operations_per_card_max = $5, velocity_window_s = $6
"""


async def set_limits(connection: Connection, limits: LimitRules) -> None:
    """Replace the programme's limits."""
    await connection.execute(SET_LIMITS, *astuple(limits))
