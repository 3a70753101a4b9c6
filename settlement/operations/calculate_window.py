"""Calculate a closed window: tie it out, price it, and keep each partner's statement."""

from datetime import datetime

from coalition.database.pool import Pool
from settlement.documents.statement_json import write_json
from settlement.engine.states import has_reached, move_window
from settlement.operations.make_statements import make_statements
from settlement.stores.shares import CalculatedShare, insert_shares
from settlement.stores.windows import Window, claim_move, find_window


async def calculate_window(pool: Pool, window_no: int, *, now: datetime, actor: str) -> Window:
    """Take a window from CLOSED to CALCULATED; one that is there or past it stays as it is.

    A partner has a share if anything is billed to it: operations, its points redeemed elsewhere, blocks, a platform
    fee. The fee is that of the terms valid when the window opened, owed by each partner that joined before its end and
    has not left.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it is still open.
        TieOutError: partners' totals and members' points disagree, or the two books of points; nothing is written.
    """
    async with pool.acquire() as connection:
        window = await find_window(connection, window_no)
        if has_reached(window.state, "CALCULATED"):
            return window
        move_window(window.state, "CALCULATED")
        # A closed window's books never change, so they may be read before the transaction. They have to be: on Citus
        # a transaction that has read lane tables may not write reference tables.
        statements = await make_statements(connection, window, now=now)
        shares = [CalculatedShare(statement, write_json(statement)) for statement in statements]
        async with connection.transaction():
            if await claim_move(
                connection, window_no, from_state="CLOSED", to_state="CALCULATED", actor=actor, now=now
            ):
                await insert_shares(connection, window_no, shares, now=now)
        return await find_window(connection, window_no)
