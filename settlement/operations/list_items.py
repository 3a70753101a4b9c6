"""The operations behind a partner's statement: all of them as a stream, or a page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from coalition.database.pool import Connection, Pool
from coalition.stores.past_records import refuse_archived
from settlement.documents.statement_json import read_json
from settlement.engine.item import BookedItem, Item, ItemPlace, ItemPrices, Overdraft
from settlement.engine.statement import Statement
from settlement.engine.terms import funding_of_month
from settlement.operations.find_statement import find_statement
from settlement.stores.hub import Programme, load_programme
from settlement.stores.items import FIRST_PLACE, ItemsWanted, load_issued_before, load_items, load_months
from settlement.stores.terms import load_terms

PAGE: Final = 5_000
# Of the part of an operation with which a page begins, as many rows may be on the page before.
ROWS_OF_A_PART: Final = 3


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
        WindowArchivedError: its operations are in a file.
    """
    statement = read_json(await find_statement(pool, window_no, partner))
    async with pool.acquire() as connection:
        # At once, and not with the first page: by then its heading may be written.
        await refuse_archived(connection, [window_no])
        programme = await load_programme(connection)
        reader = await _open_reader(connection, statement, programme)
    return StatementItems(statement, programme.zone, _pages(pool, reader))


async def page_items(
    pool: Pool, window_no: int, partner: int, *, after: ItemPlace | None, count_max: int
) -> tuple[ZoneInfo, list[Item]]:
    """Return the programme's zone and the items after a place; none: there are no more. Raises as `open_items`."""
    statement = read_json(await find_statement(pool, window_no, partner))
    async with pool.acquire() as connection:
        programme = await load_programme(connection)
        reader = await _open_reader(connection, statement, programme)
        return programme.zone, await reader.page(connection, after=after, count_max=count_max)


async def load_months_at_burn(connection: Connection, window_no: int, partner: int, programme: Programme) -> list[date]:
    """Return the months of sale whose points a partner pays for at burn, of those that moved in a window."""
    versions = [stored.terms for stored in await load_terms(connection, partner, programme)]
    months = await load_months(connection, window_no, partner, lanes=programme.lanes)
    return [month for month in months if funding_of_month(versions, month) == "issuer_pays"]


async def _pages(pool: Pool, reader: "_Reader") -> AsyncIterator[list[Item]]:
    after: ItemPlace | None = None
    while True:
        # A connection for each page: whoever reads slowly keeps none.
        async with pool.acquire() as connection:
            page = await reader.page(connection, after=after, count_max=PAGE)
        if not page:
            return
        yield page
        after = page[-1].booked.place


async def _open_reader(connection: Connection, statement: Statement, programme: Programme) -> "_Reader":
    prices = ItemPrices(statement.lines)
    window_no, partner = statement.period.window, statement.partner
    months: list[date] = []
    if prices.has_burns or prices.cover is not None:
        months = await load_months_at_burn(connection, window_no, partner, programme)
    wanted = ItemsWanted(
        window_no=window_no,
        partner=partner,
        has_burns=prices.has_burns,
        has_cover=prices.cover is not None,
        months_at_burn=months,
        deferred_versions=prices.deferred_versions,
    )
    return _Reader(statement, prices, wanted)


class _Reader:
    """Reads a statement's items; page after page it remembers what was drawn on blocks before, else it looks it up."""

    def __init__(self, statement: Statement, prices: ItemPrices, wanted: ItemsWanted) -> None:
        self._blocks = None if prices.overdraft is None else statement.blocks
        self._prices = prices
        self._wanted = wanted
        self._issued_before: tuple[ItemPlace | None, int] = (None, 0)

    async def page(self, connection: Connection, *, after: ItemPlace | None, count_max: int) -> list[Item]:
        """Return the items after a place; none: there are no more."""
        since = FIRST_PLACE if after is None else after
        booked = await load_items(connection, self._wanted, since=since, count_max=count_max + ROWS_OF_A_PART)
        overdraft = None
        if self._blocks is not None:
            overdraft = Overdraft(self._blocks, issued_before=await self._issued(connection, after))
        priced = self._priced(booked, overdraft)
        page = [(item, issued) for item, issued in priced if after is None or item.booked.place > after][:count_max]
        if page:
            self._issued_before = (page[-1][0].booked.place, page[-1][1])
        return [item for item, _ in page]

    def _priced(self, booked: list[BookedItem], overdraft: Overdraft | None) -> list[tuple[Item, int]]:
        """Return the items with rows for what lies beyond the blocks, each with what was drawn before its part."""
        if overdraft is None:
            return [(self._prices.price(item), 0) for item in booked]
        items: list[tuple[Item, int]] = []
        part, issued = None, overdraft.issued
        for item in booked:
            if item.place[:3] != part:
                part, issued = item.place[:3], overdraft.issued
            items.append((self._prices.price(item), issued))
            if self._prices.is_prepaid(item) and (points := overdraft.draw(item)):
                items.append((self._prices.overdraft_item(item, points), issued))
        return items

    async def _issued(self, connection: Connection, after: ItemPlace | None) -> int:
        place, issued = self._issued_before
        if after is None or after == place:
            return 0 if after is None else issued
        return await load_issued_before(connection, self._wanted, after, versions=self._prices.prepaid_versions)
