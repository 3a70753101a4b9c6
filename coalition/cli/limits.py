"""`coalition limits`: what members may do in a day, and when they are asked for a code."""

from dataclasses import asdict
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import open_session, run, show
from coalition.ledger.limits import LimitRules
from coalition.operations.manage_limits import change_limits
from coalition.stores.programme import load_programme

limits_app = typer.Typer(
    help="Limits on burns, earns and their pace; running hubs take a change at once.", no_args_is_help=True
)

OFF = "off"
METAVAR = "N|off"


@limits_app.command("show")
def show_limits(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show the limits."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            limits = (await load_programme(connection)).limits
        show(asdict(limits), as_json=as_json, text=_told(limits))

    run(work())


@limits_app.command("set")
def set_some(
    burn_points_min: Annotated[str | None, typer.Option(metavar=METAVAR, help="Points of a burn at least.")] = None,
    burn_points_per_day_max: Annotated[
        str | None, typer.Option(metavar=METAVAR, help="Points that an account may burn a day, at all partners.")
    ] = None,
    earns_per_card_per_day_max: Annotated[
        str | None, typer.Option(metavar=METAVAR, help="Earns of one card a day.")
    ] = None,
    step_up_above: Annotated[
        str | None, typer.Option(metavar=METAVAR, help="Burns of more points need the member's code.")
    ] = None,
    operations_per_card_max: Annotated[
        str | None, typer.Option(metavar=METAVAR, help="Operations of one card within the window.")
    ] = None,
    velocity_window_s: Annotated[int | None, typer.Option(help="Length of that window in seconds.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set those limits that are given, and leave the others as they are; `off` ends one."""
    given = {
        "burn_points_min": burn_points_min,
        "burn_points_per_day_max": burn_points_per_day_max,
        "earns_per_card_per_day_max": earns_per_card_per_day_max,
        "step_up_above": step_up_above,
        "operations_per_card_max": operations_per_card_max,
    }
    changes = {name: _limit(name, text) for name, text in given.items() if text is not None}
    if velocity_window_s is not None:
        changes["velocity_window_s"] = velocity_window_s

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            limits = await change_limits(session.pool, changes)
        show(asdict(limits), as_json=as_json, text=_told(limits))

    run(work())


def _limit(name: str, text: str) -> int | None:
    if text == OFF:
        return None
    if not text.isdecimal():
        flag = name.replace("_", "-")
        raise typer.BadParameter(f"expected a whole number or {OFF}, {text!r} came", param_hint=f"--{flag}")
    return int(text)


def _told(limits: LimitRules) -> str:
    told = {name: OFF if value is None else f"{value:,}" for name, value in asdict(limits).items()}
    return "\n".join(f"{name:<27} {value}" for name, value in told.items())
