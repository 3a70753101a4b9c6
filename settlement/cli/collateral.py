"""`coalition collateral`: what partners deposited as security, which raises their net debit caps."""

from typing import Annotated, Literal

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from coalition.stores.collateral import load_collateral, load_movements
from settlement.cli.window import Partner, parse_decimal, run_work
from settlement.engine.money import from_minor
from settlement.operations.find_partner import find_partner
from settlement.operations.manage_collateral import change_collateral
from settlement.stores.hub import load_partner_names, load_programme

collateral_app = typer.Typer(help="Partners' collateral: deposit, return, list, show.", no_args_is_help=True)

Amount = Annotated[str, typer.Argument(help="Money, in the programme's currency.")]
Reference = Annotated[str, typer.Option(help="Which payment this is; the same again is once.")]


@collateral_app.command("deposit")
def deposit(
    partner: Partner,
    amount: Amount,
    reference: Reference,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record money that a partner deposited; its net debit cap, where it has one, rises by it at once."""
    _change("deposit", partner, amount, reference, as_json=as_json, options=(data_dir, database_url))


@collateral_app.command("return")
def give_back(
    partner: Partner,
    amount: Amount,
    reference: Reference,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record money that went back to a partner; refused as far as its position needs it under its cap."""
    _change("return", partner, amount, reference, as_json=as_json, options=(data_dir, database_url))


@collateral_app.command("list")
def list_all(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List what partners have deposited."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            currency = (await load_programme(connection)).currency
            names = await load_partner_names(connection)
            balances = await load_collateral(connection)
            document = [
                {"partner": partner, "name": names[partner], "balance": str(from_minor(balance, currency))}
                for partner, balance in balances.items()
            ]
            text = "\n".join(f"{row['partner']:>5}  {row['balance']:>14} {currency}  {row['name']}" for row in document)
            show(document, as_json=as_json, text=text or "Nobody has deposited anything.")

    run_work(work())


@collateral_app.command("show")
def show_one(
    partner: Partner, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Show a partner's deposits, returns, and what was drawn in defaults."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            async with session.pool.acquire() as connection:
                currency = (await load_programme(connection)).currency
                balance = (await load_collateral(connection)).get(number, 0)
                movements = await load_movements(connection, number)
        rows = [
            {
                "kind": movement.kind,
                "amount": str(from_minor(movement.amount_minor, currency)),
                "reference": movement.reference,
                "moved_at": movement.moved_at.isoformat(),
                "moved_by": movement.moved_by,
            }
            for movement in movements
        ]
        document = {"partner": number, "balance": str(from_minor(balance, currency)), "movements": rows}
        lines = [f"{row['moved_at'][:10]}  {row['kind']:<8} {row['amount']:>14}  {row['reference']}" for row in rows]
        show(document, as_json=as_json, text="\n".join([*lines, f"Balance {document['balance']} {currency}."]))

    run_work(work())


def _change(
    kind: Literal["deposit", "return"],
    partner: str,
    amount: str,
    reference: str,
    *,
    as_json: bool,
    options: tuple[DataDir, DatabaseUrl],
) -> None:
    money = parse_decimal("amount", amount)
    assert money is not None, "it is an argument, so it is given"

    async def work() -> None:
        async with open_session(*options) as session:
            number = await find_partner(session.pool, partner)
            balance = await change_collateral(
                session.pool, number, kind, money, reference=reference, now=now(), actor=session.actor
            )
            document = {"partner": number, "balance": str(balance)}
            show(document, as_json=as_json, text=f"Partner {number}'s collateral is {balance} now.")

    run_work(work())
