"""Entries of a bank that were not matched: list them, and say what one of them is of, or that it is of no share."""

from collections.abc import Sequence
from datetime import datetime

from coalition.database.pool import Pool
from coalition.stores.windows import lock_windows
from settlement.engine.entry_split import SplitPiece, split_entry
from settlement.engine.match_payments import Match
from settlement.engine.money import Currency
from settlement.errors import UnknownBankEntryError
from settlement.operations.take_bank_payments import end_run, load_open_shares, open_run, take_match
from settlement.stores.bank_statements import UnmatchedEntry, find_unmatched, load_unmatched, set_aside, split_off
from settlement.stores.hub import load_programme

# On the page and in the list; who has more takes the oldest first.
UNMATCHED_MAX = 200


async def list_unmatched(pool: Pool) -> tuple[Currency, list[UnmatchedEntry]]:
    """Return the entries that wait for somebody to say what they are of, the oldest first."""
    async with pool.acquire() as connection:
        currency = (await load_programme(connection)).currency
        return currency, await load_unmatched(connection, currency, count_max=UNMATCHED_MAX)


async def split_bank_entry(
    pool: Pool,
    statement_id: str,
    entry_reference: str,
    pieces: Sequence[SplitPiece],
    *,
    detail: int = 1,
    now: datetime,
    actor: str,
) -> list[Match]:
    """Take an entry that was not matched for what its pieces say, all of them or none; return what they did.

    The entry stays as the bank told it, and its pieces are kept beside it.

    Raises:
        UnknownBankEntryError: there is no such entry that waits to be matched.
        InvalidEntrySplitError: the pieces do not add up to it, or a share can't have its piece; names every one.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        run = await open_run(connection, now=now, actor=actor)
        entry = await find_unmatched(connection, statement_id, entry_reference, detail, run.currency)
        if entry is None:
            raise UnknownBankEntryError(statement=statement_id, entry=entry_reference, part=detail)
        await load_open_shares(run, {piece.share.window for piece in pieces})
        matches = split_entry(entry.amount, pieces, run.shares, run.currency)
        details = await split_off(connection, entry, matches, run.charges, run.currency, now=now, actor=actor)
        for number, match in zip(details, matches, strict=True):
            await take_match(run, match, f"{statement_id}/{entry_reference}/{number}", entry.booked_on)
        await end_run(run)
        return matches


async def set_entry_aside(
    pool: Pool, statement_id: str, entry_reference: str, *, detail: int = 1, now: datetime, actor: str
) -> None:
    """Say that an entry that was not matched is of no share, as a rent: nobody is asked for it any more.

    Raises:
        UnknownBankEntryError: there is no such entry that waits to be matched.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        currency = (await load_programme(connection)).currency
        entry = await find_unmatched(connection, statement_id, entry_reference, detail, currency)
        if entry is None:
            raise UnknownBankEntryError(statement=statement_id, entry=entry_reference, part=detail)
        await set_aside(connection, entry, now=now, actor=actor)
