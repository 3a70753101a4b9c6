"""`coalition bench`: how fast the hub is on this machine, as ratios."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from coalition.cli.options import AsJson
from coalition.cli.session import run

if TYPE_CHECKING:
    from coalition.bench.windows import Calculate

EXPLAINED = """Measure the hub against ceilings and a peer in the same run, and print the ratios.

It makes an embedded database of its own and removes it; nothing of yours is touched. Or it measures on an empty one
that is named, on Citus with all tables distributed; what PostgreSQL uses is not counted then. B1: operations a second
in signed messages of 500, against COPY of the same journal rows. B2: the same, against one posting per transaction in
SQL. B3: messages of one operation, against a handler that only verifies and signs. B4: close and calculate a window,
against one with a tenth of the operations. B5: reads of balances, against a handler that verifies, reads one row and
signs. B6: memory of the hub, against its memory after a tenth of the operations. It takes some minutes.
"""

FIGURES = ("B1", "B2", "B3", "B4", "B5", "B6")

Members = Annotated[int | None, typer.Option(min=100, help="Accounts; by default 200,000.")]
Rounds = Annotated[int | None, typer.Option(min=1, help="Rounds; figures are medians over them.")]
Messages = Annotated[int | None, typer.Option(min=1, help="Messages of 500 per round.")]
Singles = Annotated[int | None, typer.Option(min=1, help="Messages of one operation, and reads, per round.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes of the hub; by default one a core, at most 4.")
]
DatabaseToFill = Annotated[
    str | None, typer.Option("--database-url", help="An empty database, of a cluster say; it is filled and left so.")
]
ConfirmMs = Annotated[
    float, typer.Option(min=0, max=100, help="As if the disk took so much longer to confirm a commit.")
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Tell where the CPU of an operation goes; measures B1 and B3 as well.")
]


def add_bench(app: typer.Typer, calculate: Calculate) -> None:
    """Add the command to the application; `calculate` is settlement's, for B4."""

    @app.command("bench", help=EXPLAINED)
    def bench(
        as_json: AsJson = False,
        quick: Annotated[bool, typer.Option("--quick", help="Smaller and less sure.")] = False,
        members: Members = None,
        rounds: Rounds = None,
        messages: Messages = None,
        workers: Workers = None,
        singles: Singles = None,
        only: Annotated[str, typer.Option(help="Figures to measure, as in B4,B5.")] = ",".join(FIGURES),
        database_url: DatabaseToFill = None,
        confirm_ms: ConfirmMs = 0.0,
        profile: Profile = False,
    ) -> None:
        figures = _parse_figures(only) + (["B1", "B3"] if profile else [])
        # Imported here, so that the other commands do not wait for its libraries.
        import uvloop

        from coalition.bench.measure import measure
        from coalition.bench.report import build_document, print_table
        from coalition.bench.sizes import FULL, QUICK, workers_for_this_machine

        # Told to stop, it still stops its servers and removes their folder.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        uvloop.install()
        sizes = QUICK if quick else FULL
        sizes = replace(
            sizes,
            members=members or sizes.members,
            rounds=rounds or sizes.rounds,
            messages=messages or sizes.messages,
            singles=singles or sizes.singles,
            workers=workers or workers_for_this_machine(),
            confirm_ms=confirm_ms,
        )
        load_before, started_s = os.getloadavg()[0], time.perf_counter()
        columns = (TextColumn("{task.description:<30}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"))
        # On stderr, so that the JSON on stdout stays clean.
        with Progress(*columns, console=Console(stderr=True)) as bars:
            work = measure(
                sizes, figures, calculate, _progress_on(bars), database_url=database_url, is_profiled=profile
            )
            measured = run(work)
        document = build_document(
            measured, sizes, quick=quick, load_before=load_before, duration_s=time.perf_counter() - started_s
        )
        if as_json:
            typer.echo(json.dumps(document))
        else:
            print_table(document, Console())


def _parse_figures(text: str) -> list[str]:
    figures = text.upper().replace(" ", "").split(",")
    if unknown := [figure for figure in figures if figure not in FIGURES]:
        raise typer.BadParameter(f"expected some of {', '.join(FIGURES)}, {unknown[0]!r} came", param_hint="--only")
    return figures


def _progress_on(bars: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done)

    return show
