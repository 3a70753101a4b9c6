"""`coalition window invoice`, `pay`, `unpay`, `overdue`, `default`, and `coalition rules`: from invoice to money."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from settlement.cli.window import Partner, WindowNo, parse_decimal, run_work, window_app
from settlement.operations.change_rules import change_rules
from settlement.operations.default_share import default_share, mark_overdue
from settlement.operations.find_partner import find_partner
from settlement.operations.invoice_window import invoice_window
from settlement.operations.record_payment import NewPayment, record_payment
from settlement.operations.recover_loss import recover_loss
from settlement.operations.return_payment import return_payment
from settlement.stores.rules import DefaultRule, FeeBearer, Rules, load_rules
from settlement.stores.shares import Share
from settlement.text.report import share_document, window_document

Reference = Annotated[str, typer.Option(help="Which payment this is; the same again is once.")]
Day = Annotated[str | None, typer.Option(help="The day, like 2027-01-31; without it today.")]

rules_app = typer.Typer(
    help="When shares are due, and what becomes of those not paid: show, set.", no_args_is_help=True
)


@window_app.command("invoice")
def invoice(
    window_no: WindowNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Invoice an approved window: what is payable and when it is due are fixed, and nothing changes any more."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            window = await invoice_window(session.pool, window_no, now=now(), actor=session.actor)
            show(window_document(window), as_json=as_json, text=f"Window {window_no} is {window.state}.")

    run_work(work())


@window_app.command("pay", context_settings={"ignore_unknown_options": True})
def pay(
    window_no: WindowNo,
    partner: Partner,
    amount: Annotated[str, typer.Argument(help="Money; below 0 it went to the partner.")],
    reference: Reference,
    paid_on: Day = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record a payment of a partner's share, in full or in part."""
    payment = _payment(amount, reference, paid_on, "--paid-on")
    _act(record_payment, window_no, partner, payment, as_json=as_json, data_dir=data_dir, database_url=database_url)


@window_app.command("unpay", context_settings={"ignore_unknown_options": True})
def unpay(
    window_no: WindowNo,
    partner: Partner,
    amount: Annotated[str, typer.Argument(help="What came back of a payment, as it was paid; below 0 it was ours.")],
    reference: Annotated[str, typer.Option(help="Which return this is; the same again is once.")],
    returned_on: Day = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record that a payment came back: the share is owed again, or with the partner's next one after SETTLED."""
    payment = _payment(amount, reference, returned_on, "--returned-on")
    payment = replace(payment, amount=-payment.amount)
    _act(return_payment, window_no, partner, payment, as_json=as_json, data_dir=data_dir, database_url=database_url)


@window_app.command("overdue")
def overdue(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Mark every share that was due before today and is not paid; running hubs do so by themselves."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            found = await mark_overdue(session.pool, now=now(), actor=session.actor)
            rows = [
                {"window": window, "partner": partner} for window, partners in found.items() for partner in partners
            ]
            text = "\n".join(f"Window {row['window']}: partner {row['partner']} is overdue." for row in rows)
            show(rows, as_json=as_json, text=text or "Nobody is newly overdue.")

    run_work(work())


@window_app.command("default")
def default(
    window_no: WindowNo,
    partner: Partner,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take an overdue share into default: collateral is drawn, the rest carried forward or shared, by the rule."""
    _act(default_share, window_no, partner, as_json=as_json, data_dir=data_dir, database_url=database_url)


@window_app.command("recover")
def recover(
    window_no: WindowNo,
    partner: Partner,
    amount: Annotated[str, typer.Argument(help="Money that came after all.")],
    reference: Reference,
    paid_on: Day = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Record what came of a share whose loss the others bear; it goes back to them with their next shares."""
    payment = _payment(amount, reference, paid_on, "--paid-on")
    _act(recover_loss, window_no, partner, payment, as_json=as_json, data_dir=data_dir, database_url=database_url)


@rules_app.command("show")
def show_rules(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show the rules."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            rules = await load_rules(connection)
            show(asdict(rules), as_json=as_json, text=_listed(rules))

    run_work(work())


@rules_app.command("set")
def set_rules(
    payment_days: Annotated[int | None, typer.Option(help="From invoice to due date, 0 to 365.")] = None,
    default_after_days: Annotated[int | None, typer.Option(help="From due date to default, 0 to 365.")] = None,
    default_rule: Annotated[
        DefaultRule | None, typer.Option(help="carry: into the partner's next share; share: among the others.")
    ] = None,
    dispute_days: Annotated[int | None, typer.Option(help="In which a partner may dispute, 1 to 365.")] = None,
    answer_days: Annotated[int | None, typer.Option(help="In which a dispute is to be answered, 1 to 365.")] = None,
    return_fee: Annotated[
        FeeBearer | None, typer.Option(help="Who bears what a bank takes for a payment that comes back.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set those rules that are given, and leave the others; what is invoiced already keeps its due date."""
    given = {
        "payment_days": payment_days,
        "default_after_days": default_after_days,
        "default_rule": default_rule,
        "dispute_days": dispute_days,
        "answer_days": answer_days,
        "return_fee": return_fee,
    }

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            changes = {field: value for field, value in given.items() if value is not None}
            rules = await change_rules(session.pool, changes)
            show(asdict(rules), as_json=as_json, text=_listed(rules))

    run_work(work())


def _act(
    act: Callable[..., Awaitable[Share]],
    window_no: int,
    partner: str,
    *payment: NewPayment,
    as_json: bool,
    data_dir: Path | None,
    database_url: str | None,
) -> None:
    """Do something to a partner's share, and tell how it stands then."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            share = await act(session.pool, window_no, number, *payment, now=now(), actor=session.actor)
            show(_document(share), as_json=as_json, text=_told(share))

    run_work(work())


def _payment(amount: str, reference: str, day: str | None, option: str) -> NewPayment:
    money = parse_decimal("amount", amount)
    assert money is not None, "it is an argument, so it is given"
    return NewPayment(amount=money, reference=reference, paid_on=_day(day, option))


def _listed(rules: Rules) -> str:
    return "\n".join(f"{field:<20} {value}" for field, value in asdict(rules).items())


def _document(share: Share) -> dict[str, Any]:
    return {"window": share.window_no, "partner": share.partner, "state": share.state, **share_document(share)}


def _told(share: Share) -> str:
    return (
        f"Partner {share.partner}'s share of window {share.window_no} is {share.state}; {share.unpaid} is left to pay."
    )


def _day(text: str | None, option: str) -> date:
    try:
        return now().date() if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a day like 2027-01-31, {text!r} came", param_hint=option) from error
