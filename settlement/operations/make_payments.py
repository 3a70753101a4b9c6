"""Make a window's payment files: what the operator's bank is asked to do."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from coalition.database.pool import Connection, Pool
from settlement.documents.payment_xml import write_debits, write_transfers
from settlement.engine.account_history import DatedAccount, counting_account
from settlement.engine.bank_account import BankAccount
from settlement.engine.payment_order import PaymentFacts, PaymentOrder, order_payments
from settlement.engine.states import has_reached
from settlement.errors import PaymentFileRefusedError
from settlement.stores.bank_accounts import StoredBankAccount, load_operator_accounts, load_partner_accounts
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.payments import load_payments
from settlement.stores.shares import load_share_moves, load_shares
from settlement.stores.windows import WindowMove, find_window, load_moves
from settlement.worded import Worded

TRANSFERS: Final = "pain.001"
DEBITS: Final = "pain.008"


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file for the operator's bank; `kind` is pain.001 or pain.008, `payments` how many are in it.

    `late_partner`: whose payment alone it is, since its bank details came late.
    """

    kind: str
    name: str
    content: bytes
    payments: int
    late_partner: int | None = None


@dataclass(frozen=True, slots=True)
class WindowPayments:
    """A window's payments, and the files that make them: none for a direction in which nothing is paid, and further
    ones for those whose bank details came late."""

    order: PaymentOrder
    names: dict[int, str]
    files: tuple[PaymentFile, ...]


async def make_payments(pool: Pool, window_no: int) -> WindowPayments:
    """Return the payments of an invoiced window with their files; whenever they are made, they are the same bytes.

    Bank details are those of the window's approval; of a party that had none then that can be used, the first that it
    gave afterwards. A mandate counts if it was there at the approval. Who lacks something is left out, and told.

    Raises:
        UnknownWindowError: there is no such window.
        PaymentFileRefusedError: it is not invoiced, or names every reason why none of it can be paid by SEPA.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        order, names = await order_window(connection, window_no)
    files = [
        PaymentFile(
            TRANSFERS,
            f"{message.reference}-transfers-pain.001.001.09.xml",
            write_transfers(window_no, message),
            len(message.payments),
            message.late_partner,
        )
        for message in order.transfer_messages
    ]
    files += [
        PaymentFile(
            DEBITS,
            f"{message.reference}-debits-pain.008.001.08.xml",
            write_debits(window_no, message),
            len(message.payments),
        )
        for message in order.debit_messages
    ]
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
    paid: defaultdict[int, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for payment in await load_payments(connection, window_no, programme.currency):
        paid[payment.partner].append((payment.recorded_at, payment.amount))
    share_moves = await load_share_moves(connection, window_no)
    order = order_payments(
        PaymentFacts(
            window=window_no,
            approved_at=approved_at.astimezone(programme.zone),
            invoiced_at=next(move.moved_at for move in moves if move.to_state == "INVOICED"),
            due_on=max((share.due_on for share in shares if share.due_on), default=approved_at.date()),
            currency=programme.currency,
            operator=_dated(await load_operator_accounts(connection)),
            nets={share.partner: share.payable for share in shares},
            names=names,
            accounts={partner: _dated(stored) for partner, stored in _by_partner(versions).items()},
            paid=paid,
            carried_at={move.partner: move.moved_at for move in share_moves if move.to_state == "CARRIED_FORWARD"},
        )
    )
    return order, names


def approval_of(moves: Sequence[WindowMove]) -> datetime:
    """Return when a window was approved; it is."""
    return next(move.moved_at for move in reversed(moves) if move.to_state == "APPROVED")


def accounts_at(versions: Iterable[StoredBankAccount], moment: datetime) -> dict[int, BankAccount]:
    """Return by partner the details that count for what was approved at a moment."""
    found = {partner: account_at(accounts, moment) for partner, accounts in _by_partner(versions).items()}
    return {partner: account for partner, account in found.items() if account is not None}


def account_at(versions: Iterable[StoredBankAccount], moment: datetime) -> BankAccount | None:
    """Return the details that counted at a moment, or the first after it; the newest come last."""
    counting = counting_account(_dated(versions), moment)
    return None if counting is None else counting.account


def _dated(versions: Iterable[StoredBankAccount]) -> list[DatedAccount]:
    return [DatedAccount(stored.account, stored.set_at) for stored in versions]


def _by_partner(versions: Iterable[StoredBankAccount]) -> dict[int, list[StoredBankAccount]]:
    of_partner: defaultdict[int, list[StoredBankAccount]] = defaultdict(list)
    for stored in versions:
        assert stored.partner is not None, "these are partners' accounts"
        of_partner[stored.partner].append(stored)
    return of_partner
