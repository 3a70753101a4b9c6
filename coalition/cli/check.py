"""`coalition check`: does every sum hold, is every hash right?"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import open_session, run, show
from coalition.operations.check_sums import CheckReport, check_sums


def add_check(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command("check")
    def check(
        archives: Annotated[
            Path | None,
            typer.Option("--archives", help="The folder of all archives' files; none: where each was written."),
        ] = None,
        as_json: AsJson = False,
        data_dir: DataDir = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Verify every sum and every hash in the database and in archives at hand; exit 1 if one is broken."""

        async def work() -> CheckReport:
            async with open_session(data_dir, database_url) as session:
                return await check_sums(
                    session.pool, archives_in=archives, progress=lambda rule: typer.echo(f"... {rule}", err=True)
                )

        report = run(work())
        show({"holds": report.holds, **asdict(report)}, as_json=as_json, text=_text(report))
        if not report.holds:
            raise typer.Exit(1)


def _text(report: CheckReport) -> str:
    lines = [f"{'broken' if finding.broken else 'holds ':<7} {finding.rule}" for finding in report.findings]
    lines += [f"not checked: {what}" for what in report.unchecked]
    first = next((finding for finding in report.findings if finding.broken), None)
    lines.append(
        f"{report.records:,} journal records, {report.messages:,} messages, {report.outstanding:,} points outstanding."
    )
    lines.append("Everything ties out." if first is None else f"First broken: {first.rule}: {first.broken[0]}")
    return "\n".join(lines)
