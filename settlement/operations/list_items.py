"""The operations behind a partner's statement: all of them as a stream, or a page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from coalition.database.pool import Pool
from settlement.documents.statement_json import read_json
from settlement.engine.item import Item, ItemPlace, ItemPrices
from settlement.engine.statement import Statement
from settlement.operations.find_statement import find_statement
from settlement.stores.hub import load_programme
from settlement.stores.items import load_items

PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class StatementItems:
    """A statement, the programme's time zone, and the items that the statement counts, page by page."""

    statement: Statement
    zone: ZoneInfo
    pages: AsyncIterator[list[Item]]


async def open_items(pool: Pool, window_no: int, partner: int) -> StatementItems:
    """Return a statement with all of its items, which are read as they are taken.

    No transaction is held open between pages: a closed window's journal never changes.

    Raises:
        UnknownWindowError, UnknownStatementError: there is no such statement.
    """
    statement = read_json(await find_statement(pool, window_no, partner))
    async with pool.acquire() as connection:
        zone = (await load_programme(connection)).zone
    return StatementItems(statement, zone, _priced(pool, statement))


async def page_items(
    pool: Pool, window_no: int, partner: int, *, after: ItemPlace | None, count_max: int
) -> tuple[ZoneInfo, list[Item]]:
    """Return the programme's zone and the items after a place; none: there are no more. Raises as `open_items`."""
    statement = read_json(await find_statement(pool, window_no, partner))
    prices = ItemPrices(statement.lines)
    async with pool.acquire() as connection:
        booked = await load_items(connection, window_no, partner, after=after, count_max=count_max)
        zone = (await load_programme(connection)).zone
    return zone, [prices.price(item) for item in booked]


async def _priced(pool: Pool, statement: Statement) -> AsyncIterator[list[Item]]:
    prices = ItemPrices(statement.lines)
    window_no, partner = statement.period.window, statement.partner
    after: ItemPlace | None = None
    while True:
        # A connection for each page: whoever reads slowly keeps none.
        async with pool.acquire() as connection:
            booked = await load_items(connection, window_no, partner, after=after, count_max=PAGE)
        if not booked:
            return
        yield [prices.price(item) for item in booked]
        after = booked[-1].place
