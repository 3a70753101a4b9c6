"""`coalition operator`: who signs in at /finance."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, read_file, run, show
from coalition.operations.manage_operator import add_operator

operator_app = typer.Typer(help="Operators: those who sign in at /finance.", no_args_is_help=True)


@operator_app.callback()
def operators() -> None:
    """Keeps `add` a command of its own while it is the only one."""


@operator_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[list[str], typer.Option(help="read, operate or approve; may be given more than once.")],
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; without it you are asked.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take an operator in. The password has 12 characters or more."""
    password = _ask_password() if password_file is None else _first_line(password_file)

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
