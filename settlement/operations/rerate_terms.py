"""Say what past windows would have cost each partner under a draft of terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from coalition.database.pool import Connection, Pool
from settlement.engine.rerate import Rerating, rerate
from settlement.engine.states import has_reached
from settlement.errors import InvalidPeriodError, UnknownDraftError, UnknownPartnerError
from settlement.operations.add_terms import TermsChange, next_version
from settlement.operations.make_statements import load_books
from settlement.stores.hub import Programme, load_partner_names, load_programme
from settlement.stores.terms import load_terms
from settlement.stores.terms_drafts import find_draft
from settlement.stores.windows import Window, load_windows

WINDOWS_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Windows by number, or by the days on which they were open; both ends are part of it, None leaves one open."""

    first_window: int | None = None
    last_window: int | None = None
    first_day: date | None = None
    last_day: date | None = None

    def has(self, window: Window, programme: Programme) -> bool:
        """Say whether a closed window is in the period."""
        assert window.closed_at is not None, "a closed window knows when it was closed"
        return (
            (self.first_window is None or self.first_window <= window.window_no)
            and (self.last_window is None or window.window_no <= self.last_window)
            and (self.first_day is None or _start(self.first_day, programme) < window.closed_at)
            and (self.last_day is None or window.opened_at < _start(self.last_day + timedelta(days=1), programme))
        )


@dataclass(frozen=True, slots=True)
class ReratingReport:
    """A re-rating with the names of its partners."""

    partner: int
    names: dict[int, str]
    rerating: Rerating


async def rerate_terms(
    pool: Pool, partner: int, period: Period, *, change: TermsChange, draft_no: int | None = None, now: datetime
) -> ReratingReport:
    """Price closed windows anew under other terms of a partner: those of a draft, or its last ones with a change.

    Nothing is written.

    Raises:
        UnknownPartnerError, UnknownDraftError: there is no such partner, or no such draft of this partner.
        InvalidTermsError: the change breaks a limit.
        InvalidPeriodError: no closed window is in the period, or more than can be billed at once.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        programme = await load_programme(connection)
        names = await load_partner_names(connection)
        if partner not in names:
            raise UnknownPartnerError(partner=partner)
        windows = await _windows(connection, period, programme)
        versions = await load_terms(connection, partner, programme)
        if draft_no is None:
            drafted = next_version(
                versions, partner, change, programme=programme, valid_from=now, now=now, actor="", is_trial=True
            )
        else:
            draft = await find_draft(connection, draft_no, programme, is_locked=False)
            if draft is None or draft.partner != partner:
                raise UnknownDraftError(draft=draft_no)
            drafted = draft.stored
        books = [await load_books(connection, window, programme) for window in windows]
    return ReratingReport(partner, names, rerate(books, drafted.terms, programme.currency))


async def _windows(connection: Connection, period: Period, programme: Programme) -> Sequence[Window]:
    closed = [
        window
        for window in await load_windows(connection, after=0, count_max=1_000_000)
        if has_reached(window.state, "CLOSED") and period.has(window, programme)
    ]
    if not 1 <= len(closed) <= WINDOWS_MAX:
        raise InvalidPeriodError(expected=f"1 to {WINDOWS_MAX} closed windows", actual=len(closed))
    return closed


def _start(day: date, programme: Programme) -> datetime:
    return datetime.combine(day, time(), programme.zone)
