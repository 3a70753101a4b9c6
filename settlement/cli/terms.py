"""`coalition terms`: versions that one person drafts and another approves, and what they would have cost."""

from datetime import date, datetime
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from settlement.cli.window import Partner, parse_decimal, run_work
from settlement.engine.terms import Funding
from settlement.engine.vat import VatTreatment, parse_vat
from settlement.errors import InvalidTermsError
from settlement.operations.add_terms import TermsChange, add_terms, list_terms
from settlement.operations.draft_terms import approve_draft, draft_terms, list_drafts, withdraw_draft
from settlement.operations.find_partner import find_partner
from settlement.operations.rerate_terms import Period, rerate_terms
from settlement.stores.hub import load_partner_names, set_default_funding
from settlement.stores.terms import OfflineLoss, ReturnFee, ReturnLoss
from settlement.text.terms import (
    draft_document,
    drafts_text,
    rerating_document,
    rerating_text,
    terms_document,
    terms_text,
)

terms_app = typer.Typer(
    help="Partners' terms: draft, approve, add, list, what they would have cost.", no_args_is_help=True
)

Price = Annotated[str | None, typer.Option(help="Money per point; without it as before.")]
Commission = Annotated[str | None, typer.Option(help="Share of redemptions kept, 0 to 1.")]
PlatformFee = Annotated[str | None, typer.Option(help="Money per window.")]
Vat = Annotated[str | None, typer.Option(help="Category, rate and country, like 'S 19 DE', 'E DE' or 'O'.")]
FundingOption = Annotated[
    Funding | None, typer.Option(help="When points are paid for: pool at issue, issuer_pays at burn, prepaid before.")
]
DraftNo = Annotated[int, typer.Argument(help="The draft's number.", min=1, max=9_223_372_036_854_775_807)]


@terms_app.command("add")
def add(
    partner: Partner,
    valid_from: Annotated[str, typer.Option(help="2027-01-01 or with time and offset; programme's zone without.")],
    issue_price: Price = None,
    service_fee: Price = None,
    redemption_price: Price = None,
    commission: Commission = None,
    platform_fee: PlatformFee = None,
    charge_vat: Vat = None,
    fee_vat: Vat = None,
    redemption_vat: Vat = None,
    funding: FundingOption = None,
    earn_rate: Annotated[str | None, typer.Option(help="Points per unit of currency.")] = None,
    offline_loss: Annotated[
        OfflineLoss | None, typer.Option(help="Who bears an offline burn whose points are gone.")
    ] = None,
    return_loss: Annotated[
        ReturnLoss | None, typer.Option(help="Who bears a returned sale whose points are gone.")
    ] = None,
    return_fee: Annotated[
        ReturnFee | None,
        typer.Option(help="Who bears the bank's fee for a returned payment; rule: as `coalition rules` has it."),
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Draft it only; somebody approves it later.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a version to a partner's terms; what is not given stays as in the version before.

    Without --draft it is approved at once: whoever holds this shell stands in for both persons, and is recorded twice.
    """
    start = _moment(valid_from)
    change = _change(
        issue_price=issue_price,
        service_fee=service_fee,
        redemption_price=redemption_price,
        commission=commission,
        platform_fee=platform_fee,
        charge_vat=charge_vat,
        fee_vat=fee_vat,
        redemption_vat=redemption_vat,
        earn_rate=earn_rate,
        funding=funding,
        offline_loss=offline_loss,
        return_loss=return_loss,
        return_fee=return_fee,
    )

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            pool, actor = session.pool, session.actor
            number = await find_partner(pool, partner)
            if draft:
                drafted = await draft_terms(pool, number, change, valid_from=start, now=now(), actor=actor)
                text = f"Draft {drafted.draft} waits for approval:\n{terms_text([drafted.stored])}"
                show(draft_document(drafted), as_json=as_json, text=text)
                return
            stored = await add_terms(pool, number, change, valid_from=start, now=now(), actor=actor)
            show(terms_document(stored), as_json=as_json, text=terms_text([stored]))

    run_work(work())


@terms_app.command("drafts")
def drafts(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the drafts that wait for approval."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            waiting = await list_drafts(session.pool)
            async with session.pool.acquire() as connection:
                names = await load_partner_names(connection)
            show([draft_document(draft) for draft in waiting], as_json=as_json, text=drafts_text(waiting, names))

    run_work(work())


@terms_app.command("approve")
def approve(
    draft: DraftNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Approve a draft, so that it is the next version.

    Whoever holds this shell may approve its own draft: the second person is asked for on the pages.
    """

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            stored = await approve_draft(
                session.pool, draft, now=now(), actor=session.actor, is_second_person_needed=False
            )
            show(terms_document(stored), as_json=as_json, text=terms_text([stored]))

    run_work(work())


@terms_app.command("withdraw")
def withdraw(
    draft: DraftNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Take a draft back."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await withdraw_draft(session.pool, draft, now=now(), actor=session.actor)
            document = {"draft": draft, "state": "WITHDRAWN"}
            show(document, as_json=as_json, text=f"Draft {draft} is WITHDRAWN.")

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


@terms_app.command("rerate")
def rerate(
    partner: Partner,
    windows: Annotated[str | None, typer.Option(help="Windows by number, like 3 or 3-7.")] = None,
    from_day: Annotated[str | None, typer.Option("--from", help="First day, like 2027-01-01.")] = None,
    to_day: Annotated[str | None, typer.Option("--to", help="Last day, like 2027-03-31.")] = None,
    draft: Annotated[int | None, typer.Option(help="A draft's number; without it the options below.", min=1)] = None,
    issue_price: Price = None,
    service_fee: Price = None,
    redemption_price: Price = None,
    commission: Commission = None,
    platform_fee: PlatformFee = None,
    charge_vat: Vat = None,
    fee_vat: Vat = None,
    redemption_vat: Vat = None,
    funding: FundingOption = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say what past windows would have cost each partner under other terms of one; nothing is changed.

    The terms are those of a draft, or the partner's last version with the options given here.
    """
    first, last = _windows(windows)
    period = Period(
        first_window=first, last_window=last, first_day=_day("--from", from_day), last_day=_day("--to", to_day)
    )
    change = _change(
        issue_price=issue_price,
        service_fee=service_fee,
        redemption_price=redemption_price,
        commission=commission,
        platform_fee=platform_fee,
        charge_vat=charge_vat,
        fee_vat=fee_vat,
        redemption_vat=redemption_vat,
        funding=funding,
    )
    if draft is not None and change != TermsChange():
        raise typer.BadParameter("expected a draft or prices, both came", param_hint="--draft")

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            report = await rerate_terms(session.pool, number, period, change=change, draft_no=draft, now=now())
            document = rerating_document(number, report.rerating)
            show(document, as_json=as_json, text=rerating_text(report.rerating, report.names))

    run_work(work())


@terms_app.command("default-funding")
def default_funding(
    funding: Annotated[Funding, typer.Argument(help="Of partners that are taken in from now on.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say how points are paid for by partners that are taken in without saying otherwise."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            async with session.pool.acquire() as connection:
                await set_default_funding(connection, funding)
            show({"funding": funding}, as_json=as_json, text=f"New partners pay by {funding}.")

    run_work(work())


def _change(
    *,
    issue_price: str | None,
    service_fee: str | None,
    redemption_price: str | None,
    commission: str | None,
    platform_fee: str | None,
    charge_vat: str | None,
    fee_vat: str | None,
    redemption_vat: str | None,
    funding: Funding | None,
    earn_rate: str | None = None,
    offline_loss: OfflineLoss | None = None,
    return_loss: ReturnLoss | None = None,
    return_fee: ReturnFee | None = None,
) -> TermsChange:
    return TermsChange(
        issue_price=parse_decimal("issue-price", issue_price),
        service_fee=parse_decimal("service-fee", service_fee),
        redemption_price=parse_decimal("redemption-price", redemption_price),
        commission=parse_decimal("commission", commission),
        platform_fee=parse_decimal("platform-fee", platform_fee),
        charge_vat=_vat("charge_vat", charge_vat),
        fee_vat=_vat("fee_vat", fee_vat),
        redemption_vat=_vat("redemption_vat", redemption_vat),
        funding=funding,
        earn_rate=parse_decimal("earn-rate", earn_rate),
        offline_loss=offline_loss,
        return_loss=return_loss,
        return_fee=return_fee,
    )


def _moment(text: str) -> datetime:
    """Return a moment; one without offset has no zone yet and gets the programme's."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a date like 2027-01-01, {text!r} came", param_hint="--valid-from"
        ) from error


def _day(flag: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a day like 2027-01-31, {text!r} came", param_hint=flag) from error


def _windows(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    first, _, last = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (first, last or first)):
        raise typer.BadParameter(f"expected windows like 3 or 3-7, {text!r} came", param_hint="--windows")
    return int(first), int(last or first)


def _vat(field: str, text: str | None) -> VatTreatment | None:
    try:
        return None if text is None else parse_vat(text, field=field)
    except InvalidTermsError as error:
        flag = f"--{field.replace('_', '-')}"
        raise typer.BadParameter(error.problems[0].problem, param_hint=flag) from error
