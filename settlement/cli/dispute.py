"""`coalition dispute`: what partners hold to be wrong, and the operator's answers."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from settlement.cli.window import parse_decimal, run_work, write_output
from settlement.operations.find_partner import find_partner
from settlement.operations.list_disputes import list_disputes, show_dispute
from settlement.operations.resolve_dispute import accept_dispute, reject_dispute
from settlement.stores.disputes import Dispute
from settlement.text.report import dispute_document, table

dispute_app = typer.Typer(help="Partners' disputes: list, show, accept, reject.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The dispute's number.", min=1, max=2**53 - 1)]
Text = Annotated[str, typer.Option("--answer", help="What the partner is told.")]


@dispute_app.command("list")
def list_all(
    partner: Annotated[str | None, typer.Option(help="Of this partner alone.")] = None,
    window: Annotated[int | None, typer.Option(help="Of this window alone.", min=1, max=2_147_483_647)] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Those that wait for an answer alone.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List disputes, oldest first, with the day until which they are to be answered."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = None if partner is None else await find_partner(session.pool, partner)
            disputes = await list_disputes(
                session.pool, partner=number, window_no=window, state="OPEN" if is_open else None
            )
            show([dispute_document(dispute) for dispute in disputes], as_json=as_json, text=_listed(disputes))

    run_work(work())


@dispute_app.command("show")
def show_one(
    number: Number,
    evidence: Annotated[Path | None, typer.Option(help="File for the partner's message, byte for byte.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show a dispute with the partner's signed message; `coalition check` verifies its signature."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            dispute, message = await show_dispute(session.pool, number)
            signed = {
                "body": message.body.decode(),
                "keyid": message.keyid,
                "received_at": message.received_at.isoformat(),
                "target": message.target,
                "authority": message.authority,
                "signature_input": message.signature_input,
                "signature": message.signature,
                "content_digest": message.content_digest,
            }
            document = {**dispute_document(dispute), "message": signed}
            lines = [f"{field:<16} {value}" for field, value in [*dispute_document(dispute).items(), *signed.items()]]
            show(document, as_json=as_json, text="\n".join(lines))
            if evidence is not None:
                write_output(message.body, evidence, is_quiet=as_json)

    run_work(work())


@dispute_app.command("accept")
def accept(
    number: Number,
    answer: Text,
    amount: Annotated[str | None, typer.Option(help="Of what is claimed; without it all.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Accept a dispute, as claimed or in part: what was held out is not owed, and a credit note corrects it."""
    money = parse_decimal("amount", amount)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            dispute = await accept_dispute(
                session.pool, number, answer=answer, amount=money, now=now(), actor=session.actor
            )
            show(dispute_document(dispute), as_json=as_json, text=_listed([dispute]))

    run_work(work())


@dispute_app.command("reject")
def reject(
    number: Number, answer: Text, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Reject a dispute: what was held out is payable with its window, or with the next once that is invoiced."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            dispute = await reject_dispute(session.pool, number, answer=answer, now=now(), actor=session.actor)
            show(dispute_document(dispute), as_json=as_json, text=_listed([dispute]))

    run_work(work())


def _listed(disputes: list[Dispute]) -> str:
    if not disputes:
        return "There are no such disputes."
    rows = [("Dispute", "State", "Answer until", "Window", "Partner", "Amount", "Held out", "Accepted")]
    rows += [
        (
            str(dispute.dispute),
            dispute.state,
            f"{dispute.answer_until}{' LATE' if _is_late(dispute) else ''}",
            str(dispute.window_no),
            str(dispute.partner),
            str(dispute.claim.amount),
            str(dispute.held),
            "" if dispute.accepted is None else str(dispute.accepted),
        )
        for dispute in disputes
    ]
    return table(rows, left=3)


def _is_late(dispute: Dispute) -> bool:
    return dispute.state == "OPEN" and dispute.answer_until < date.fromordinal(now().toordinal())
