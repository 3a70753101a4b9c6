"""`coalition partner` and `coalition key`: who takes part, and with which keys; the hub's own of the past as well."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, read_file, run, show
from coalition.errors import InvalidTermsError
from coalition.ledger.participant import Funding, OfflineLoss, ReturnFee, ReturnLoss
from coalition.operations.manage_cap import set_cap
from coalition.operations.manage_partner import AddedPartner, FirstTerms, add_key, add_partner, end_key, set_status
from coalition.stores.caps import load_caps
from coalition.stores.programme import load_programme
from coalition.stores.registry import load_participants, load_partner_keys

partner_app = typer.Typer(help="Partners: take in, list, suspend, resume.", no_args_is_help=True)
key_app = typer.Typer(help="Partners' keys: add, end, list; end one of the hub's.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The partner's name.")]
KeyFile = Annotated[Path, typer.Option("--key", help="The partner's Ed25519 public key, PEM.")]
EarnRate = Annotated[str | None, typer.Option(help="Points per unit of currency, for earns without points.")]
Price = Annotated[str | None, typer.Option(help="Money per point; without it the point value.")]
ServiceFee = Annotated[str, typer.Option(help="Money per point issued, on top.")]
Commission = Annotated[str, typer.Option(help="Share of redemptions kept, 0 to 1.")]
PlatformFee = Annotated[str, typer.Option(help="Money per window.")]
Vat = Annotated[str, typer.Option(help="Category, rate and country, like 'S 19 DE', 'E DE' or 'O'.")]
PaidFor = Annotated[Funding | None, typer.Option(help="When points are paid for; without it the programme's.")]
BurnLoss = Annotated[OfflineLoss, typer.Option(help="Who bears an offline burn whose points are gone.")]
SaleLoss = Annotated[ReturnLoss, typer.Option(help="Who bears a returned sale whose points are gone.")]
BankFee = Annotated[
    ReturnFee, typer.Option(help="Who bears the bank's fee for a returned payment; rule: as the programme has it.")
]


@partner_app.command("add")
def add(
    name: Name,
    key: KeyFile,
    earn_rate: EarnRate = None,
    issue_price: Price = None,
    service_fee: ServiceFee = "0",
    redemption_price: Price = None,
    commission: Commission = "0",
    platform_fee: PlatformFee = "0",
    charge_vat: Vat = "O",
    fee_vat: Vat = "O",
    redemption_vat: Vat = "O",
    funding: PaidFor = None,
    offline_loss: BurnLoss = "partner",
    return_loss: SaleLoss = "member",
    return_fee: BankFee = "rule",
    earn: Annotated[bool, typer.Option(help="May issue points.")] = True,
    burn: Annotated[bool, typer.Option(help="May accept points.")] = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a partner in with its first key and terms."""
    terms = FirstTerms(
        earn_rate=_price("earn-rate", earn_rate),
        issue_price=_price("issue-price", issue_price),
        service_fee=_amount("service-fee", service_fee),
        redemption_price=_price("redemption-price", redemption_price),
        commission=_amount("commission", commission),
        platform_fee=_amount("platform-fee", platform_fee),
        charge_vat=charge_vat,
        fee_vat=fee_vat,
        redemption_vat=redemption_vat,
        funding=funding,
        offline_loss=offline_loss,
        return_loss=return_loss,
        return_fee=return_fee,
    )
    pem = read_file(key)

    async def work() -> AddedPartner:
        async with open_session(data_dir, database_url) as session:
            try:
                return await add_partner(
                    session.pool,
                    name=name,
                    key_pem=pem,
                    terms=terms,
                    may_earn=earn,
                    may_burn=burn,
                    now=now(),
                    actor=session.actor,
                )
            except InvalidTermsError as error:
                raise typer.BadParameter(_by_flag(error)) from error

    added = run(work())
    document = {"partner": added.partner, "name": name, "keyid": added.keyid}
    show(document, as_json=as_json, text=f"{name} is partner {added.partner}; its key is {added.keyid}.")


@partner_app.command("list")
def list_partners(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the partners."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            partners = (await load_participants(connection)).values()
            caps = await load_caps(connection)
            document = [
                {
                    "partner": partner.partner,
                    "name": partner.name,
                    "status": partner.status,
                    "may_earn": partner.may_earn,
                    "may_burn": partner.may_burn,
                    "terms_version": len(partner.terms),
                    "cap_minor": caps[partner.partner].cap_minor if partner.partner in caps else None,
                }
                for partner in partners
            ]
            text = "\n".join(f"{partner.partner:>5}  {partner.status:<10} {partner.name}" for partner in partners)
            show(document, as_json=as_json, text=text or "There are no partners yet.")

    run(work())


@partner_app.command("cap")
def cap(
    name: Name,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT|off", help="Money, in the programme's currency.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set the largest position that a partner may run up unsettled; earns that would pass it are refused."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            async with session.pool.acquire() as connection:
                minor_unit = (await load_programme(connection)).minor_unit
            cap_minor = None if amount == "off" else _minor(amount, minor_unit)
            await set_cap(session.pool, name, cap_minor, now=now(), actor=session.actor)
            told = "no cap" if cap_minor is None else f"a net debit cap of {amount}"
            show({"partner": name, "cap_minor": cap_minor}, as_json=as_json, text=f"{name} has {told}.")

    run(work())


@partner_app.command("suspend")
def suspend(name: Name, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Refuse a partner's messages from now on."""
    _set_status(name, "suspended", data_dir, database_url)


@partner_app.command("resume")
def resume(name: Name, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Take a suspended partner's messages again."""
    _set_status(name, "active", data_dir, database_url)


@key_app.command("add")
def add_partner_key(
    name: Name,
    key: KeyFile,
    valid_from: Annotated[datetime | None, typer.Option(help="UTC; without it: now.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a key to a partner; several may be valid at once, so that keys are rotated without a gap."""
    pem = read_file(key)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            begin = valid_from.replace(tzinfo=now().tzinfo) if valid_from else now()
            keyid = await add_key(session.pool, name=name, key_pem=pem, valid_from=begin)
            show({"partner": name, "keyid": keyid}, as_json=as_json, text=f"{name} may sign with {keyid}.")

    run(work())


# A keyid may begin with a dash, like an option.
@key_app.command("end", context_settings={"ignore_unknown_options": True})
def end_partner_key(
    keyid: Annotated[str, typer.Argument(help="The key's id.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """End a key's validity now, a partner's or one that was the hub's; what it signed before stays verifiable."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            hub_key = session.settings.hub_key_path
            ended_at = await end_key(session.pool, keyid=keyid, valid_until=now(), hub_key=hub_key)
            show({"keyid": keyid, "valid_until": ended_at}, as_json=as_json, text=f"{keyid} signs no more.")

    run(work())


@key_app.command("list")
def list_keys(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the partners' keys with their intervals."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            rows = await load_partner_keys(connection)
            columns = ("keyid", "partner", "valid_from", "valid_until")
            document = [{column: row[column] for column in columns} for row in rows]
            lines = [
                f"{row['keyid']}  partner {row['partner']}  until {row['valid_until'] or 'further notice'}"
                for row in rows
            ]
            show(document, as_json=as_json, text="\n".join(lines) or "There are no keys yet.")

    run(work())


def _set_status(name: str, status: str, data_dir: Path | None, database_url: str | None) -> None:
    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await set_status(session.pool, name=name, status=status)
            typer.echo(f"{name} is {status}.")

    run(work())


def _by_flag(error: InvalidTermsError) -> str:
    return "; ".join(
        f"--{fault.field.replace('_', '-')}: expected {fault.expected}, {fault.got!r} came" for fault in error.faults
    )


def _minor(amount: str, minor_unit: int) -> int:
    try:
        scaled = Decimal(amount).scaleb(minor_unit)
    except ArithmeticError:
        scaled = Decimal("NaN")
    if not scaled.is_finite() or scaled < 0 or scaled != scaled.to_integral_value():
        raise typer.BadParameter(f"expected an amount of at most {minor_unit} decimals or off, {amount!r} came")
    return int(scaled)


def _price(flag: str, text: str | None) -> Decimal | None:
    return None if text is None else _amount(flag, text)


def _amount(flag: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or (flag == "commission" and value > 1):
        limit = "from 0 to 1" if flag == "commission" else "of 0 or more"
        raise typer.BadParameter(f"expected a number {limit}, {text!r} came", param_hint=f"--{flag}")
    return value
