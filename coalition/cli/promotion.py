"""`coalition promotion`: earns that several partners pay for by share, out of a budget."""

from datetime import datetime
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, run, show
from coalition.ledger.promotion import Promotion
from coalition.operations.manage_promotion import NewPromotion, add_promotion, end_promotion
from coalition.stores.programme import load_programme
from coalition.stores.promotions import load_budgets, load_promotions
from coalition.stores.registry import load_participants

promotion_app = typer.Typer(
    help="Joint promotions: who pays which share, until when, up to what budget.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The promotion's name, as tills send it.")]


@promotion_app.command("add")
def add(
    name: Name,
    payer: Annotated[
        list[str], typer.Option(metavar="PARTNER:SHARE", help="Who pays which part; again for each payer, in order.")
    ],
    starts: Annotated[datetime, typer.Option("--from", help="First moment, in the programme's time zone.")],
    until: Annotated[datetime, typer.Option(help="First moment after it, in the programme's time zone.")],
    budget: Annotated[int, typer.Option(help="Points that may be earned, less what is reversed.")],
    issuer: Annotated[
        list[str] | None, typer.Option(metavar="PARTNER", help="Who may send earns of it; without: the payers.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Define a promotion."""
    payers = [_payer(stated) for stated in payer]

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            async with session.pool.acquire() as connection:
                zone = (await load_programme(connection)).zone
            promotion = NewPromotion(
                name=name,
                payers=payers,
                starts_at=starts.replace(tzinfo=zone),
                ends_at=until.replace(tzinfo=zone),
                budget=budget,
                issuers=issuer or (),
            )
            number = await add_promotion(session.pool, promotion, now=now(), actor=session.actor)
        show({"promotion": number, "name": name}, as_json=as_json, text=f"{name} is promotion {number}.")

    run(work())


@promotion_app.command("list")
def list_promotions(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the promotions with what is used of their budgets."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            participants = await load_participants(connection)
            promotions = await load_promotions(connection, participants)
            budgets = await load_budgets(connection)
        document = [
            {
                "promotion": one.promotion,
                "name": one.name,
                "from": one.starts_at,
                "until": one.ends_at,
                "budget": budgets[one.promotion][0],
                "used": budgets[one.promotion][1],
                "payers": [{"partner": payer.name, "share": share} for payer, share in one.payers],
                "issuers": [participants[issuer].name for issuer in sorted(one.issuers)],
            }
            for one in promotions
        ]
        text = "\n".join(_told(one, *budgets[one.promotion]) for one in promotions)
        show(document, as_json=as_json, text=text or "There are no promotions yet.")

    run(work())


@promotion_app.command("end")
def end(name: Name, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """End a promotion now; what was sold before is still part of it, however late it comes."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            ended_at = await end_promotion(session.pool, name, now=now())
        show({"name": name, "until": ended_at}, as_json=as_json, text=f"{name} ended at {ended_at}.")

    run(work())


def _payer(stated: str) -> tuple[str, int]:
    partner, _, share = stated.rpartition(":")
    if not partner or not (share.isascii() and share.isdecimal()):
        raise typer.BadParameter(f"expected PARTNER:SHARE, {stated!r} came", param_hint="--payer")
    return partner, int(share)


def _told(promotion: Promotion, budget: int, used: int) -> str:
    payers = ", ".join(f"{payer.name} {share}" for payer, share in promotion.payers)
    until = promotion.ends_at.isoformat(timespec="minutes")
    return f"{promotion.promotion:>5}  {promotion.name:<24} until {until}  {used:,} of {budget:,} points  {payers}"
