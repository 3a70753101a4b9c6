"""Record that a payment came back: a direct debit that its bank returned, a transfer that did not arrive."""

from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.lanes.fit_allowances import fit_allowances
from coalition.stores.windows import lock_windows
from settlement.engine.payment_parts import can_come_back, parts_of_return
from settlement.engine.states import ShareState
from settlement.errors import PaymentRefusedError
from settlement.operations.record_payment import NewPayment, find_share, is_recorded, record_parts
from settlement.stores.hub import load_programme
from settlement.stores.payments import bring_back_window, load_received
from settlement.stores.shares import Share, move_shares
from settlement.stores.windows import find_window


async def return_payment(
    pool: Pool, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> Share:
    """Record that money of a share came back, and return the share as it is then; again it changes nothing.

    `payment` is the movement on the operator's account: below 0 where the partner's payment went back to it.

    Raises: as `take_return`.
    """
    async with pool.acquire() as connection, connection.transaction():
        if await take_return(connection, window_no, partner, payment, now=now, actor=actor):
            # Last, as `pay_share` has it.
            await fit_allowances(connection, [partner])
        return await find_share(connection, window_no, partner)


async def take_return(
    connection: Connection, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> bool:
    """Record it within the caller's transaction, who fits the partner's allowances after all; False: it is already.

    Payments are never edited: it is one of its own, with the other sign. What was paid too much goes back first. The
    rest is owed again: by the share, which is INVOICED again or OVERDUE, or, where its window is SETTLED, with the
    partner's next share. Either way the window is on the partner's position again.

    Raises:
        UnknownWindowError, UnknownStatementError: there is no such share.
        PaymentRefusedError: the reference is another payment's, or more came back than was paid.
    """
    await lock_windows(connection)
    share = await find_share(connection, window_no, partner)
    if await is_recorded(connection, share, payment):
        return False
    programme = await load_programme(connection)
    received = (await load_received(connection, [window_no], programme.currency)).get((window_no, partner), Decimal(0))
    _refuse_more_than_was_paid(payment, received)
    window = await find_window(connection, window_no)
    is_final = window.state == "SETTLED" or share.state == "CARRIED_FORWARD"
    parts = parts_of_return(payment.amount, paid=share.paid, received=received, is_final=is_final)
    await record_parts(connection, share, payment, parts, kind="payment_returned", now=now, actor=actor)
    today = now.astimezone(programme.zone).date()
    if share.state == "PAID" and parts.counted:
        is_late = share.payable > 0 and share.due_on is not None and share.due_on < today
        to_state: ShareState = "OVERDUE" if is_late else "INVOICED"
        await move_shares(
            connection, window_no, from_state="PAID", to_state=to_state, actor=actor, now=now, partners=[partner]
        )
    if share.is_cleared and abs(received + payment.amount) < abs(share.paid):
        await bring_back_window(connection, window_no, partner)
    return True


def _refuse_more_than_was_paid(payment: NewPayment, received: Decimal) -> None:
    if not can_come_back(payment.amount, received=received):
        expected = f"at most {abs(received)}, what was paid, going the other way, and not 0"
        raise PaymentRefusedError(field="amount", expected=expected, actual=str(payment.amount))
