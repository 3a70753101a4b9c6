"""`coalition prepaid`: blocks of points that partners buy before they issue them."""

from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from settlement.cli.window import Partner, parse_decimal, run_work
from settlement.operations.find_partner import find_partner
from settlement.operations.manage_prepaid import buy_block, buy_block_if_low, report_prepaid, set_prepaid_rule
from settlement.stores.prepaid import Overdraft, PrepaidRule
from settlement.text.terms import prepaid_document, prepaid_text

prepaid_app = typer.Typer(help="Prepaid points: buy a block, what happens beyond, show.", no_args_is_help=True)


@prepaid_app.command("buy")
def buy(
    partner: Partner,
    points: Annotated[int, typer.Argument(help="How many points.", min=1)],
    price: Annotated[str | None, typer.Option(help="Money per point; without it the terms' issue price.")] = None,
    if_low: Annotated[bool, typer.Option("--if-low", help="Only if less is left than the warning level.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Sell a partner a block of points; it is billed in the open window."""
    amount = parse_decimal("price", price)
    if if_low and amount is not None:
        raise typer.BadParameter("what is bought if low costs the terms' issue price", param_hint="--price")

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            if if_low:
                report = await buy_block_if_low(session.pool, number, points, now=now(), actor=session.actor)
            else:
                report = await buy_block(session.pool, number, points, price=amount, now=now(), actor=session.actor)
            show(prepaid_document(report), as_json=as_json, text=prepaid_text(report))

    run_work(work())


@prepaid_app.command("set")
def set_rule(
    partner: Partner,
    overdraft: Annotated[Overdraft, typer.Option(help="What happens to earns beyond the blocks.")] = "billed",
    warn_below: Annotated[int | None, typer.Option(help="Points left at which to warn; none without it.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say what happens beyond a partner's blocks: earns are refused, or billed at the issue price."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            rule = PrepaidRule(overdraft, warn_below)
            report = await set_prepaid_rule(session.pool, number, rule, now=now(), actor=session.actor)
            show(prepaid_document(report), as_json=as_json, text=prepaid_text(report))

    run_work(work())


@prepaid_app.command("show")
def show_account(
    partner: Partner, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Show what is left of a partner's blocks."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            report = await report_prepaid(session.pool, await find_partner(session.pool, partner))
            show(prepaid_document(report), as_json=as_json, text=prepaid_text(report))

    run_work(work())
