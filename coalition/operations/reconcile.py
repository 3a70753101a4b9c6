"""Compare a partner's own books with the journal: a day's control totals, or its lines; nothing is written."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from coalition.database.pool import Connection, Pool
from coalition.errors import NotFoundError, WindowArchivedError
from coalition.journal.reconciliation import (
    NOTHING,
    DayTotals,
    Difference,
    JournalLine,
    OwnLine,
    comparable_through,
    compare_lines,
    period_of,
    sales_begins,
)
from coalition.ledger.expiry import start_of
from coalition.ledger.operation import AHEAD_MINUTES_MAX
from coalition.stores.lanes import load_lanes
from coalition.stores.past_records import load_archived, refuse_archived
from coalition.stores.reconciliations import (
    TYPE_OF_KIND,
    JournalRow,
    Span,
    find_windows_of_days,
    load_days,
    load_last_sales,
    load_lines,
    load_named,
    load_openings,
    load_sales_of_window,
    load_spans,
    read_by_keys,
)

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    def boundaries(self, zone: ZoneInfo) -> list[datetime]:
        """Return when each day begins, and when the last one ends."""
        count = (self.last - self.first).days + 1
        return [start_of(self.first + number * ONE_DAY, zone) for number in range(count + 1)]


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """A day on which either has anything; `late` of the hub's operations are of an earlier window's time."""

    day: date
    agrees: bool
    late: int
    partner: DayTotals
    hub: DayTotals


@dataclass(frozen=True, slots=True)
class ComparedLines:
    """The differences up to `next`, the id after which to go on; None: to the end."""

    differences: list[Difference]
    next: str | None


@dataclass(frozen=True, slots=True)
class OwnLines:
    """A day's lines after the id `after`, sorted by it; `has_more`: further ones lie behind them."""

    day: date
    lines: Sequence[OwnLine]
    after: str = ""
    has_more: bool = False


async def compare_days(
    pool: Pool,
    *,
    partner: int,
    zone: ZoneInfo,
    own: Mapping[date, DayTotals],
    days: Days | None,
    window: int | None,
    names_windows: bool,
) -> list[ComparedDay]:
    """Compare control totals for all days of a period, or of a window: exactly one of both is given.

    Raises NotFoundError for a window that was never opened, WindowArchivedError where one of them is archived."""
    async with _reading(pool) as connection:
        if window is not None:
            days = await _days_of_window(connection, window, zone)
        found = {} if days is None else await _load_days(connection, partner, days, window, zone, names_windows)
    compared = []
    for day in sorted(own.keys() | found.keys()):
        late, hub = found.get(day, (0, NOTHING))
        mine = own.get(day, NOTHING)
        compared.append(ComparedDay(day, _is_same(mine, hub), late, mine, hub))
    return compared


def _is_same(mine: DayTotals, hub: DayTotals) -> bool:
    points = {name: points for name, points in mine.points.items() if points}
    return (mine.count, mine.digest, points) == (hub.count, hub.digest, hub.points)


async def _load_days(
    connection: Connection, partner: int, days: Days, window: int | None, zone: ZoneInfo, names_windows: bool
) -> dict[date, tuple[int, DayTotals]]:
    boundaries = days.boundaries(zone)
    spans = await _spans(connection, boundaries, window, zone)
    begins = {window_no: begin for begin, window_no in await _load_begins(connection)}
    rows = await load_days(
        connection, spans, partner=partner, boundaries=boundaries, begins=begins, names_windows=names_windows
    )
    return {days.first + row.day * ONE_DAY: (row.late, row.totals) for row in rows}


async def compare_page(
    pool: Pool, *, partner: int, zone: ZoneInfo, own: OwnLines, window: int | None, booked_max: int
) -> ComparedLines:
    """Compare a day's lines, all or those of one window, with at most `booked_max` of the journal's.

    Raises as `compare_days`."""
    boundaries = Days(own.day, own.day).boundaries(zone)
    async with _reading(pool) as connection:
        begins = await _load_begins(connection)
        if window is not None:
            _refuse_unknown(window, begins)
        rows = await load_lines(
            connection,
            await _spans(connection, boundaries, window, zone),
            partner=partner,
            first=boundaries[0],
            end=boundaries[-1],
            after=own.after,
            through=own.lines[-1].id if own.has_more else None,
            count_max=booked_max + 1,
        )
        booked = [_journal_line(row, begins, zone) for row in rows]
        through = comparable_through(own.lines, has_more=own.has_more, booked=booked, booked_max=booked_max)
        if through is not None:
            booked = [line for line in booked if line.id <= through]
        lines = [line for line in own.lines if through is None or line.id <= through]
        missing = {line.id for line in lines} - {line.id for line in booked}
        named = await load_named(connection, await load_lanes(connection), partner=partner, operation_ids=missing)
    elsewhere = {row.operation_id: _journal_line(row, begins, zone) for row in named}
    return ComparedLines(compare_lines(lines, booked, elsewhere, day=own.day, window=window), through)


@asynccontextmanager
async def _reading(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        await read_by_keys(connection)
        yield connection


async def _spans(
    connection: Connection, boundaries: Sequence[datetime], window: int | None, zone: ZoneInfo
) -> list[Span]:
    """Return the leaves that can hold what occurred between the boundaries: of a window, or of all that do."""
    lanes = await load_lanes(connection)
    if window is not None:
        await refuse_archived(connection, [window])
        return await load_spans(connection, lanes, [window])
    held = await find_windows_of_days(
        connection,
        lanes,
        closed_after=boundaries[0] - timedelta(minutes=AHEAD_MINUTES_MAX),
        first=boundaries[0],
        end=boundaries[-1],
    )
    archived = await load_archived(connection, {window_no for _, window_no in held})
    if archived:
        last_sales = await load_last_sales(connection, lanes)
        last_day = max(last_sales[window_no] for window_no in archived).astimezone(zone).date()
        raise WindowArchivedError(window_no=archived[0], readable_from=last_day + ONE_DAY)
    spans = await load_spans(connection, lanes, {window_no for _, window_no in held})
    return [span for span in spans if (span.lane, span.window_no) in held]


async def _load_begins(connection: Connection) -> list[tuple[datetime, int]]:
    """Return when each window began for sales, in order."""
    return sales_begins(
        await load_openings(connection), await load_last_sales(connection, await load_lanes(connection))
    )


async def _days_of_window(connection: Connection, window: int, zone: ZoneInfo) -> Days | None:
    """Return the days of all that was booked in a window; None: nothing was."""
    _refuse_unknown(window, await load_openings(connection))
    sales = await load_sales_of_window(connection, await load_lanes(connection), window)
    return None if sales is None else Days(sales[0].astimezone(zone).date(), sales[1].astimezone(zone).date())


def _refuse_unknown(window: int, windows: Sequence[tuple[datetime, int]]) -> None:
    if all(window != window_no for _, window_no in windows):
        raise NotFoundError(f"There is no window {window}; the newest is {windows[-1][1]}.")


def _journal_line(row: JournalRow, begins: Sequence[tuple[datetime, int]], zone: ZoneInfo) -> JournalLine:
    return JournalLine(
        id=row.operation_id,
        type=TYPE_OF_KIND[row.kind],
        points=row.points,
        window=row.window_no,
        # A till's clock may be ahead of the window in which it was booked.
        period=min(period_of(row.occurred_at, begins), row.window_no),
        day=row.occurred_at.astimezone(zone).date(),
        occurred_at=row.occurred_at,
        booked_at=row.booked_at,
        lane=row.lane,
        leaf=row.leaf,
        code=row.code,
    )
