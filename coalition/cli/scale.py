"""`coalition scale`: what a programme of a given size needs, from what one operation was measured to cost."""

import json
import os
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coalition.cli.options import AsJson

if TYPE_CHECKING:
    from coalition.bench.scale.tables import Table

scale_app = typer.Typer(no_args_is_help=True, help="What a programme of a given size needs: docs/scale.md.")

COUNT_MAX = 10**12

Measured = Annotated[
    Path | None, typer.Option("--measured", help="What `scale measure` wrote; none: the figures of docs/scale.md.")
]
Bench = Annotated[
    Path | None, typer.Option("--bench", help="What `coalition bench --json` wrote: CPU of operations and messages.")
]


def whole(text: str) -> int:
    """Read a count, also written like 35e6."""
    value = _read(text)
    if value < 1 or value != int(value):
        raise typer.BadParameter(f"expected a whole number from 1 to {COUNT_MAX:,}, {text!r} came")
    return int(value)


def amount(text: str) -> Decimal:
    """Read a positive number."""
    value = _read(text)
    if value == 0:
        raise typer.BadParameter(f"expected a number above 0, {text!r} came")
    return value


def share(text: str) -> Decimal:
    """Read a share."""
    value = _read(text)
    if value > 1:
        raise typer.BadParameter(f"expected a share from 0 to 1, {text!r} came")
    return value


def positive_share(text: str) -> Decimal:
    """Read a share that is not nothing."""
    return min(amount(text), share(text))


def _read(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= COUNT_MAX:
        raise typer.BadParameter(f"expected a number like 700 or 35e6, from 0 to {COUNT_MAX:,}, {text!r} came")
    return value


Count = int | None
Amount = Decimal | None


@scale_app.command("plan")
def plan(
    members: Annotated[Count, typer.Option(parser=whole, help="Members; 35e6 is fine.")] = None,
    partners: Annotated[Count, typer.Option(parser=whole, help="Partners.")] = None,
    value_per_day: Annotated[Amount, typer.Option(parser=amount, help="Points of a shopping day, as money.")] = None,
    earned_share: Annotated[Amount, typer.Option(parser=positive_share, help="Points as a share of the sales.")] = None,
    basket: Annotated[Amount, typer.Option(parser=amount, help="Mean basket, as money.")] = None,
    single_share: Annotated[Amount, typer.Option(parser=share, help="Operations that come one by one.")] = None,
    bundle: Annotated[int | None, typer.Option(min=1, max=1_000, help="Operations of the other messages.")] = None,
    peak_factor: Annotated[Amount, typer.Option(parser=amount, help="Busiest second by a day's mean.")] = None,
    vcpu_hour: Annotated[Amount, typer.Option(parser=amount, help="Price of a core for an hour.")] = None,
    disk_gb_month: Annotated[Amount, typer.Option(parser=amount, help="Price of a GB of disk for a month.")] = None,
    currency: Annotated[str | None, typer.Option(help="Of the prices; as text beside them.")] = None,
    measured: Measured = None,
    bench: Bench = None,
    as_json: AsJson = False,
) -> None:
    """Print what a programme needs at 1, 10 and 100 times its size, and what breaks first."""
    from coalition.bench.scale.document import tables_of
    from coalition.bench.scale.figures import MEASURED, load_figures
    from coalition.bench.scale.programme import Machines, Programme

    size = _given(members=members, partners=partners, value_per_day=value_per_day)
    habits = _given(earned_share=earned_share, basket=basket, peak_factor=peak_factor)
    messages = _given(single_share=single_share, bundle_operations=bundle)
    programme = replace(Programme(), **size, **habits, **messages)
    machines = replace(Machines(), **_given(vcpu_hour=vcpu_hour, disk_gb_month=disk_gb_month, currency=currency))
    figures = load_figures(measured or MEASURED, bench)
    tables = tables_of(programme, machines, figures, [])
    del tables["comparison"]
    if as_json:
        typer.echo(json.dumps({name: [table.headings, *table.rows] for name, table in tables.items()}))
        return
    for name, table in tables.items():
        _print(name, table)


def _print(name: str, table: "Table") -> None:
    from rich.console import Console
    from rich.table import Table as Drawn

    from coalition.bench.scale.tables import is_figures

    drawn = Drawn(title=name, title_justify="left")
    for heading, cells in zip(table.headings, zip(*table.rows, strict=True), strict=True):
        drawn.add_column(heading, justify="right" if is_figures(cells) else "left")
    for row in table.rows:
        drawn.add_row(*row)
    Console().print(drawn)


@scale_app.command("measure")
def measure(
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("measured.json"),
) -> None:
    """Measure what the plan is made of, on an embedded database of its own: CPU, bytes, latencies. Takes minutes."""
    from coalition.bench.scale.measure import run_measurements

    measured = run_measurements(lambda what: typer.echo(f"... {what}", err=True))
    output.write_text(json.dumps(measured, indent=1) + "\n")
    typer.echo(f"{output}: {len(measured['runs'])} runs, {len(measured['loads'])} loads")


@scale_app.command("document")
def document(
    page: Annotated[Path, typer.Argument(help="The page whose tables are written anew.")] = Path("docs/scale.md"),
    measured: Measured = None,
    bench: Bench = None,
) -> None:
    """Write the tables of docs/scale.md anew, and its drawings beside it."""
    from coalition.bench.scale.charts import charts_of
    from coalition.bench.scale.comparison import compare_measured
    from coalition.bench.scale.document import tables_of, with_tables
    from coalition.bench.scale.figures import MEASURED, load_figures
    from coalition.bench.scale.programme import Machines, Programme

    path = measured or MEASURED
    figures = load_figures(path, bench)
    # Of this file's own costs: what is compared is the simulation, not the two machines.
    compared = compare_measured(json.loads(path.read_text()), load_figures(path))
    programme, machines = Programme(), Machines()
    page.write_text(with_tables(page.read_text(), tables_of(programme, machines, figures, compared)))
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    for name, drawn in charts_of(programme, machines, figures, compared).items():
        (folder / name).write_bytes(drawn)
    typer.echo(f"{page}, {folder}{os.sep}")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
