"""`coalition expiry`: points that expire."""

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, run, show
from coalition.lanes.registry import Registry
from coalition.lanes.settle_due import Settled, settle_due
from coalition.ledger.expiry import NOTICE_DAYS_MAX
from coalition.stores.programme import set_notice_days

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


@expiry_app.command("notice")
def set_notice(
    days: Annotated[str, typer.Argument(metavar="DAYS|off", help="So many days before points expire.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Tell members by mail before their points expire; running hubs take it with their next round, once an hour."""
    is_known = days == "off" or (days.isdecimal() and 1 <= int(days) <= NOTICE_DAYS_MAX)
    if not is_known:
        raise typer.BadParameter(f"days: expected 1 to {NOTICE_DAYS_MAX} or off, {days!r} came")
    wanted = None if days == "off" else int(days)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            await set_notice_days(connection, wanted)

    run(work())
    text = "Members are not told." if wanted is None else f"Members are told {wanted} days before."
    show({"expiry_notice_days": wanted}, as_json=as_json, text=text)
