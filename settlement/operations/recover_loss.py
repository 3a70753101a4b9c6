"""Money that comes from a partner in default after the others have borne its loss: it goes back to them."""

from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.lanes.fit_allowances import fit_allowances
from coalition.stores.windows import lock_windows
from settlement.engine.default import share_recovered
from settlement.engine.money import to_minor
from settlement.errors import PaymentRefusedError
from settlement.operations.record_payment import NewPayment, find_share, is_recorded
from settlement.stores.adjustments import Adjustment, insert_adjustments, load_losses
from settlement.stores.hub import load_programme
from settlement.stores.payments import clear_windows, insert_payments
from settlement.stores.shares import Share
from settlement.stores.terms import announce_terms


async def recover_loss(
    pool: Pool, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> Share:
    """Record what came of a share whose loss the others bear, and return the share as it is then; again it changes
    nothing.

    It is payable to whoever bore the loss, with the next share of each, in the ratio of what each still misses. With
    the last of it the window is off the partner's position.

    Raises:
        UnknownWindowError, UnknownStatementError: there is no such share.
        PaymentRefusedError: nobody else bears a loss of it, the reference is another payment's, or it is more than is
            missing.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        share = await find_share(connection, window_no, partner)
        if not await is_recorded(connection, share, payment):
            await _recover(connection, share, payment, now=now, actor=actor)
        return await find_share(connection, window_no, partner)


async def _recover(connection: Connection, share: Share, payment: NewPayment, *, now: datetime, actor: str) -> None:
    currency = (await load_programme(connection)).currency
    losses = await load_losses(connection, share.window_no, share.partner, currency)
    missing = sum(losses.values(), Decimal(0))
    if not 0 < payment.amount <= missing:
        expected = f"more than 0, at most {missing}, what others still bear of its loss" if missing else "a loss"
        actual = str(payment.amount) if missing else "none of this share that others still bear"
        raise PaymentRefusedError(field="amount", expected=expected, actual=actual)
    await insert_payments(
        connection,
        share.window_no,
        {share.partner: to_minor(payment.amount, currency)},
        reference=payment.reference,
        paid_on=payment.paid_on,
        now=now,
        actor=actor,
    )
    waiting = [
        Adjustment(
            partner=bearer, kind="loss_recovered", amount=-part, from_window=share.window_no, about=share.partner
        )
        for bearer, part in share_recovered(payment.amount, losses, currency).items()
    ]
    await insert_adjustments(connection, waiting, currency, now=now)
    if payment.amount == missing:
        await clear_windows(connection, share.window_no, [share.partner])
        await announce_terms(connection)
        await fit_allowances(connection, [share.partner])
