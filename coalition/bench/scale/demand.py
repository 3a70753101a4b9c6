"""From a programme's size to operations, messages and lots: per day, per year and in the busiest second."""

from dataclasses import dataclass

from coalition.bench.scale.programme import Programme

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Demand:
    """Per shopping day, unless its name says otherwise."""

    earns: float
    burns: float
    returns: float
    lots_used: float
    messages: float
    operations_per_year: float
    peak_operations_per_s: float
    peak_messages_per_s: float

    @property
    def operations(self) -> float:
        return self.earns + self.burns + self.returns

    @property
    def operations_per_message(self) -> float:
        return self.operations / self.messages

    @property
    def lots_per_operation(self) -> float:
        return self.lots_used / self.operations


def demand_of(programme: Programme) -> Demand:
    """Return what a programme's shoppers cause.

    Sales are what the points are a share of; a basket is an earn; nearly every lot that an earn makes is spent, so
    that burns touch almost as many lots as there were earns, however few the burns are."""
    points = float(programme.value_per_day / programme.point_value)
    earns = float(programme.value_per_day / programme.earned_share / programme.basket)
    burns = points * float(programme.redeemed_share) / programme.burn_points
    returns = earns * float(programme.returned_share)
    operations = earns + burns + returns
    singles = operations * float(programme.single_share)
    messages = singles + (operations - singles) / programme.bundle_operations
    peak = float(programme.peak_factor) / SECONDS_PER_DAY
    return Demand(
        earns=earns,
        burns=burns,
        returns=returns,
        lots_used=earns * float(programme.redeemed_share) + returns,
        messages=messages,
        operations_per_year=operations * programme.shopping_days,
        peak_operations_per_s=operations * peak,
        peak_messages_per_s=messages * peak,
    )
