"""`coalition datev` and `coalition window datev`: bookings for the tax adviser, by window and by month."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import open_session, show
from settlement.cli.window import WindowNo, run_work, write_output
from settlement.engine.vat import parse_vat
from settlement.errors import InvalidTermsError
from settlement.operations.book_in_datev import book_in_datev, change_datev_settings
from settlement.operations.book_month_in_datev import book_month_in_datev
from settlement.stores.datev import DatevSettings, load_datev_settings

datev_app = typer.Typer(
    help="Bookings in DATEV: a month's corrections and payments; the accounts.", no_args_is_help=True
)

VatAccounts = Annotated[list[str] | None, typer.Option(help="TREATMENT=ACCOUNT, like 'S 19 DE=1776'; may be repeated.")]
Account = Annotated[int | None, typer.Option(help="Number of an account; not one that adds VAT by itself.")]


def add_window_datev(window_app: typer.Typer) -> None:
    """Add the command to those of windows."""
    window_app.command("datev")(window_datev)


def window_datev(
    window_no: WindowNo,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="File to write; none: standard output.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write an invoiced window's booking batch in DATEV's format (EXTF)."""

    async def work() -> bytes:
        async with open_session(data_dir, database_url) as session:
            return await book_in_datev(session.pool, window_no)

    write_output(run_work(work()), output)


@datev_app.command("month")
def month_datev(
    month: Annotated[datetime, typer.Argument(formats=["%Y-%m"], help="A month that is over, like 2027-03.")],
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="File to write; none: standard output.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a month's corrections and bank payments as a booking batch (EXTF)."""

    async def work() -> bytes:
        async with open_session(data_dir, database_url) as session:
            return await book_month_in_datev(session.pool, month.date(), now=datetime.now(UTC))

    write_output(run_work(work()), output)


@datev_app.command("show")
def show_settings(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show the settings."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            _show(await load_datev_settings(connection), as_json=as_json)

    run_work(work())


@datev_app.command("set")
def set_settings(
    consultant: Annotated[int | None, typer.Option(help="The adviser's number (Beraternummer).")] = None,
    client: Annotated[int | None, typer.Option(help="The client's number (Mandantennummer).")] = None,
    fiscal_year_month: Annotated[int | None, typer.Option(help="Month with which the fiscal year begins.")] = None,
    account_digits: Annotated[int | None, typer.Option(help="Digits of accounts; personal ones have one more.")] = None,
    debtor_base: Annotated[int | None, typer.Option(help="A partner's debtor account is this and its number.")] = None,
    creditor_base: Annotated[int | None, typer.Option(help="A partner's creditor account, likewise.")] = None,
    points: Account = None,
    service_fee: Account = None,
    commission: Account = None,
    platform_fee: Account = None,
    bank: Account = None,
    bank_fees: Account = None,
    output_vat: VatAccounts = None,
    input_vat: VatAccounts = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set what is given, and leave the rest; accounts are those of SKR03 at first."""
    given = {
        "consultant": consultant,
        "client": client,
        "fiscal_year_month": fiscal_year_month,
        "account_digits": account_digits,
        "debtor_base": debtor_base,
        "creditor_base": creditor_base,
        "points": points,
        "service_fee": service_fee,
        "commission": commission,
        "platform_fee": platform_fee,
        "bank": bank,
        "bank_fees": bank_fees,
        "output_vat": _vat_accounts("output-vat", output_vat),
        "input_vat": _vat_accounts("input-vat", input_vat),
    }

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            changes = {field: value for field, value in given.items() if value is not None}
            _show(await change_datev_settings(session.pool, changes), as_json=as_json)

    run_work(work())


def _show(settings: DatevSettings, *, as_json: bool) -> None:
    document: dict[str, Any] = asdict(settings)
    document |= document.pop("accounts")
    listed = "\n".join(f"{field:<18} {'' if value is None else value}".rstrip() for field, value in document.items())
    show(document, as_json=as_json, text=listed)


def _vat_accounts(flag: str, texts: list[str] | None) -> dict[str, int] | None:
    if texts is None:
        return None
    accounts = {}
    for text in texts:
        treatment, _, account = text.partition("=")
        try:
            accounts[str(parse_vat(treatment, field=flag))] = int(account)
        except (InvalidTermsError, ValueError) as error:
            raise typer.BadParameter(f"expected TREATMENT=ACCOUNT like 'S 19 DE=1776', {text!r} came",
                                     param_hint=f"--{flag}") from error  # fmt: skip
    return accounts
