"""`coalition partner leave` and `coalition partner exit`: a partner goes, and what of its points is left."""

from typing import Annotated, Any

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from settlement.cli.window import Partner, run_work
from settlement.operations.find_partner import find_partner
from settlement.operations.leave_programme import ExitReport, leave_programme, report_exit
from settlement.text.report import table


def add_exit_commands(partner_app: typer.Typer) -> None:
    """Add the commands to those of partners."""
    partner_app.command("leave")(leave)
    partner_app.command("exit")(show_exit)


def leave(
    partner: Partner,
    tail_months: Annotated[int, typer.Option(help="For how long its burns are still taken, 0 to 60.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let a partner leave: no more earns from now on, burns until the tail ends, then its last statement."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            report = await leave_programme(
                session.pool, number, tail_months=tail_months, now=now(), actor=session.actor
            )
            show(_document(report), as_json=as_json, text=_told(report))

    run_work(work())


def show_exit(
    partner: Partner, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Show how a partner's exit stands, and what members still hold of its points, by month of sale."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            report = await report_exit(session.pool, await find_partner(session.pool, partner))
            show(_document(report), as_json=as_json, text=_told(report))

    run_work(work())


def _document(report: ExitReport) -> dict[str, Any]:
    leaving = report.leaving
    return {
        "partner": leaving.partner,
        "announced_at": leaving.announced_at.isoformat(),
        "tail_months": leaving.tail_months,
        "burns_until": leaving.burns_until.isoformat(),
        "ended_at": leaving.ended_at.isoformat() if leaving.ended_at else None,
        "final_window": leaving.final_window,
        "points": report.points,
        "value": str(report.value),
        "cohorts": [
            {"month": cohort.month.isoformat(), "issued": cohort.issued, "points": cohort.outstanding}
            for cohort in report.cohorts
        ],
    }


def _told(report: ExitReport) -> str:
    leaving = report.leaving
    if leaving.final_window is not None:
        head = f"Partner {leaving.partner} has left; its last statement is that of window {leaving.final_window}."
    else:
        head = f"Partner {leaving.partner} issues no more; its burns are refused from {leaving.burns_until} on."
    rows = [("Month of sale", "Issued", "Left with members")]
    rows += [(f"{each.month:%Y-%m}", f"{each.issued:,}", f"{each.outstanding:,}") for each in report.cohorts]
    return f"{head}\n{table(rows, left=1)}\n{report.points:,} points, worth {report.value}."
