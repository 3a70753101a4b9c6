"""`coalition window` and `coalition terms`: the operator's work on the bill."""

import sys
from collections.abc import Coroutine
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, run, show
from coalition.errors import CoalitionError
from coalition.lanes.close_window import close_window
from settlement.documents.wording import Language
from settlement.engine.vat import VatTreatment, parse_vat
from settlement.errors import InvalidTermsError, SettlementError
from settlement.operations.add_terms import TermsChange, add_terms, list_terms
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_partner import find_partner
from settlement.operations.find_statement import StatementFormat, find_statement, format_statement
from settlement.operations.recalculate_window import recalculate_window
from settlement.operations.report_window import list_windows, report_window
from settlement.operations.settle_window import settle_window
from settlement.report_text import (
    recalculation_text,
    report_document,
    report_text,
    summaries_text,
    summary_document,
    terms_document,
    terms_text,
    window_document,
)
from settlement.stores.terms import OfflineLoss, ReturnLoss

window_app = typer.Typer(help="Windows: close, calculate, approve, settle, list, show.", no_args_is_help=True)
terms_app = typer.Typer(help="Partners' terms: add a version, list them.", no_args_is_help=True)

WINDOWS_MAX = 10_000

WindowNo = Annotated[int, typer.Argument(help="The window's number.", min=1, max=2_147_483_647)]
Partner = Annotated[str, typer.Argument(help="The partner's name or number.")]
Price = Annotated[str | None, typer.Option(help="Money per point; without it as before.")]

Vat = Annotated[str | None, typer.Option(help="Category, rate and country, like 'S 19 DE', 'E DE' or 'O'.")]

T = TypeVar("T")


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


@terms_app.command("add")
def add(
    partner: Partner,
    valid_from: Annotated[str, typer.Option(help="2027-01-01 or with time and offset; programme's zone without.")],
    issue_price: Price = None,
    service_fee: Price = None,
    redemption_price: Price = None,
    commission: Annotated[str | None, typer.Option(help="Share of redemptions kept, 0 to 1.")] = None,
    platform_fee: Annotated[str | None, typer.Option(help="Money per window.")] = None,
    charge_vat: Vat = None,
    fee_vat: Vat = None,
    redemption_vat: Vat = None,
    earn_rate: Annotated[str | None, typer.Option(help="Points per unit of currency.")] = None,
    offline_loss: Annotated[
        OfflineLoss | None, typer.Option(help="Who bears an offline burn whose points are gone.")
    ] = None,
    return_loss: Annotated[
        ReturnLoss | None, typer.Option(help="Who bears a returned sale whose points are gone.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a version to a partner's terms; what is not given stays as in the version before."""
    start = _moment(valid_from)
    change = TermsChange(
        issue_price=parse_decimal("issue-price", issue_price),
        service_fee=parse_decimal("service-fee", service_fee),
        redemption_price=parse_decimal("redemption-price", redemption_price),
        commission=parse_decimal("commission", commission),
        platform_fee=parse_decimal("platform-fee", platform_fee),
        charge_vat=_vat("charge_vat", charge_vat),
        fee_vat=_vat("fee_vat", fee_vat),
        redemption_vat=_vat("redemption_vat", redemption_vat),
        earn_rate=parse_decimal("earn-rate", earn_rate),
        offline_loss=offline_loss,
        return_loss=return_loss,
    )

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            stored = await add_terms(session.pool, number, change, valid_from=start, now=now(), actor=session.actor)
            show(terms_document(stored), as_json=as_json, text=terms_text([stored]))

    run_work(work())


@terms_app.command("list")
def list_versions(
    partner: Partner, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """List every version of a partner's terms."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            versions = await list_terms(session.pool, await find_partner(session.pool, partner))
            show([terms_document(stored) for stored in versions], as_json=as_json, text=terms_text(versions))

    run_work(work())


def run_work(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; a refusal of settlement's becomes one line and exit code 1."""

    async def told() -> T:
        try:
            return await work
        except SettlementError as error:
            raise RefusedError(str(error)) from error

    return run(told())


def write_output(content: bytes, output: Path | None, *, is_quiet: bool = False) -> None:
    """Write a document to a file, or to standard output where none is named."""
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        typer.echo(f"coalition: {output}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    if not is_quiet:
        typer.echo(f"{output}: {len(content):,} bytes")


def _moment(text: str) -> datetime:
    """Return a moment; one without offset has no zone yet and gets the programme's."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a date like 2027-01-01, {text!r} came", param_hint="--valid-from"
        ) from error


def _vat(field: str, text: str | None) -> VatTreatment | None:
    try:
        return None if text is None else parse_vat(text, field=field)
    except InvalidTermsError as error:
        flag = f"--{field.replace('_', '-')}"
        raise typer.BadParameter(error.problems[0].problem, param_hint=flag) from error


def parse_decimal(flag: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise typer.BadParameter(f"expected a number, {text!r} came", param_hint=f"--{flag}") from error
