"""`coalition report`: the finance reports, and `coalition breakage`: what is expected of points."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from coalition.errors import WindowArchivedError
from settlement.cli.window import run_work, write_output
from settlement.documents.report import Report
from settlement.documents.report_formats import report_text, write_report_csv, write_report_json
from settlement.documents.wording import Language
from settlement.operations.find_partner import find_partner
from settlement.operations.manage_breakage import list_breakage_rules, set_breakage_rule
from settlement.operations.reports.make_report import REPORT_NAMES, ReportName, make_report
from settlement.stores.breakage_rules import BreakageRule

Wanted = Literal[ReportName, "all"]
ReportFormat = Literal["text", "json", "csv", "xlsx"]

breakage_app = typer.Typer(help="What is expected of points, and who gets those that break.", no_args_is_help=True)


def report(
    name: Annotated[Wanted, typer.Argument(help="Which report; all: each, into a folder.")],
    window_no: Annotated[
        int | None, typer.Option("--window", help="About this window; none: the newest closed one.", min=1)
    ] = None,
    partner: Annotated[str | None, typer.Option(help="One partner's name or number; none: all of them.")] = None,
    report_format: Annotated[ReportFormat, typer.Option("--format", help="text, json, csv or xlsx.")] = "text",
    language: Annotated[Language, typer.Option(help="de or en.")] = "en",
    output: Annotated[Path | None, typer.Option(help="File to write, folder for all; none: standard output.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a finance report; --json is --format json."""

    wanted: ReportFormat = "json" if as_json else report_format
    names: tuple[ReportName, ...] = REPORT_NAMES if name == "all" else (name,)
    if name == "all" and (output is None or wanted == "text"):
        raise typer.BadParameter("all reports need --format json, csv or xlsx, and a folder as --output")

    async def work() -> list[Report]:
        async with open_session(data_dir, database_url) as session:
            number = None if partner is None else await find_partner(session.pool, partner)
            made = []
            for one in names:
                try:
                    made.append(await make_report(session.pool, one, window_no=window_no, partner=number, now=now()))
                except WindowArchivedError as error:
                    # Of all reports the others are still wanted, as books of an archived window are never gone.
                    if name != "all":
                        raise
                    typer.echo(f"coalition: {one} is left out: {error}", err=True)
            return made

    made = run_work(work())
    if output is None or name != "all":
        write_output(_formatted(made[0], wanted, language), output)
        return
    for one in made:
        write_output(_formatted(one, wanted, language), output / f"{one.name}.{wanted}")


@breakage_app.command("set")
def set_rule(
    from_window: Annotated[
        int | None, typer.Option(help="Holds from this window on; none: the oldest not invoiced.", min=1)
    ] = None,
    expected_redemption: Annotated[
        str | None, typer.Option(help="Share of points redeemed in the end where no history tells: 0.95.")
    ] = None,
    issuer_share: Annotated[
        str | None, typer.Option(help="Issuers' share of the money of points that expire: 0 to 1.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say what is expected of points from a window on, and who gets those that break; what is not named stays."""
    expected, share = _share("expected-redemption", expected_redemption), _share("issuer-share", issuer_share)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            rule = await set_breakage_rule(
                session.pool,
                from_window=from_window,
                expected_redemption=expected,
                issuer_share=share,
                now=now(),
                actor=session.actor,
            )
            show(_rule_document(rule), as_json=as_json, text=_rule_text(rule))

    run_work(work())


@breakage_app.command("list")
def list_rules(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the rules, each from the window on from which it holds."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            rules = await list_breakage_rules(session.pool)
            show([_rule_document(rule) for rule in rules], as_json=as_json, text="\n".join(map(_rule_text, rules)))

    run_work(work())


def add_report_commands(app: typer.Typer) -> None:
    """Add both to the command line."""
    app.command("report")(report)
    app.add_typer(breakage_app, name="breakage")


def _formatted(made: Report, report_format: ReportFormat, language: Language) -> bytes:
    match report_format:
        case "json":
            return write_report_json(made) + b"\n"
        case "csv":
            return write_report_csv(made, language)
        case "xlsx":
            # Imported here: its library costs a while that no other command should pay.
            from settlement.documents.report_xlsx import write_report_xlsx

            return write_report_xlsx(made, language)
        case "text":
            return (report_text(made, language) + "\n").encode()


def _share(flag: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise typer.BadParameter(f"expected a number, {text!r} came", param_hint=f"--{flag}") from error


def _rule_document(rule: BreakageRule) -> dict[str, object]:
    return {
        "from_window": rule.from_window,
        "expected_redemption": str(rule.expected_redemption.normalize()),
        "issuer_share": str(rule.issuer_share.normalize()),
        "set_at": rule.set_at.isoformat(),
        "set_by": rule.set_by,
    }


def _rule_text(rule: BreakageRule) -> str:
    return (
        f"From window {rule.from_window} on: {rule.expected_redemption:.2%} redeemed in the end where no history "
        f"tells; issuers get {rule.issuer_share:.2%} of what breaks. Set by {rule.set_by}."
    )
