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
    expiry; `expiry_notice_days` before it members are told (None: they are not)."""

    name: str
    currency: str
    minor_unit: int
    time_zone: str
    point_value: Decimal
    lanes: int
    expiry: ExpiryRule
    grace_days: int
    expiry_notice_days: int | None = None
    limits: LimitRules = NO_LIMITS

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


SELECT_PROGRAMME = """
SELECT name, currency, minor_unit, time_zone, point_value, lanes, expiry_rule, expiry_months, expiry_day, grace_days,
    expiry_notice_days, burn_points_min, burn_points_per_day_max, earns_per_card_per_day_max, step_up_above,
    operations_per_card_max, velocity_window_s
FROM programme
"""


async def load_programme(connection: Connection) -> Programme:
    row = await connection.fetchrow(SELECT_PROGRAMME)
    assert row is not None, "the programme's row is made with the schema"
    expiry = ExpiryRule(row["expiry_rule"], row["expiry_months"] or 0, day_of_year(row["expiry_day"]))
    name, currency, minor_unit, time_zone, point_value, lanes = row[:6]
    grace_days, notice_days = row[9:11]
    return Programme(
        name,
        currency,
        minor_unit,
        time_zone,
        point_value,
        lanes,
        expiry,
        grace_days,
        notice_days,
        LimitRules(*row[11:]),
    )


HOLD_PROGRAMME = "SELECT FROM programme FOR UPDATE"


async def hold_programme(connection: Connection) -> None:
    """Let nobody else change the programme until the transaction ends."""
    await connection.execute(HOLD_PROGRAMME)


SET_NOTICE_DAYS = "UPDATE programme SET expiry_notice_days = $1"


async def set_notice_days(connection: Connection, days: int | None) -> None:
    """Write how many days before their points expire members are told; None: they are not."""
    await connection.execute(SET_NOTICE_DAYS, days)


SET_LIMITS = """
UPDATE programme
SET burn_points_min = $1, burn_points_per_day_max = $2, earns_per_card_per_day_max = $3, step_up_above = $4,
    operations_per_card_max = $5, velocity_window_s = $6
"""


async def set_limits(connection: Connection, limits: LimitRules) -> None:
    """Replace the programme's limits."""
    await connection.execute(SET_LIMITS, *astuple(limits))
