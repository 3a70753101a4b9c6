"""`coalition window`: the operator's work on the bill."""

import sys
from collections.abc import Coroutine, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, run, show
from coalition.cli.whole_file import whole_file
from coalition.errors import CoalitionError
from coalition.lanes.close_window import close_window
from settlement.documents.wording import Language
from settlement.errors import (
    DatevRefusedError,
    IllegalMoveError,
    MissingLegalDataError,
    PaymentFileRefusedError,
    SettlementError,
)
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_partner import find_partner
from settlement.operations.find_statement import StatementFormat, find_statement, format_statement
from settlement.operations.recalculate_window import recalculate_window
from settlement.operations.report_window import list_windows, report_window
from settlement.operations.settle_window import settle_window
from settlement.text.remedy import remedy_of
from settlement.text.report import (
    recalculation_text,
    report_document,
    report_text,
    summaries_text,
    summary_document,
    window_document,
)

window_app = typer.Typer(help="Windows: close, calculate, approve, settle, list, show.", no_args_is_help=True)

WINDOWS_MAX = 10_000
# What was asked for is done, but for some files or a part of them: 1 is a refusal, 2 a wrong use.
EXIT_INCOMPLETE: Final = 3

WindowNo = Annotated[int, typer.Argument(help="The window's number.", min=1, max=2_147_483_647)]
Partner = Annotated[str, typer.Argument(help="The partner's name or number.")]

T = TypeVar("T")

NEXT_STEPS = {"OPEN": "close", "CLOSED": "calculate", "CALCULATED": "approve", "APPROVED": "invoice"}


class RefusedError(CoalitionError):
    """Settlement's refusal as the hub's command line tells it."""


@window_app.command("close")
def close(
    window_no: Annotated[
        int | None, typer.Argument(help="The window's number, to repeat safely; without it the open one.", min=1)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Close the open window in every lane, while clearing goes on, and open the next."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            closed = await close_window(session.pool, clock=now, actor=session.actor, expected=window_no)
            show({"window": closed, "state": "CLOSED"}, as_json=as_json, text=f"Window {closed} is CLOSED.")

    run_work(work())


@window_app.command("calculate")
def calculate(
    window_no: WindowNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Tie a closed window out, price it and make its statements."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await calculate_window(session.pool, window_no, now=now(), actor=session.actor)
            report = await report_window(session.pool, window_no)
            show(report_document(report), as_json=as_json, text=report_text(report))

    run_work(work())


@window_app.command("recalculate")
def recalculate(
    window_no: WindowNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Make the statements of a window anew, before it is invoiced; those that come to the same stay as they are."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            done = await recalculate_window(session.pool, window_no, now=now(), actor=session.actor)
            report = await report_window(session.pool, window_no)
            document = {**report_document(report), "changed_partners": list(done.changed_partners)}
            show(document, as_json=as_json, text=recalculation_text(report, done.changed_partners))

    run_work(work())


@window_app.command("approve")
def approve(
    window_no: WindowNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Approve a calculated window.

    Whoever holds this shell may approve what it calculated itself: the second person is asked for on the pages.
    """

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            window = await approve_window(
                session.pool, window_no, now=now(), actor=session.actor, is_second_person_needed=False
            )
            show(window_document(window), as_json=as_json, text=f"Window {window_no} is {window.state}.")

    run_work(work())


@window_app.command("settle")
def settle(
    window_no: WindowNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Take a closed window through every step that is left: calculated, approved, invoiced, settled.

    Whoever holds this shell acts for both persons that an approval needs; each step is recorded with the actor.
    """

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            pool, actor = session.pool, session.actor
            await calculate_window(pool, window_no, now=now(), actor=actor)
            await approve_window(pool, window_no, now=now(), actor=actor, is_second_person_needed=False)
            await settle_window(pool, window_no, now=now(), actor=actor)
            report = await report_window(pool, window_no)
            text = f"{report_text(report)}\nEvery step is recorded with the actor {actor}."
            show(report_document(report), as_json=as_json, text=text)

    run_work(work())


@window_app.command("list")
def list_all(
    after: Annotated[int, typer.Option(help="Begin after this window.", min=0, max=2_147_483_647)] = 0,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List the windows with what was to be paid."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            summaries = await list_windows(session.pool, after=after, count_max=WINDOWS_MAX)
            document = [summary_document(summary) for summary in summaries]
            show(document, as_json=as_json, text=summaries_text(summaries))

    run_work(work())


@window_app.command("show")
def show_window(
    window_no: WindowNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Show a window: nets, control totals, payments, who moved it."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            report = await report_window(session.pool, window_no)
            show(report_document(report), as_json=as_json, text=report_text(report))

    run_work(work())


@window_app.command("statement")
def statement(
    window_no: WindowNo,
    partner: Partner,
    statement_format: Annotated[StatementFormat, typer.Option("--format", help="json, csv, xlsx or pdf.")] = "json",
    language: Annotated[Language, typer.Option(help="de or en, but for json.")] = "en",
    output: Annotated[Path | None, typer.Option(help="File to write; none: standard output.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a partner's statement of a window; --json is --format json."""

    async def work() -> bytes:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            content = await find_statement(session.pool, window_no, number)
            return format_statement(content, "json" if as_json else statement_format, language)

    write_output(run_work(work()), output)


def run_work(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; a refusal of settlement's becomes one line and exit code 1."""

    async def told() -> T:
        try:
            return await work
        except MissingLegalDataError as error:
            raise RefusedError(_with_remedies(error, error.missing)) from error
        except (PaymentFileRefusedError, DatevRefusedError) as error:
            raise RefusedError(_with_remedies(error, error.problems)) from error
        except IllegalMoveError as error:
            step = NEXT_STEPS.get(error.from_state)
            raise RefusedError(f"{error}; next: coalition window {step}" if step else str(error)) from error
        except SettlementError as error:
            raise RefusedError(str(error)) from error

    return run(told())


def _with_remedies(error: SettlementError, lacks: Sequence[str]) -> str:
    """Return a refusal with the commands that supply what is missing."""
    commands = dict.fromkeys(command for lack in lacks if (command := remedy_of(lack)) is not None)
    return f"{error}; next: {'; '.join(commands)}" if commands else str(error)


def write_output(content: bytes, output: Path | None, *, is_quiet: bool = False) -> None:
    """Write a document to a file, whole or not at all, or to standard output where none is named."""
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        with whole_file(output) as file:
            file.write(content)
    except OSError as error:
        typer.echo(f"coalition: {output}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    if not is_quiet:
        typer.echo(f"{output}: {len(content):,} bytes")


def parse_decimal(flag: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise typer.BadParameter(f"expected a number, {text!r} came", param_hint=f"--{flag}") from error
