"""The plan past one machine: its sums by eye, its directions, and that docs/scale.md says what it prints."""

import json
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coalition.bench.scale.breaks import limits_of
from coalition.bench.scale.charts import charts_of
from coalition.bench.scale.comparison import compare_measured
from coalition.bench.scale.demand import demand_of
from coalition.bench.scale.document import tables_of, with_tables
from coalition.bench.scale.figures import (
    MEASURED,
    Bill,
    Cost,
    Each,
    Figures,
    FiguresError,
    bench_us,
    load_figures,
    with_benchmark,
)
from coalition.bench.scale.fit import fit_parts
from coalition.bench.scale.lane import Hold, batch_operations
from coalition.bench.scale.plan import CARDS_REMEMBERED, distinct, lot_rows, operation_us, plan_of, storage_of
from coalition.bench.scale.programme import Machines, Programme
from coalition.bench.scale.tables import duration, habits_table, money_table, number, size
from coalition.cli.scale import scale_app

ROOT = Path(__file__).resolve().parents[3]

FIGURES = Figures(
    hub=Cost(operation_us=50, message_us=400, batch_us=600),
    postgres=Cost(operation_us=30, message_us=50, batch_us=1_000),
    wait_us=2_000,
    held_share=0.5,
    lot_use=Each(10, 20),
    lot_row_us=5,
    lot_row_bytes=200,
    card_look_up=Each(5, 5),
    expiry=Each(100, 100),
    check_record=Each(50, 50),
    probe_us=1,
    bill=Bill(
        close_lane_us=2_000,
        calculate_partner_us=1_000,
        calculate_total_row_us=2,
        calculate_lot_row_us=0.5,
        calculate_cell_us=50,
        calculate_cell_bytes=800,
        documents_partner_us=200_000,
    ),
    operation_bytes={"journal": 400, "operation": 200, "lot": 200, "message": 60},
    packed_bytes=150,
    message_bytes=800,
    lot_use_bytes=100,
    account_bytes=600,
    wal_operation_bytes=1_200,
    wal_message_bytes=1_000,
    wal_lot_bytes=400,
    request_bytes=250,
    request_message_bytes=100,
)

SMALL = Programme(
    members=10_000,
    partners=10,
    value_per_day=Decimal(1_000),
    earned_share=Decimal("0.01"),
    basket=Decimal(20),
    burn_points=500,
    redeemed_share=Decimal("0.95"),
    returned_share=Decimal("0.02"),
    single_share=Decimal("0.2"),
    bundle_operations=100,
    shopping_days=300,
    peak_factor=Decimal("8.64"),
)


def test_demand_follows_from_the_points_of_a_day() -> None:
    """1,000 EUR are 100,000 points, 1 % of 100,000 EUR in baskets of 20; burns take 950 EUR in 500 points."""
    demand = demand_of(SMALL)
    assert (demand.earns, demand.burns, demand.returns) == (5_000, 190, 100)
    assert demand.operations == 5_290
    assert demand.lots_used == 4_750 + 100
    assert demand.messages == pytest.approx(5_290 * 0.2 + 5_290 * 0.8 / 100)
    assert demand.operations_per_year == 5_290 * 300
    # 8.64 times the mean second of a day.
    assert demand.peak_operations_per_s == pytest.approx(0.529)


def test_storage_is_bytes_times_operations() -> None:
    """What leaves with its window and what stays is all that is written; each row is counted once."""
    demand = demand_of(SMALL)
    storage = storage_of(SMALL, Machines(), demand, FIGURES, lanes=4)
    assert storage.archivable_per_year == pytest.approx(
        demand.operations_per_year * (400 + 60) + 800 * demand.messages * 300
    )
    rows = 4 * lot_rows(SMALL, demand.lots_used * 300 / 12 / 4)
    kept = demand.operations_per_year * 400 + demand.lots_used * 300 * 100 + rows * 12 * 200
    assert storage.kept_per_year == pytest.approx(kept)
    assert storage.members == 6_000_000
    assert storage.after(0, archived=False) == storage.members
    # Nothing is old enough to leave before its year is over; then all of it but what is packed.
    assert storage.after(1, archived=True) == storage.after(1, archived=False)
    left = (3 - storage.years_at_hand) * (storage.archivable_per_year - demand.operations_per_year * 150)
    assert storage.after(3, archived=True) == pytest.approx(storage.after(3, archived=False) - left)


def test_an_operation_pays_its_share_of_message_batch_and_lots() -> None:
    """All of SMALL's cards fit into memory; of twice as many cards as fit half are looked up."""
    demand = demand_of(SMALL)
    hub_us, postgres_us = operation_us(SMALL, demand, FIGURES, operations_per_batch=10)
    assert hub_us == pytest.approx(50 + 400 / demand.operations_per_message + 60 + 10 * 4_850 / 5_290)
    assert postgres_us == pytest.approx(30 + 50 / demand.operations_per_message + 100 + 25 * 4_850 / 5_290)
    many = replace(SMALL, members=2 * CARDS_REMEMBERED)
    assert operation_us(many, demand, FIGURES, operations_per_batch=10)[0] == pytest.approx(hub_us + 2.5)


def test_a_larger_programme_never_needs_less() -> None:
    plans = [plan_of(Programme().times(factor), Machines(), FIGURES) for factor in (1, 3, 10, 30, 100)]
    for smaller, larger in pairwise(plans):
        assert smaller.hubs <= larger.hubs
        assert smaller.workers <= larger.workers
        assert smaller.clearing.lanes <= larger.clearing.lanes
        assert smaller.clearing.hub_cores < larger.clearing.hub_cores
        assert smaller.clearing.postgres_cores < larger.clearing.postgres_cores
        assert smaller.storage.wal_per_day < larger.storage.wal_per_day
        assert smaller.month.lot_rows < larger.month.lot_rows
        assert smaller.compute_money + smaller.storage_money < larger.compute_money + larger.storage_money
        # No lane is fuller than it may be.
        assert larger.clearing.lane_used <= 0.5


def test_larger_messages_are_cheaper() -> None:
    def hub_us(bundle: int) -> float:
        plan = plan_of(replace(Programme(), single_share=Decimal(0), bundle_operations=bundle), Machines(), FIGURES)
        return plan.clearing.hub_us

    assert hub_us(1) > hub_us(10) > hub_us(500)


def test_money_names_its_currency() -> None:
    """In each row, since rows are read alone."""
    plans = {"1 x": plan_of(Programme(), Machines(currency="CHF"), FIGURES)}
    assert [row[0].rpartition(", ")[2] for row in money_table(plans).rows] == ["CHF"] * 3
    assert habits_table(plans).rows[-1][0] == "a million operations, CHF"


def test_money_is_machines_and_disks_by_the_hour_and_the_month() -> None:
    """Twice the price of a core is twice the machines' money, and nothing else."""
    plan = plan_of(Programme(), Machines(), FIGURES)
    dearer = plan_of(Programme(), Machines(vcpu_hour=Decimal("0.08")), FIGURES)
    cores = plan.hubs * 8 + plan.workers * 32 * 2
    assert plan.compute_money == pytest.approx(cores * 8_760 * 0.04)
    assert dearer.compute_money == pytest.approx(2 * plan.compute_money)
    assert dearer.storage_money == plan.storage_money


def test_a_batch_is_what_arrives_while_the_others_run() -> None:
    """n = rate * k * T(n); never less than one operation, never more than the largest batch."""
    hold = Hold(fixed_s=0.004, operation_s=0.0001)
    found = batch_operations(hold, operations_per_s=20_000, parcel=1, lanes=4, processes=1)
    assert found == pytest.approx(20_000 / 3 * hold.seconds(found))
    assert batch_operations(hold, operations_per_s=1, parcel=1, lanes=4, processes=1) == 1
    assert batch_operations(hold, operations_per_s=10**6, parcel=1, lanes=4, processes=1) == 1_000
    assert hold.operations_per_s_max == pytest.approx(1_000 / 0.104)


def test_hits_at_random_repeat() -> None:
    """Few hits all find a place of their own; many fill all places, and no more."""
    assert distinct(1e9, 10) == pytest.approx(10)
    assert distinct(100, 1e6) == pytest.approx(100)
    assert distinct(0, 10) == 0


def test_lot_rows_are_at_most_the_lots_and_the_places() -> None:
    two = replace(Programme(), partners=2)
    assert lot_rows(two, 1e12) == pytest.approx(2 * 2 * 36 * 2)
    assert lot_rows(Programme(), 1_000) <= 1_000


def test_a_calculation_pays_for_rows_in_the_database_and_for_pairs_in_its_process() -> None:
    """Rows grow with lanes, pairs of payer and redeemer only with partners: at most their square."""
    plan = plan_of(Programme(), Machines(), FIGURES)
    month, lanes = plan.month, plan.clearing.lanes
    assert month.statement_rows == lanes * 700 * 6
    assert month.add_up_s == pytest.approx((month.statement_rows * 2 + month.lot_rows * 0.5) / 1e6)
    assert 0.9 * 700**2 < month.cells <= 700**2
    assert month.calculate_s == pytest.approx((700 * 1_000 + month.cells * 50) / 1e6)
    assert month.calculate_bytes == month.cells * 800
    quiet = plan_of(replace(Programme(), value_per_day=Decimal(10)), Machines(), FIGURES)
    assert quiet.month.cells < quiet.demand.lots_used * 305 / 12 + 1
    memory = next(limit for limit in limits_of(plan, FIGURES) if "memory of a hub" in limit.what)
    assert memory.capacity == pytest.approx(16 * 2**30 / 1e9)
    reached = [plan_of(Programme().times(factor), Machines(), FIGURES).month.calculate_bytes for factor in (5, 7)]
    assert (memory.breaks_at, reached[0] <= 16 * 2**30 < reached[1]) == (7, True)


def test_limits_come_in_the_order_in_which_they_break() -> None:
    plan = plan_of(Programme(), Machines(), FIGURES)
    limits = limits_of(plan, FIGURES)
    factors = [limit.breaks_at for limit in limits]
    assert factors == sorted(factors)
    assert all(limit.remedy for limit in limits)
    archived = {limit.what: limit.breaks_at for limit in limits if "archived" in limit.what}
    assert len(archived) == 2
    assert max(archived, key=archived.__getitem__).endswith("closed windows archived")


def test_fit_finds_the_parts_that_runs_were_made_of() -> None:
    rows = [(500, 1, 1), (100, 1, 1), (64, 64, 1), (10, 1, 1), (1, 1, 1), (2_000, 4, 2)]
    totals = [50 * operations + 400 * messages + 600 * batches for operations, messages, batches in rows]
    assert fit_parts(rows, totals) == pytest.approx([50, 400, 600])


def test_fit_leaves_out_what_would_be_negative() -> None:
    found = fit_parts([(1, 1), (10, 1), (100, 1)], [1, 11, 110])
    assert found[1] == 0
    assert found[0] == pytest.approx(1.06, abs=0.05)


def test_fit_refuses_runs_that_are_all_alike() -> None:
    with pytest.raises(ValueError, match="2 runs can't tell 2 parts apart"):
        fit_parts([(10, 1), (20, 2)], [5, 10])


def bench_document(many_us: float, single_us: float) -> dict[str, object]:
    def part(messages: int, operations: int, us: float) -> dict[str, object]:
        cpu_s = {"hub": operations * us / 1e6, "postgres": operations * us / 2e6}
        return {"messages": messages, "booked": operations, "refused": 0, "cpu_s": cpu_s}

    clearing = [{"uniform": part(40, 20_000, many_us)}]
    return {"raw": {"clearing": clearing, "singles": {"64": [{"hub": part(1_500, 1_500, single_us)}]}}}


def test_a_benchmark_corrects_operations_and_messages() -> None:
    """Told back in the benchmark's own shapes, the figures are the benchmark's."""
    document = bench_document(80, 900)
    corrected = with_benchmark(FIGURES, document)
    assert corrected.hub.per_operation_us(operations_per_message=500, operations_per_batch=500) == pytest.approx(80)
    assert corrected.hub.per_operation_us(operations_per_message=1, operations_per_batch=16) == pytest.approx(900)
    assert corrected.postgres.per_operation_us(operations_per_message=1, operations_per_batch=16) == pytest.approx(450)
    assert bench_us([document["raw"]["clearing"][0]["uniform"]], "hub") == pytest.approx(80)  # type: ignore[index]


def test_a_file_without_the_figures_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"runs": []}')
    with pytest.raises(FiguresError, match=r"other\.json.*'write_path' is missing"):
        load_figures(path)
    path.write_text("no JSON")
    with pytest.raises(FiguresError, match=r"other\.json"):
        load_figures(path)


def test_figures_are_told_with_the_digits_that_count() -> None:
    assert [number(value) for value in (0.123456, 12.34, 345.6, 12_345, 3.5e7, 7e10)] == [
        "0.123",
        "12.3",
        "346",
        "12,300",
        "35 M",
        "70 G",
    ]
    assert [size(value) for value in (12, 1_500, 2.5e9, 4e14)] == ["12 B", "1.5 kB", "2.5 GB", "400 TB"]
    assert [duration(value) for value in (0.003, 5, 600, 7_200, 864_000)] == ["3 ms", "5 s", "10 min", "2 h", "10 days"]


def test_the_command_plans_another_programme() -> None:
    """Numbers may be written like 35e6; what is no number is told with what was expected."""
    runner = CliRunner()
    told = runner.invoke(scale_app, ["plan", "--json", "--members", "5e6", "--partners", "40", "--single-share", "0"])
    tables = json.loads(told.stdout)
    assert set(tables) == {"figures", "bytes", "demand", "plan", "month", "money", "habits", "breaks"}
    assert tables["demand"][1] == ["members", "5 M", "50 M", "500 M"]
    refused = runner.invoke(scale_app, ["plan", "--members", "1.5"])
    assert refused.exit_code == 2
    assert "expected a whole number from 1 to" in refused.output


def test_the_page_and_its_drawings_are_what_the_plan_says() -> None:
    """`coalition scale document` would change nothing."""
    figures = load_figures()
    compared = compare_measured(json.loads(MEASURED.read_text()), figures)
    page = ROOT / "docs" / "scale.md"
    text = page.read_text()
    assert with_tables(text, tables_of(Programme(), Machines(), figures, compared)) == text
    for name, drawn in charts_of(Programme(), Machines(), figures, compared).items():
        assert (page.with_suffix("") / name).read_bytes() == drawn


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(FiguresError, match="places for"):
        with_tables("no places", tables_of(Programme(), Machines(), FIGURES, []))
