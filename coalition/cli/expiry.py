"""`coalition expiry`: points that expire."""

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, run, show
from coalition.lanes.registry import Registry
from coalition.lanes.settle_due import Settled, settle_due

expiry_app = typer.Typer(help="Points that expire, holds that time out.", no_args_is_help=True)


@expiry_app.callback()
def _group() -> None:
    """Points that expire, holds that time out."""


@expiry_app.command("run")
def run_expiry(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Book what has expired or timed out and nobody touched since; a running hub does so by itself. May be repeated."""

    async def work() -> Settled:
        async with open_session(data_dir, database_url) as session:
            registry = Registry(session.pool)
            await registry.load()
            with Progress(SpinnerColumn(), TextColumn("{task.completed:,.0f} accounts"), transient=True) as bar:
                task = bar.add_task("accounts", total=None)
                return await settle_due(
                    session.pool,
                    calendar=registry.calendar,
                    clock=now,
                    progress=lambda count: bar.update(task, completed=count),
                )

    settled = run(work())
    values = {
        "timed_out": settled.timed_out,
        "expiries": settled.expiries,
        "points_expired": settled.points_expired,
    }
    expired = f"{settled.points_expired:,} points expired in {settled.expiries:,} records"
    text = f"{expired}; {settled.timed_out:,} holds timed out."
    show(values, as_json=as_json, text=text)
