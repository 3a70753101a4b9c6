"""Settle an approved window on the operator's word: invoiced, settling, settled."""

from datetime import datetime
from typing import Final

from coalition.database.pool import Connection, Pool
from coalition.lanes.fit_allowances import fit_allowances
from coalition.stores.windows import lock_windows
from settlement.engine.money import to_minor
from settlement.engine.states import ShareState, has_reached
from settlement.operations.invoice_window import invoice
from settlement.operations.record_payment import begin_settling, end_settling, mark_paid
from settlement.stores.hub import load_programme
from settlement.stores.payments import insert_payments
from settlement.stores.shares import load_shares
from settlement.stores.windows import Window, find_window

# The reference of payments that nobody has matched with a bank's statement.
OPERATORS_WORD = "operator's word"

_UNPAID: Final[tuple[ShareState, ...]] = ("INVOICED", "OVERDUE")


async def settle_window(pool: Pool, window_no: int, *, now: datetime, actor: str) -> Window:
    """Take a window from APPROVED, or wherever after it, to SETTLED; a settled one stays as it is.

    Whatever is not paid yet counts as paid, on the operator's word: each payment is recorded as such, and every move
    with its actor.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it has not been approved.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        await invoice(connection, window_no, now=now, actor=actor)
        window = await find_window(connection, window_no)
        if not has_reached(window.state, "SETTLED"):
            await _settle(connection, window_no, now=now, actor=actor)
        return await find_window(connection, window_no)


async def _settle(connection: Connection, window_no: int, *, now: datetime, actor: str) -> None:
    await begin_settling(connection, window_no, now=now, actor=actor)
    programme = await load_programme(connection)
    shares = await load_shares(connection, [window_no], programme.currency)
    unpaid = [share for share in shares if share.state in _UNPAID]
    await insert_payments(
        connection,
        window_no,
        {share.partner: to_minor(share.unpaid, programme.currency) for share in unpaid},
        reference=OPERATORS_WORD,
        paid_on=now.astimezone(programme.zone).date(),
        now=now,
        actor=actor,
    )
    for state in _UNPAID:
        partners = [share.partner for share in unpaid if share.state == state]
        await mark_paid(connection, window_no, partners, from_state=state, now=now, actor=actor)
    await end_settling(connection, window_no, now=now, actor=actor)
    await fit_allowances(connection, [share.partner for share in shares])
