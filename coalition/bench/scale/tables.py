"""The plan as tables: rows of text under headings, for markdown and for the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

from coalition.bench.scale.breaks import Limit
from coalition.bench.scale.comparison import Compared
from coalition.bench.scale.demand import demand_of
from coalition.bench.scale.figures import ARCHIVED_TABLES, Figures
from coalition.bench.scale.plan import Plan

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    headings: Row
    rows: tuple[Row, ...]


def markdown(table: Table) -> str:
    """Return a table as lines of markdown."""
    rule = tuple("---:" if is_figures(column) else "---" for column in zip(*table.rows, strict=True)) or ("---",)
    return "\n".join("| " + " | ".join(row) + " |" for row in (table.headings, rule, *table.rows))


def is_figures(cells: Sequence[str]) -> bool:
    """Return whether a column is figures: what stands in it begins with a digit or a sign, or is empty."""
    return all(not cell or cell[0] in "+-0123456789" for cell in cells)


def number(value: float) -> str:
    """Return a figure with three digits that count, large ones with M and G: nothing here is known more exactly."""
    for unit, name in ((1e12, " T"), (1e9, " G"), (1e6, " M")):
        if value >= unit:
            return f"{value / unit:,.3g}{name}"
    if value >= 1_000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def size(value: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit:
            return f"{value / unit:.3g} {name}" if value < 100 * unit else f"{value / unit:.0f} {name}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, name in ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= 2 * unit or unit == 1e-6:
            return f"{seconds / unit:.3g} {name}" if seconds < 100 * unit else f"{seconds / unit:,.0f} {name}"
    return "0 s"


def figures_table(figures: Figures) -> Table:
    """Return what one of everything costs."""
    hub, postgres = figures.hub, figures.postgres
    rows = [
        ("an operation", hub.operation_us, postgres.operation_us),
        ("a message: HTTP, its signature verified, the answer signed", hub.message_us, postgres.message_us),
        ("a batch of a lane", hub.batch_us, postgres.batch_us),
        ("a lot that a burn uses", figures.lot_use.hub_us, figures.lot_use.postgres_us),
        ("a row of `lot_total`", 0.0, figures.lot_row_us),
        ("a card looked up", figures.card_look_up.hub_us, figures.card_look_up.postgres_us),
        ("an account whose points expire", figures.expiry.hub_us, figures.expiry.postgres_us),
        ("a record checked by `coalition check`", figures.check_record.hub_us, figures.check_record.postgres_us),
    ]
    bill = figures.bill
    more = [
        ("a lane closed (both together)", bill.close_lane_us),
        ("a partner calculated (both together)", bill.calculate_partner_us),
        ("a row of `window_total` added up (both together)", bill.calculate_total_row_us),
        ("a row of `lot_total` added up (both together)", bill.calculate_lot_row_us),
        ("a payer and a redeemer set against each other (both together)", bill.calculate_cell_us),
        ("a partner's documents (both together)", bill.documents_partner_us),
    ]
    return Table(
        ("CPU, µs", "hub", "PostgreSQL"),
        (
            *((what, number(ours), number(theirs)) for what, ours, theirs in rows),
            *((what, number(both), "") for what, both in more),
        ),
    )


def bytes_table(figures: Figures) -> Table:
    """Return what one of everything takes on disk, with its indexes."""

    def leaves(table: str) -> str:
        if table == "lot":
            return "years later, used up"
        return "with its window" if table in ARCHIVED_TABLES else "stays"

    large = {name: value for name, value in figures.operation_bytes.items() if value >= 1}
    rows = [(f"an operation in `{name}`", number(value), leaves(name)) for name, value in sorted(large.items())]
    return Table(
        ("bytes", "", "leaves the database"),
        (
            *rows,
            ("an operation of an archived window, packed", number(figures.packed_bytes), "stays"),
            ("a message beside its operations", number(figures.message_bytes), leaves("message")),
            ("a lot that is used, in `lot_use`", number(figures.lot_use_bytes), "with its lot"),
            ("a row of `lot_total`", number(figures.lot_row_bytes), "stays"),
            ("a member: account, card, address", number(figures.account_bytes), "stays"),
            ("write-ahead log: an operation", number(figures.wal_operation_bytes), ""),
            ("write-ahead log: a message", number(figures.wal_message_bytes), ""),
            ("write-ahead log: a lot that is used", number(figures.wal_lot_bytes), ""),
            ("an operation in a request", number(figures.request_bytes), ""),
        ),
    )


def demand_table(plans: Mapping[str, Plan]) -> Table:
    """Return how much each programme's shoppers do."""
    demands = [plan.demand for plan in plans.values()]
    return _by_plan(
        plans,
        ("members", [number(plan.programme.members) for plan in plans.values()]),
        ("partners", [number(plan.programme.partners) for plan in plans.values()]),
        ("sales with points a day", [number(_sales(plan)) for plan in plans.values()]),
        ("earns a day", [number(demand.earns) for demand in demands]),
        ("burns a day", [number(demand.burns) for demand in demands]),
        ("lots that burns and returns use a day", [number(demand.lots_used) for demand in demands]),
        ("operations a year", [number(demand.operations_per_year) for demand in demands]),
        ("operations a second, mean of a shopping day", [number(demand.operations / 86_400) for demand in demands]),
        ("operations a second, busiest", [number(demand.peak_operations_per_s) for demand in demands]),
        ("messages a second, busiest", [number(demand.peak_messages_per_s) for demand in demands]),
    )


def _sales(plan: Plan) -> float:
    return float(plan.programme.value_per_day / plan.programme.earned_share)


def plan_table(plans: Mapping[str, Plan]) -> Table:
    """Return what each programme needs."""
    every = list(plans.values())
    years = 3

    def database(*, archived: bool) -> list[str]:
        return [size(plan.storage.after(years, archived=archived)) for plan in every]

    return _by_plan(
        plans,
        ("lanes", [number(plan.clearing.lanes) for plan in every]),
        ("operations in a batch, busiest second", [number(plan.clearing.operations_per_batch) for plan in every]),
        ("a lane's use, of what it can book", [f"{plan.clearing.lane_used:.2%}" for plan in every]),
        ("CPU of an operation, hub", [f"{plan.clearing.hub_us:.0f} µs" for plan in every]),
        ("CPU of an operation, PostgreSQL", [f"{plan.clearing.postgres_us:.0f} µs" for plan in every]),
        ("cores busy, hub", [number(plan.clearing.hub_cores) for plan in every]),
        ("cores busy, PostgreSQL", [number(plan.clearing.postgres_cores) for plan in every]),
        ("on Citus besides: ids looked up in all lanes", [number(plan.clearing.probe_cores) for plan in every]),
        ("hub processes", [number(plan.clearing.processes) for plan in every]),
        (f"hub machines of {every[0].machines.hub_cores} cores, one to spare", [number(plan.hubs) for plan in every]),
        (
            f"database machines of {every[0].machines.worker_cores} cores, each with a standby",
            [number(plan.workers) for plan in every],
        ),
        ("a message's turn in its lane, 99 % within", [duration(plan.clearing.turn_s) for plan in every]),
        ("disk a year, all kept", [size(_yearly(plan)) for plan in every]),
        ("of it leaves with its window", [size(plan.storage.archivable_per_year) for plan in every]),
        (f"database after {years} years, nothing archived", database(archived=False)),
        (f"database after {years} years, windows archived", database(archived=True)),
        ("write-ahead log a day", [size(plan.storage.wal_per_day) for plan in every]),
        ("write-ahead log a second, busiest", [size(plan.storage.wal_per_peak_s) for plan in every]),
        ("requests a second, busiest", [size(plan.storage.requests_per_peak_s) for plan in every]),
    )


def _yearly(plan: Plan) -> float:
    return plan.storage.kept_per_year + plan.storage.archivable_per_year


def month_table(plans: Mapping[str, Plan]) -> Table:
    """Return what ends of windows, expiry and checks take."""
    every = list(plans.values())
    return _by_plan(
        plans,
        ("close a window, lane by lane", [duration(plan.month.close_s) for plan in every]),
        ("rows of `window_total` at most", [number(plan.month.statement_rows) for plan in every]),
        ("rows of `lot_total`, about", [number(plan.month.lot_rows) for plan in every]),
        ("pairs of payer and redeemer, about", [number(plan.month.cells) for plan in every]),
        ("add its rows up: one process of the database", [duration(plan.month.add_up_s) for plan in every]),
        ("calculate it from the sums: one process", [duration(plan.month.calculate_s) for plan in every]),
        ("memory of that process", [size(plan.month.calculate_bytes) for plan in every]),
        ("its documents: one process", [duration(plan.month.documents_s) for plan in every]),
        ("everybody's points expire in one night: one process", [duration(plan.month.expiry_s) for plan in every]),
        ("`coalition check` of 3 years: one process", [duration(plan.month.check_s) for plan in every]),
    )


def money_table(plans: Mapping[str, Plan]) -> Table:
    """Return what it costs."""
    every = list(plans.values())
    currency = every[0].machines.currency
    return _by_plan(
        plans,
        (f"machines a year, {currency}", [number(plan.compute_money) for plan in every]),
        (f"disk and archive a year, after 3 years, {currency}", [number(plan.storage_money) for plan in every]),
        (f"a million operations, {currency}", [f"{plan.money_per_million_operations:.2f}" for plan in every]),
    )


def habits_table(plans: Mapping[str, Plan]) -> Table:
    """Return what other habits of the same shoppers would mean."""
    currency = next(iter(plans.values())).machines.currency
    return _by_plan(
        plans,
        (
            "operations a second, busiest",
            [number(demand_of(p.programme).peak_operations_per_s) for p in plans.values()],
        ),
        ("CPU of an operation, hub", [f"{plan.clearing.hub_us:.0f} µs" for plan in plans.values()]),
        ("CPU of an operation, PostgreSQL", [f"{plan.clearing.postgres_us:.0f} µs" for plan in plans.values()]),
        ("cores busy, hub and PostgreSQL", [number(plan.clearing.cores) for plan in plans.values()]),
        ("hub processes", [number(plan.clearing.processes) for plan in plans.values()]),
        (f"a million operations, {currency}", [f"{p.money_per_million_operations:.2f}" for p in plans.values()]),
    )


def _by_plan(plans: Mapping[str, Plan], *rows: tuple[str, Sequence[str]]) -> Table:
    return Table(("", *plans), tuple((what, *figures) for what, figures in rows))


def limits_table(limits: Sequence[Limit]) -> Table:
    """Return what breaks first; a limit below 1 is passed already."""
    return Table(
        ("limit of the smallest installation", "breaks at", "used at 1 x", "of", "what moves it"),
        tuple(
            (
                limit.what,
                _times(limit.breaks_at),
                number(limit.used),
                f"{number(limit.capacity)} {limit.unit}",
                limit.remedy,
            )
            for limit in limits
        ),
    )


def _times(factor: float) -> str:
    if factor == inf:
        return "never"
    return f"{factor:.2g} x" if factor < 100 else f"{ceil(factor / 10) * 10:,} x"


def comparison_table(compared: Sequence[Compared]) -> Table:
    """Return the simulation beside the hub, run by run."""
    return Table(
        (
            "sent",
            "operations/s",
            "predicted",
            "error",
            "50 %, ms",
            "predicted",
            "99 %, ms",
            "predicted",
            "in a batch",
            "predicted",
        ),
        tuple(
            (
                _sent(one),
                number(one.rate),
                number(one.predicted_rate),
                f"{one.rate_error:+.0%}",
                number(one.p50_ms),
                number(one.predicted_p50_ms),
                number(one.p99_ms),
                number(one.predicted_p99_ms),
                number(one.operations_per_batch),
                number(one.predicted_operations_per_batch),
            )
            for one in compared
        ),
    )


def _sent(one: Compared) -> str:
    run = one.run
    of = run["operations"] // run["messages"]
    load = f"{run['offered_per_s']:.0f} a second" if "offered_per_s" in run else f"{run['in_flight']} in flight"
    return f"of {of}, {load}, {run['lanes']} lane{'s' if run['lanes'] > 1 else ''}"
