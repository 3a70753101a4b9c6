"""Make a window's payment files: what the operator's bank is asked to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from coalition.database.pool import Connection, Pool
from settlement.documents.payment_xml import write_debits, write_transfers
from settlement.engine.bank_account import BankAccount
from settlement.engine.payment_order import PaymentOrder, order_payments
from settlement.engine.payment_reference import message_reference
from settlement.engine.states import has_reached
from settlement.errors import PaymentFileRefusedError
from settlement.stores.bank_accounts import StoredBankAccount, load_operator_accounts, load_partner_accounts
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.shares import load_shares
from settlement.stores.windows import WindowMove, find_window, load_moves
from settlement.worded import Worded

TRANSFERS: Final = "pain.001"
DEBITS: Final = "pain.008"


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file for the operator's bank; `kind` is pain.001 or pain.008."""

    kind: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class WindowPayments:
    """A window's payments, and the files that make them: none for a direction in which nothing is paid."""

    order: PaymentOrder
    names: dict[int, str]
    files: tuple[PaymentFile, ...]


async def make_payments(pool: Pool, window_no: int) -> WindowPayments:
    """Return the payments of an invoiced window with their files; whenever they are made, they are the same bytes.

    Bank details are those of the window's approval; of a party that had none then, the first that it gave afterwards.
    A mandate counts if it was there at the approval.

    Raises:
        UnknownWindowError: there is no such window.
        PaymentFileRefusedError: it is not invoiced, or names every reason why it cannot be paid by SEPA.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        order, names = await order_window(connection, window_no)
    files = []
    if order.transfers:
        name = f"{message_reference(window_no)}-transfers-pain.001.001.09.xml"
        files.append(PaymentFile(TRANSFERS, name, write_transfers(order)))
    if order.debits:
        name = f"{message_reference(window_no)}-debits-pain.008.001.08.xml"
        files.append(PaymentFile(DEBITS, name, write_debits(order)))
    return WindowPayments(order, names, tuple(files))


async def order_window(connection: Connection, window_no: int) -> tuple[PaymentOrder, dict[int, str]]:
    """Return an invoiced window's payments, with the partners' names; raises as `make_payments`."""
    window = await find_window(connection, window_no)
    if not has_reached(window.state, "INVOICED"):
        problem = Worded.of("not_invoiced", window=window_no, state=window.state)
        raise PaymentFileRefusedError(window=window_no, problems=[problem])
    programme = await load_programme(connection)
    moves = await load_moves(connection, window_no)
    approved_at = approval_of(moves)
    shares = await load_shares(connection, [window_no], programme.currency)
    names = await load_partner_names(connection)
    versions = await load_partner_accounts(connection, [share.partner for share in shares])
    order = order_payments(
        window=window_no,
        approved_at=approved_at.astimezone(programme.zone),
        due_on=max((share.due_on for share in shares if share.due_on), default=approved_at.date()),
        currency=programme.currency,
        operator=account_at(await load_operator_accounts(connection), approved_at),
        nets={share.partner: share.payable for share in shares},
        names=names,
        accounts=accounts_at(versions, approved_at),
    )
    return order, names


def approval_of(moves: Sequence[WindowMove]) -> datetime:
    """Return when a window was approved; it is."""
    return next(move.moved_at for move in reversed(moves) if move.to_state == "APPROVED")


def accounts_at(versions: Iterable[StoredBankAccount], moment: datetime) -> dict[int, BankAccount]:
    """Return by partner the details that count for what was approved at a moment."""
    of_partner: dict[int, list[StoredBankAccount]] = {}
    for stored in versions:
        assert stored.partner is not None, "these are partners' accounts"
        of_partner.setdefault(stored.partner, []).append(stored)
    found = {partner: account_at(accounts, moment) for partner, accounts in of_partner.items()}
    return {partner: account for partner, account in found.items() if account is not None}


def account_at(versions: list[StoredBankAccount], moment: datetime) -> BankAccount | None:
    """Return the details that counted at a moment, or the first after it; the newest come last."""
    before = [stored.account for stored in versions if stored.set_at <= moment]
    if before:
        return before[-1]
    if not versions:
        return None
    first = versions[0].account
    # A mandate that came after the approval takes no effect on it: nobody is debited who was told to pay himself.
    return BankAccount(
        holder=first.holder, iban=first.iban, bic=first.bic, address=first.address, creditor_id=first.creditor_id
    )
