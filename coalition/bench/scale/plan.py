"""What a programme needs, from its demand and what one operation costs: processes, machines, disk, money, time.

Units: CPU in cores (seconds of CPU a second), sizes in bytes, times in seconds, money in the machines' currency.
"""

from dataclasses import dataclass
from math import ceil, exp, log

from coalition.bench.scale.demand import Demand, demand_of
from coalition.bench.scale.figures import ARCHIVED_TABLES, Figures
from coalition.bench.scale.lane import Hold, batch_operations, hold_of, parcel_operations, turn_s
from coalition.bench.scale.programme import Machines, Programme
from coalition.lanes.card_memory import SETS

# In a process of the hub; two to a set, 16 bytes each.
CARDS_REMEMBERED = 2 * SETS
HOURS_PER_YEAR = 8_760
PAGE_BYTES = 8_192
LANES_MAX = 1_024
# A programme rarely shrinks and its lanes stay: it is given some to grow into.
LANES_MIN = 16
# Of a signed request, assumed.
HEADER_BYTES = 700


@dataclass(frozen=True, slots=True)
class Clearing:
    """The busiest second. `*_us` are of an operation with its shares of message, batch, lots and look-up; `probe_cores`
    come on top where no index spans the lanes, as on Citus: a message's ids are looked up in each lane."""

    lanes: int
    processes: int
    operations_per_batch: float
    hub_us: float
    postgres_us: float
    hub_cores: float
    postgres_cores: float
    probe_cores: float
    hold: Hold
    lane_used: float
    turn_s: float

    @property
    def cores(self) -> float:
        return self.hub_cores + self.postgres_cores


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes of one copy. `kept` stays in the database for ever, `archivable` leaves it `years_at_hand` after it was
    written, but for what is `packed`."""

    kept_per_year: float
    archivable_per_year: float
    packed_per_year: float
    years_at_hand: float
    members: float
    wal_per_day: float
    wal_per_peak_s: float
    reads_per_peak_s: float
    requests_per_peak_s: float

    def after(self, years: float, *, archived: bool) -> float:
        """Return the database's size after so many years."""
        at_hand = min(years, self.years_at_hand) if archived else years
        written = years * self.kept_per_year + at_hand * self.archivable_per_year
        return self.members + written + (years - at_hand) * self.packed_per_year


@dataclass(frozen=True, slots=True)
class Month:
    """What a window, a night of expiry and a full check take: seconds of CPU in one process, one after the other.

    The calculation is in two parts: what the database adds up, each machine what it has, and what one process makes of
    it, in `calculate_bytes` of memory."""

    close_s: float
    add_up_s: float
    calculate_s: float
    calculate_bytes: float
    documents_s: float
    statement_rows: float
    lot_rows: float
    cells: float
    expiry_s: float
    check_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A programme with all that it needs. Money is per year."""

    programme: Programme
    machines: Machines
    demand: Demand
    clearing: Clearing
    storage: Storage
    month: Month
    hubs: int
    workers: int
    compute_money: float
    storage_money: float

    @property
    def money_per_million_operations(self) -> float:
        return (self.compute_money + self.storage_money) / self.demand.operations_per_year * 1e6


def plan_of(programme: Programme, machines: Machines, figures: Figures, *, years: float = 3) -> Plan:
    """Return what a programme needs so many years after its start, with closed windows archived."""
    demand = demand_of(programme)
    clearing, storage, workers = cluster_of(programme, machines, demand, figures, years=years)
    size = storage.after(years, archived=True)
    hubs = max(ceil(clearing.processes / machines.hub_cores) + 1, 2)
    cores = hubs * machines.hub_cores + workers * machines.worker_cores * machines.copies
    archived = storage.archivable_per_year * years
    disk_money = size * machines.copies * float(machines.disk_gb_month) + archived * float(machines.archive_gb_month)
    return Plan(
        programme=programme,
        machines=machines,
        demand=demand,
        clearing=clearing,
        storage=storage,
        month=month_of(programme, demand, clearing, figures, years=years),
        hubs=hubs,
        workers=workers,
        compute_money=cores * HOURS_PER_YEAR * float(machines.vcpu_hour),
        storage_money=disk_money / 1e9 * 12,
    )


def cluster_of(
    programme: Programme, machines: Machines, demand: Demand, figures: Figures, *, years: float
) -> tuple[Clearing, Storage, int]:
    """Return processes, lanes, storage and database machines: the fewest lanes and processes that will do, since each
    more makes batches smaller."""
    lanes = LANES_MIN
    while True:
        clearing = _clearing_in(lanes, programme, machines, demand, figures)
        storage = storage_of(programme, machines, demand, figures, lanes=lanes)
        workers = max(
            ceil(clearing.postgres_cores / float(machines.used_share) / machines.worker_cores),
            ceil(storage.after(years, archived=True) / machines.worker_disk_bytes),
            ceil(storage.wal_per_peak_s / machines.worker_wal_bytes_per_s),
            ceil(storage.reads_per_peak_s / machines.worker_iops),
        )
        full = clearing.lane_used * lanes / float(machines.lane_used_share)
        spread = workers * machines.lanes_per_worker_min if workers > 1 else 1
        if lanes >= max(spread, full) or lanes == LANES_MAX:
            return clearing, storage, workers
        lanes *= 2


def _clearing_in(lanes: int, programme: Programme, machines: Machines, demand: Demand, figures: Figures) -> Clearing:
    peak = demand.peak_operations_per_s
    hold = hold_of(figures, wait_us=machines.lane_wait_us, lots_per_operation=demand.lots_per_operation)
    parcel = parcel_operations(programme, lanes=lanes)
    processes = 0
    hub_us = postgres_us = batch = 0.0
    while not processes or peak * hub_us / 1e6 > processes * float(machines.used_share):
        # In steps of a fiftieth where there are many.
        processes += max(processes // 50, 1)
        batch = batch_operations(hold, operations_per_s=peak, parcel=parcel, lanes=lanes, processes=processes)
        hub_us, postgres_us = operation_us(programme, demand, figures, operations_per_batch=batch)
    return Clearing(
        lanes=lanes,
        processes=processes,
        operations_per_batch=batch,
        hub_us=hub_us,
        postgres_us=postgres_us,
        hub_cores=peak * hub_us / 1e6,
        postgres_cores=peak * postgres_us / 1e6,
        probe_cores=demand.peak_messages_per_s * (lanes - 1) * figures.probe_us / 1e6,
        hold=hold,
        lane_used=peak / lanes / hold.operations_per_s_max,
        turn_s=turn_s(hold, operations_per_s=peak, parcel=parcel, lanes=lanes, processes=processes),
    )


def operation_us(
    programme: Programme, demand: Demand, figures: Figures, *, operations_per_batch: float
) -> tuple[float, float]:
    """Return the CPU of an operation in the hub and in PostgreSQL, with all that it brings along."""
    shape = {"operations_per_message": demand.operations_per_message, "operations_per_batch": operations_per_batch}
    looked_up = 1 - min(CARDS_REMEMBERED / programme.members, 1.0)
    lots = demand.lots_per_operation
    return (
        figures.hub.per_operation_us(**shape) + lots * figures.lot_use.hub_us + looked_up * figures.card_look_up.hub_us,
        figures.postgres.per_operation_us(**shape)
        # Each lot used counts in a row of `lot_total` that it rarely shares with another of its batch.
        + lots * (figures.lot_use.postgres_us + figures.lot_row_us)
        + looked_up * figures.card_look_up.postgres_us,
    )


def storage_of(programme: Programme, machines: Machines, demand: Demand, figures: Figures, *, lanes: int) -> Storage:
    """Return what is written: rows by table, and the log with the whole pages that follow each checkpoint."""
    yearly = demand.operations_per_year
    archivable = sum(figures.operation_bytes.get(table, 0.0) for table in ARCHIVED_TABLES)
    archivable += figures.message_bytes / demand.operations_per_message
    kept = sum(size for table, size in figures.operation_bytes.items() if table not in ARCHIVED_TABLES)
    kept += demand.lots_per_operation * figures.lot_use_bytes
    wal_bytes = (
        figures.wal_operation_bytes
        + figures.wal_message_bytes / demand.operations_per_message
        + demand.lots_per_operation * figures.wal_lot_bytes
    )
    peak = demand.peak_operations_per_s
    mean = demand.operations / 86_400
    return Storage(
        kept_per_year=kept * yearly
        + lot_rows_of(programme, demand, lanes=lanes) * programme.windows_per_year * figures.lot_row_bytes,
        archivable_per_year=archivable * yearly,
        packed_per_year=figures.packed_bytes * yearly,
        # On average a window's records are half a window old at its close.
        years_at_hand=programme.archive_after_days / 365 + 0.5 / programme.windows_per_year,
        members=programme.members * figures.account_bytes,
        wal_per_day=86_400 * (mean * wal_bytes + page_images_per_s(programme, machines, demand, figures, mean)),
        wal_per_peak_s=peak * wal_bytes + page_images_per_s(programme, machines, demand, figures, peak),
        reads_per_peak_s=peak * (1 + demand.lots_per_operation),
        requests_per_peak_s=peak * figures.request_bytes
        + demand.peak_messages_per_s * (figures.request_message_bytes + HEADER_BYTES),
    )


def page_images_per_s(
    programme: Programme, machines: Machines, demand: Demand, figures: Figures, operations_per_s: float
) -> float:
    """Return the bytes of whole pages in the log: each page once after each checkpoint, however often it changes.

    Each operation changes a page of accounts; each lot that is made or used one of the many pages of lots. Of P pages
    that are hit at random N times P * (1 - e^(-N/P)) are hit at all."""
    hits = operations_per_s * machines.checkpoint_s
    lots = demand.operations_per_year * float(programme.lot_life_years)
    account_pages = programme.members * figures.account_bytes / 3 / PAGE_BYTES
    lot_pages = lots * figures.operation_bytes.get("lot", 0.0) / PAGE_BYTES
    pages = distinct(account_pages, hits) + distinct(lot_pages, hits * (1 + demand.lots_per_operation))
    return pages * PAGE_BYTES / machines.checkpoint_s


def distinct(places: float, hits: float) -> float:
    """Return how many of so many places are hit at least once, at random."""
    return places * (1 - exp(-hits / places)) if places > 0 else 0.0


def month_of(programme: Programme, demand: Demand, clearing: Clearing, figures: Figures, *, years: float) -> Month:
    """Return what a window, an expiry of everybody's points and a check of everything take."""
    bill, partners, lanes = figures.bill, programme.partners, clearing.lanes
    expiry_us = figures.expiry.hub_us + figures.expiry.postgres_us
    check_us = figures.check_record.hub_us + figures.check_record.postgres_us
    statement_rows = lanes * partners * programme.lines_per_partner
    rows = lot_rows_of(programme, demand, lanes=lanes)
    cells = pairs(programme, lots_of_window(programme, demand), places_of_pair=1)
    return Month(
        close_s=lanes * bill.close_lane_us / 1e6,
        add_up_s=(statement_rows * bill.calculate_total_row_us + rows * bill.calculate_lot_row_us) / 1e6,
        calculate_s=(partners * bill.calculate_partner_us + cells * bill.calculate_cell_us) / 1e6,
        calculate_bytes=cells * bill.calculate_cell_bytes,
        documents_s=partners * bill.documents_partner_us / 1e6,
        statement_rows=statement_rows,
        lot_rows=rows,
        cells=cells,
        expiry_s=programme.members * expiry_us / 1e6,
        check_s=years * demand.operations_per_year * check_us / 1e6,
    )


def lot_rows_of(programme: Programme, demand: Demand, *, lanes: int) -> float:
    """Return how many rows of `lot_total` a window makes, in all lanes."""
    return lanes * lot_rows(programme, lots_of_window(programme, demand) / lanes)


def lots_of_window(programme: Programme, demand: Demand) -> float:
    """Return how many lots the burns and returns of a window use."""
    return demand.lots_used * programme.shopping_days / programme.windows_per_year


def lot_rows(programme: Programme, lots_used: float) -> float:
    """Return how many rows of `lot_total` the lots used in a window make in one lane: payers x redeemers x months of
    sale x VAT rates, as far as they occur."""
    months = float(programme.lot_life_years) * 12
    return pairs(programme, lots_used, places_of_pair=months * programme.vat_rates)


def pairs(programme: Programme, lots_used: float, *, places_of_pair: float) -> float:
    """Return how many places of payer and redeemer occur, of so many for each pair of them. Partners are as unlike as
    1/rank; ranks are taken in bands of a factor 2."""
    bands, start = list[tuple[int, float]](), 1
    while start <= programme.partners:
        end = min(start * 2, programme.partners + 1)
        bands.append((end - start, sum_of_inverses(start, end)))
        start = end
    total = sum(weight for _, weight in bands)
    rows = 0.0
    for payers, payer_weight in bands:
        for redeemers, redeemer_weight in bands:
            places = payers * redeemers * places_of_pair
            rows += distinct(places, lots_used * payer_weight * redeemer_weight / total**2)
    return rows


def sum_of_inverses(start: int, end: int) -> float:
    """Return 1/start + ... + 1/(end - 1), for high ranks by its integral."""
    if start > 1_000:
        return log((end - 0.5) / (start - 0.5))
    return sum(1 / rank for rank in range(start, end))
