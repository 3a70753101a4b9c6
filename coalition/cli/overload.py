"""`coalition bench-overload`: what a hub does on this machine with several times what it can take."""

import json
import os
import signal
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from coalition.cli.options import AsJson
from coalition.cli.session import run

EXPLAINED = """Send a hub several times what it can take, and tell what it accepted, refused, and how long that took.

It makes an embedded database and a hub of its own and removes them. First the hub's rate is measured, with so many
messages in flight; then 70 % of it is sent in open loop, then several times as much, then 70 % again.
"""


def add_bench_overload(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command("bench-overload", help=EXPLAINED)
    def bench_overload(
        as_json: AsJson = False,
        operations: Annotated[int, typer.Option(min=1, max=1_000, help="Operations of a message.")] = 1,
        in_flight: Annotated[int, typer.Option(min=1, max=1_000, help="Messages at once for the hub's rate.")] = 64,
        times: Annotated[float, typer.Option(min=0.1, max=20, help="So many times its rate.")] = 3.0,
        seconds: Annotated[float, typer.Option(min=1, max=120, help="For each part in open loop.")] = 8.0,
        members: Annotated[int, typer.Option(min=100, help="Accounts.")] = 2_000,
        workers: Annotated[int, typer.Option(min=1, max=64, help="Processes of the hub.")] = 1,
    ) -> None:
        # Imported here, so that the other commands do not wait for its libraries.
        import uvloop

        from coalition.bench.overload import Load, measure_overload
        from coalition.bench.sizes import QUICK

        # Told to stop, it still stops its servers and removes their folder.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        uvloop.install()
        load = Load(operations=operations, in_flight=in_flight, times=times, seconds=seconds)
        load_before = os.getloadavg()[0]
        measured = run(measure_overload(replace(QUICK, members=members, workers=workers), _progress, load))
        document = asdict(measured) | {"p99_ratio": measured.p99_ratio, "load_before": load_before, "workers": workers}
        if as_json:
            typer.echo(json.dumps(document))
        else:
            _print_table(document, Console())


def _progress(what: str, done: int, total: int) -> None:
    if done == 0:
        typer.echo(f"{what} ...", err=True)


def _print_table(document: dict[str, object], console: Console) -> None:
    parts = document["parts"]
    assert isinstance(parts, dict)
    table = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("", "sent/s", "taken/s", "taken", "refused", "failed", "p50 ms", "p99 ms", "retry s"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, part in parts.items():
        told = part.get("retry_after_s")
        table.add_row(
            name,
            f"{part['offered_per_s']:,.0f}",
            f"{part['accepted_per_s']:,.0f}",
            f"{part['accepted']:,}",
            f"{part['refused']:,}",
            f"{part['failed']:,}",
            f"{part.get('accepted_p50_ms', 0):,.0f}",
            f"{part.get('accepted_p99_ms', 0):,.0f}",
            f"{told['min']}-{told['max']}" if told else "",
        )
    console.print(table)
    not_ok = sum(part["health"]["not_ok"] for part in parts.values())
    asked = sum(part["health"]["asked"] for part in parts.values())
    console.print(
        f"What was accepted waited {document['p99_ratio']:.1f} times as long (99 %) as at 70 % of the hub's rate. "
        f"Of {asked} health checks {not_ok} were not green. The journal holds what was answered, and nothing else.",
        highlight=False,
    )
