"""`coalition operator`: who signs in at /finance."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, read_file, run, show
from coalition.operations.manage_operator import add_operator, change_password, remove_operator
from coalition.stores.operators import load_operators

operator_app = typer.Typer(help="Operators: those who sign in at /finance.", no_args_is_help=True)


Name = Annotated[str, typer.Argument(help="Name to sign in with.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File whose first line is the password; without it you are asked.")
]


@operator_app.command("add")
def add(
    name: Name,
    role: Annotated[list[str], typer.Option(help="read, operate or approve; may be given more than once.")],
    password_file: PasswordFile = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take an operator in. The password has 12 characters or more."""
    password = _password(password_file)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await add_operator(session.pool, name=name, password=password, roles=set(role), now=now())
            roles = sorted(set(role))
            show(
                {"operator": name, "roles": roles},
                as_json=as_json,
                text=f"{name} may sign in at /finance and {', '.join(roles)}.",
            )

    run(work())


@operator_app.command("list")
def list_operators(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the operators."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            listed = await load_operators(connection)
            document = [
                {"operator": operator.name, "roles": sorted(operator.roles), "created_at": operator.created_at}
                for operator in listed
            ]
            text = "\n".join(f"{', '.join(sorted(operator.roles)):<24} {operator.name}" for operator in listed)
            show(document, as_json=as_json, text=text or "There are no operators yet.")

    run(work())


@operator_app.command("remove")
def remove(name: Name, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Remove an operator; he is signed out at once."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await remove_operator(session.pool, name=name)
            typer.echo(f"{name} is removed and signed out.")

    run(work())


@operator_app.command("password")
def password(
    name: Name, password_file: PasswordFile = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Give an operator another password; he is signed out at once."""
    new_password = _password(password_file)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await change_password(session.pool, name=name, password=new_password)
            typer.echo(f"{name} has another password and is signed out.")

    run(work())


def _password(file: Path | None) -> str:
    return _ask_password() if file is None else _first_line(file)


def _first_line(file: Path) -> str:
    try:
        return read_file(file).decode().split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"expected UTF-8: {error}", param_hint="--password-file") from error


def _ask_password() -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; give --password-file")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise typer.BadParameter("the two passwords differ")
    return password
