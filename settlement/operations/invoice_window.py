"""Invoice an approved window: what is payable is fixed, and when it is due. Nothing changes after this."""

from datetime import datetime, timedelta

from coalition.database.pool import Connection, Pool
from settlement.engine.states import has_reached, move_window
from settlement.operations.issue_documents import issue_documents
from settlement.stores.adjustments import take_waiting
from settlement.stores.hub import load_programme
from settlement.stores.payments import set_due
from settlement.stores.rules import load_rules
from settlement.stores.shares import load_shares, move_shares
from settlement.stores.windows import Window, claim_move, find_window


async def invoice_window(pool: Pool, window_no: int, *, now: datetime, actor: str) -> Window:
    """Take a window from APPROVED to INVOICED; one that is there or past it stays as it is.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it has not been approved.
        MissingLegalDataError: it has to be invoiced, and partners lack data for that; nothing is changed.
    """
    async with pool.acquire() as connection, connection.transaction():
        await invoice(connection, window_no, now=now, actor=actor)
        return await find_window(connection, window_no)


async def invoice(connection: Connection, window_no: int, *, now: datetime, actor: str) -> None:
    """Do so within the caller's transaction."""
    window = await find_window(connection, window_no)
    if has_reached(window.state, "INVOICED"):
        return
    move_window(window.state, "INVOICED")
    if not await claim_move(connection, window_no, from_state="APPROVED", to_state="INVOICED", actor=actor, now=now):
        return
    programme = await load_programme(connection)
    shares = await load_shares(connection, [window_no], programme.currency)
    await take_waiting(connection, window_no, [share.partner for share in shares])
    invoiced_on = now.astimezone(programme.zone).date()
    rules = await load_rules(connection)
    due_on = invoiced_on + timedelta(days=rules.payment_days)
    await set_due(connection, window_no, invoiced_on=invoiced_on, due_on=due_on)
    await move_shares(connection, window_no, from_state="ACCEPTED", to_state="INVOICED", actor=actor, now=now)
    # What is disputed stays held out of it.
    await move_shares(connection, window_no, from_state="DISPUTED", to_state="INVOICED", actor=actor, now=now)
    # Read again: only now is it fixed what is payable, and when.
    shares = await load_shares(connection, [window_no], programme.currency)
    await issue_documents(connection, window_no, shares, issued_on=invoiced_on, now=now, actor=actor)
