"""What breaks first: each limit of the smallest installation, and at how many times its size a programme reaches it.

The smallest installation is what `coalition serve` makes without any setting, on one machine for the hub and one for
the database. A remedy moves its limit; then the next one down is the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from coalition.bench.scale.demand import Demand
from coalition.bench.scale.figures import Figures
from coalition.bench.scale.plan import CARDS_REMEMBERED, Plan, operation_us, plan_of
from coalition.config import Settings

NIGHT_S = 8 * 3_600
EXPIRY_S = 3_600
DISK_YEARS = 3
# Of a message at a till, in the busiest second.
TURN_S = 0.5
FACTORS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 1_000)

# Plans of a programme by how many times its size it has grown to.
Grown = Mapping[int, Plan]


@dataclass(frozen=True, slots=True)
class Limit:
    """`used` by the programme as it is, of `capacity`, in `unit`; `remedy` says what moves it. `reached_at` is given
    where a limit is not reached in proportion."""

    what: str
    used: float
    capacity: float
    unit: str
    remedy: str
    reached_at: float | None = None

    @property
    def breaks_at(self) -> float:
        """Return at how many times its size the programme reaches the limit."""
        if self.reached_at is not None:
            return self.reached_at
        return self.capacity / self.used if self.used else inf


def limits_of(plan: Plan, figures: Figures) -> list[Limit]:
    """Return the limits, the first to break first. Batches are taken to be full when a limit is reached."""
    grown = {
        factor: plan_of(plan.programme.times(factor), plan.machines, figures, years=DISK_YEARS) for factor in FACTORS
    }
    limits = [*_clearing(plan, figures), _turns(plan, grown), *_database(plan, figures)]
    limits += [*_nights(plan), *_calculation(plan, grown)]
    return sorted(limits, key=lambda limit: limit.breaks_at)


def _clearing(plan: Plan, figures: Figures) -> list[Limit]:
    demand, machines, hold = plan.demand, plan.machines, plan.clearing.hold
    settings = {name: field.default for name, field in Settings.model_fields.items()}
    full_us, _ = operation_us(plan.programme, demand, figures, operations_per_batch=_full_batch(demand))
    peak, used = demand.peak_operations_per_s, float(machines.used_share)
    hub_cores = peak * full_us / 1e6
    return [
        Limit(
            "one hub process (the default): its CPU in the busiest second",
            hub_cores,
            used,
            "cores",
            "`--workers N`, then more hubs: they share nothing but the lanes' locks",
        ),
        Limit(
            f"one hub machine, {machines.hub_cores} cores",
            hub_cores,
            used * machines.hub_cores,
            "cores",
            "more hubs behind a proxy; larger messages: a message costs as much as many operations",
        ),
        Limit(
            f"{settings['lanes']} lanes (the default), each half full in the busiest second",
            peak,
            settings["lanes"] * hold.operations_per_s_max * float(machines.lane_used_share),
            "operations/s",
            "`COALITION_LANES` when the database is made; afterwards: More lanes, in docs/scale.md",
        ),
        Limit(
            "cards that a hub process remembers",
            plan.programme.members,
            CARDS_REMEMBERED,
            "cards",
            "none needed: a card that is not remembered is looked up; the plan pays for it",
        ),
        Limit(
            f"connections to one database, {settings['pool_size']} a hub process",
            hub_cores / used * settings["pool_size"],
            machines.worker_connections,
            "connections",
            "`COALITION_POOL_SIZE` 4 to 8: three batches at once need no more; then PgBouncer in session mode",
        ),
    ]


def _turns(plan: Plan, grown: Grown) -> Limit:
    """Return at which size a cluster as large as its programme makes messages wait too long for their turn."""
    return Limit(
        f"one cluster, however large: a message's turn in its lane within {TURN_S} s",
        plan.clearing.turn_s,
        TURN_S,
        "s",
        "several clusters, each with its members, hubs and lanes: docs/scale.md",
        reached_at=_reached(grown, lambda larger: larger.clearing.turn_s > TURN_S),
    )


def _reached(grown: Grown, is_beyond: Callable[[Plan], bool]) -> float:
    """Return the first factor at which a plan is beyond a limit; infinite: at none that was planned."""
    return next((factor for factor, larger in grown.items() if is_beyond(larger)), inf)


def _full_batch(demand: Demand) -> float:
    # A process at its limit finds this much waiting, as the measured runs of single messages did.
    return max(16.0, demand.operations_per_message)


def _database(plan: Plan, figures: Figures) -> list[Limit]:
    demand, machines, programme, storage = plan.demand, plan.machines, plan.programme, plan.storage
    _, full_us = operation_us(programme, demand, figures, operations_per_batch=_full_batch(demand))
    one = f"one database machine, {machines.worker_cores} cores"
    return [
        Limit(
            f"{one}: its CPU in the busiest second",
            demand.peak_operations_per_s * full_us / 1e6,
            machines.worker_cores * float(machines.used_share),
            "cores",
            "Citus workers, lanes spread over them",
        ),
        Limit(
            f"its disk after {DISK_YEARS} years, nothing archived",
            storage.after(DISK_YEARS, archived=False) / 1e12,
            machines.worker_disk_bytes / 1e12,
            "TB",
            "archive closed windows",
        ),
        Limit(
            f"its disk after {DISK_YEARS} years, closed windows archived",
            storage.after(DISK_YEARS, archived=True) / 1e12,
            machines.worker_disk_bytes / 1e12,
            "TB",
            "Citus workers; `operation` stays for ever, lots until all that took from them is archived",
        ),
        Limit(
            "its disk's reads a second: pages of lots that memory does not hold",
            storage.reads_per_peak_s,
            machines.worker_iops,
            "reads/s",
            "memory; Citus workers; lots of one account kept together (fewer, merged lots are ruled out)",
        ),
        Limit(
            "its write-ahead log in the busiest second",
            storage.wal_per_peak_s / 1e6,
            machines.worker_wal_bytes_per_s / 1e6,
            "MB/s",
            "`wal_compression = lz4`, checkpoints further apart; Citus workers",
        ),
    ]


def _nights(plan: Plan) -> list[Limit]:
    month = plan.month
    checked_a_year = month.check_s / DISK_YEARS
    return [
        Limit(
            "everybody's points expire in one night (a yearly rule): one sweep, within an hour",
            month.expiry_s,
            EXPIRY_S,
            "s",
            "a rule by month (`end_of_month`) spreads it; nothing is wrong meanwhile: who looks at a card sees it, "
            "and a burn is refused, from midnight on",
        ),
        Limit(
            "`coalition check` of one year, in one night",
            checked_a_year,
            NIGHT_S,
            "s",
            "check windows once, when they leave, and the open ones every night; not built, it checks all",
        ),
        Limit(
            "closing a window, all lanes one after the other, within a minute", month.close_s, 60, "s", "none needed"
        ),
        Limit(
            "a window's documents, in one night", month.documents_s, NIGHT_S, "s", "by partner, in several processes"
        ),
    ]


def _calculation(plan: Plan, grown: Grown) -> list[Limit]:
    """Rows grow with lanes and with partners, pairs of them with the square: neither in proportion."""
    month, memory_bytes = plan.month, plan.machines.hub_memory_bytes * float(plan.machines.used_share)
    return [
        Limit(
            "adding a window's rows up, in one night, by one process of the database",
            month.add_up_s,
            NIGHT_S,
            "s",
            "parallel queries; Citus workers: each adds up what it has",
            reached_at=_reached(grown, lambda larger: larger.month.add_up_s > NIGHT_S),
        ),
        Limit(
            "calculating a window from the sums, in one night",
            month.calculate_s,
            NIGHT_S,
            "s",
            "not built: the matrix by redeemer, in several processes",
            reached_at=_reached(grown, lambda larger: larger.month.calculate_s > NIGHT_S),
        ),
        Limit(
            "calculating a window: half the memory of a hub machine",
            month.calculate_bytes / 1e9,
            memory_bytes / 1e9,
            "GB",
            "a machine with more for the hour; not built: the matrix by redeemer",
            reached_at=_reached(grown, lambda larger: larger.month.calculate_bytes > memory_bytes),
        ),
    ]
