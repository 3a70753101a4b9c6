"""Change the programme's limits; running hubs take the change at once."""

from collections.abc import Mapping
from dataclasses import asdict

from coalition.database.pool import Pool
from coalition.errors import SettingError
from coalition.ledger.limits import (
    EARNS_OF_A_DAY_MAX,
    OPERATIONS_OF_A_CARD_MAX,
    POINTS_OF_A_DAY_MAX,
    VELOCITY_WINDOW_S_MAX,
    LimitRules,
)
from coalition.ledger.operation import POINTS_MAX
from coalition.stores.programme import hold_programme, load_programme, set_limits
from coalition.stores.registry import announce_change

BOUNDS = {
    "burn_points_min": (1, POINTS_MAX),
    "burn_points_per_day_max": (1, POINTS_OF_A_DAY_MAX),
    "earns_per_card_per_day_max": (1, EARNS_OF_A_DAY_MAX),
    "step_up_above": (0, POINTS_MAX),
    "operations_per_card_max": (1, OPERATIONS_OF_A_CARD_MAX),
    "velocity_window_s": (1, VELOCITY_WINDOW_S_MAX),
}


async def change_limits(pool: Pool, changes: Mapping[str, int | None]) -> LimitRules:
    """Set the limits that are named as in LimitRules, and leave the others; return all of them.

    Raises SettingError that names every one that can't be."""
    async with pool.acquire() as connection, connection.transaction():
        await hold_programme(connection)
        before = (await load_programme(connection)).limits
        limits = LimitRules(**{**asdict(before), **changes})
        if faults := _faults(limits):
            raise SettingError("; ".join(faults))
        await set_limits(connection, limits)
        await announce_change(connection)
    return limits


def _faults(limits: LimitRules) -> list[str]:
    given = asdict(limits)
    faults = [
        f"{name}: expected {least:,} to {most:,}, {given[name]} came"
        for name, (least, most) in BOUNDS.items()
        if given[name] is not None and not least <= given[name] <= most
    ]
    least_burn, burned_max = limits.burn_points_min, limits.burn_points_per_day_max
    if least_burn is not None and burned_max is not None and burned_max < least_burn:
        faults.append(f"burn_points_per_day_max: expected burn_points_min, {least_burn}, or more; {burned_max} came")
    return faults
