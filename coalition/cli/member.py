"""`coalition member`: open accounts."""

import csv
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, read_file, run, show
from coalition.cli.whole_file import whole_file
from coalition.operations.add_members import NewMember, OpenedAccount, add_members, join_household
from coalition.programme.card_number import printed

member_app = typer.Typer(help="Members: open accounts, one or from a file.", no_args_is_help=True)

COLUMNS = ["email", "name", "language"]


@member_app.command("add")
def add(
    email: Annotated[str, typer.Option(help="Address to sign in with.")],
    name: Annotated[str | None, typer.Option(help="Name on the pages; without it the address.")] = None,
    language: Annotated[
        str | None, typer.Option(help="en or de; without it that of the browser that signs in first.")
    ] = None,
    household: Annotated[str | None, typer.Option(help="A card of the household to join; none: a new account.")] = None,
    may_burn: Annotated[bool, typer.Option(help="Whether he may spend the household's points.")] = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Open an account with a member and a card, or let him join a household's."""
    member = NewMember(email, name or email, language)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            if household is None:
                opened = (await add_members(session.pool, [member], now=now()))[0]
            else:
                opened = await join_household(
                    session.pool, household, member, may_burn=may_burn, now=now(), actor=session.actor
                )
            text = f"{opened.email} has account {opened.account} and card {printed(opened.card)}."
            show({"account": opened.account, "card": opened.card}, as_json=as_json, text=text)

    run(work())


@member_app.command("import")
def import_members(
    file: Annotated[Path, typer.Argument(help="CSV with the columns email,name,language; the language may be empty.")],
    output: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="CSV to write, the same rows with their accounts and cards; none: not told."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Open an account for each row of a CSV file, all or none."""
    members = _read_members(read_file(file))
    if output is not None and output.is_file():
        # Nobody could tell any more which cards it named.
        raise typer.BadParameter(f"{output} is there already; name another file", param_hint="--output")

    async def work() -> list[OpenedAccount]:
        async with open_session(data_dir, database_url) as session:
            return await add_members(session.pool, members, now=now())

    opened = run(work()) if output is None else _import_to(output, members, lambda: run(work()))
    document = [{"email": row.email, "account": row.account, "card": row.card} for row in opened]
    where = "--output and --json name cards" if output is None else f"{output} names their cards"
    show(document, as_json=as_json, text=f"{len(opened):,} accounts are open; {where}.")


def _import_to(
    output: Path, members: Sequence[NewMember], open_accounts: Callable[[], list[OpenedAccount]]
) -> list[OpenedAccount]:
    """Open the accounts once the file can be written, and write it."""
    cards = b""
    try:
        with whole_file(output, is_private=True) as file:
            opened = open_accounts()
            cards = _cards_csv(members, opened)
            file.write(cards)
    except OSError as error:
        # The accounts are open by now if there are cards; those are not lost with the file.
        sys.stdout.buffer.write(cards)
        typer.echo(f"coalition: {output}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    return opened


def _cards_csv(members: Sequence[NewMember], opened: Sequence[OpenedAccount]) -> bytes:
    """Return what was read, with accounts and cards: as they are printed, which no spreadsheet takes for a number."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([*COLUMNS, "account", "card"])
    for member, row in zip(members, opened, strict=True):
        writer.writerow([row.email, member.name, member.language or "", row.account, printed(row.card)])
    return file.getvalue().encode()


def _read_members(content: bytes) -> list[NewMember]:
    rows = csv.reader(io.StringIO(_text(content), newline=""), strict=True)
    members: list[NewMember] = []
    try:
        header = next(rows, [])
        if header != COLUMNS:
            raise typer.BadParameter(f"line 1: expected {','.join(COLUMNS)}, {','.join(header)!r} came")
        # A quoted field may go over several lines: a row is told by its first.
        line = rows.line_num + 1
        for row in rows:
            if len(row) != len(COLUMNS):
                raise typer.BadParameter(f"line {line}: expected {len(COLUMNS)} fields, {len(row)} came")
            email, name, language = row
            members.append(NewMember(email, name, language or None, place=f"line {line}"))
            line = rows.line_num + 1
    except csv.Error as error:
        raise typer.BadParameter(f"line {rows.line_num}: expected CSV: {error}") from error
    return members


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise typer.BadParameter(
            f"line {line}: expected UTF-8, {content[error.start : error.start + 1]!r} came"
        ) from error
