"""Settings that count when the database is made, and not again: which of them say now what the programme is not."""

from collections.abc import Mapping
from typing import NamedTuple

from coalition.config import Settings
from coalition.stores.programme import Programme


class PassedOver(NamedTuple):
    """A setting by the name of its variable, what it says, and what holds since the database was made."""

    variable: str
    given: object
    holds: object


def passed_over(settings: Settings, programme: Programme) -> list[PassedOver]:
    """Return the settings given, by a flag or a variable, that differ from the programme, in order of their names.

    Limits are left out: `coalition limits` changes them at any time."""
    return [
        PassedOver(f"COALITION_{name.upper()}", given, holds)
        for name, holds in sorted(_fixed(programme).items())
        if name in settings.model_fields_set and (given := getattr(settings, name)) != holds
    ]


def _fixed(programme: Programme) -> Mapping[str, object]:
    return {
        "programme_name": programme.name,
        "currency": programme.currency,
        "minor_unit": programme.minor_unit,
        "time_zone": programme.time_zone,
        "point_value": programme.point_value,
        "lanes": programme.lanes,
        "expiry_rule": programme.expiry.name,
        "grace_days": programme.grace_days,
    }
