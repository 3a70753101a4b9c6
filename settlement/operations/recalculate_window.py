"""Recalculate a window that is not invoiced yet, from its books and terms as they are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coalition.database.pool import Connection, Pool
from coalition.stores.windows import lock_windows
from settlement.documents.statement_json import read_json, write_json
from settlement.engine.statement import Statement
from settlement.engine.states import has_reached, move_window
from settlement.operations.make_statements import make_statements
from settlement.stores.disputes import let_fall
from settlement.stores.shares import (
    CalculatedShare,
    delete_shares,
    insert_shares,
    load_statement_contents,
    move_shares,
)
from settlement.stores.windows import Window, claim_move, find_window


@dataclass(frozen=True, slots=True)
class Recalculation:
    """The window, and the partners whose statements are new, different, or gone, in order."""

    window: Window
    changed_partners: tuple[int, ...]


async def recalculate_window(pool: Pool, window_no: int, *, now: datetime, actor: str) -> Recalculation:
    """Take a window from CALCULATED or APPROVED back to CLOSED and on to CALCULATED, in one transaction.

    A statement that comes to the same keeps its bytes, and its dispute. If all do, nothing is moved and an approval
    stands, so that it may be repeated at will; otherwise every other share is CALCULATED again and the window has to be
    approved anew. One that is closed and not calculated is calculated.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it is still open, or invoiced already.
        TieOutError: partners' totals and members' points disagree; what was calculated stays.
    """
    async with pool.acquire() as connection:
        window = await find_window(connection, window_no)
        move_window(window.state, "CLOSED" if has_reached(window.state, "CALCULATED") else "CALCULATED")
        # Before the transaction, as when it is calculated: a closed window's books never change.
        fresh = await make_statements(connection, window, now=now)
        async with connection.transaction():
            changed = await _replace_changed(connection, window_no, fresh, now=now, actor=actor)
        return Recalculation(await find_window(connection, window_no), changed)


async def _replace_changed(
    connection: Connection, window_no: int, fresh: Sequence[Statement], *, now: datetime, actor: str
) -> tuple[int, ...]:
    # First of all, so that what is read here is what is replaced: another may be about the same.
    await lock_windows(connection)
    window = await find_window(connection, window_no)
    contents = await load_statement_contents(connection, window_no)
    kept = {read_json(content).partner: content for content in contents}
    changed = {statement.partner: statement for statement in fresh if not _is_kept(statement, kept)}
    gone = kept.keys() - {statement.partner for statement in fresh}
    if window.state != "CLOSED":
        if not changed and not gone:
            return ()
        await claim_move(connection, window_no, from_state=window.state, to_state="CLOSED", actor=actor, now=now)
        await delete_shares(connection, window_no, [*changed, *gone])
        await let_fall(connection, window_no, [*changed, *gone], now=now, actor=actor)
        await move_shares(connection, window_no, from_state="ACCEPTED", to_state="CALCULATED", actor=actor, now=now)
    await claim_move(connection, window_no, from_state="CLOSED", to_state="CALCULATED", actor=actor, now=now)
    shares = [CalculatedShare(statement, write_json(statement)) for statement in changed.values()]
    await insert_shares(connection, window_no, shares, now=now)
    return tuple(sorted(changed.keys() | gone))


def _is_kept(statement: Statement, kept: Mapping[int, bytes]) -> bool:
    """Say whether a partner's kept statement says the same, leaving aside when it was made."""
    content = kept.get(statement.partner)
    if content is None:
        return False
    return write_json(replace(statement, made_at=read_json(content).made_at)) == content
