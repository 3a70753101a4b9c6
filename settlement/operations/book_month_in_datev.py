"""Book in DATEV what is of a month and of no window: corrections, and the bank's payments."""

from datetime import date, datetime, time, timedelta
from typing import Final

from coalition.database.pool import Pool
from settlement.documents.datev_csv import write_datev
from settlement.documents.invoice_json import read_invoice_json
from settlement.engine.datev_month import book_month, month_problems
from settlement.errors import DatevRefusedError
from settlement.operations.book_in_datev import adviser_problems, datev_header
from settlement.stores.datev import load_bank_fees, load_bank_payments, load_datev_settings
from settlement.stores.hub import load_programme
from settlement.stores.tax_documents import load_corrections_issued
from settlement.worded import Worded

YEAR_MIN: Final = 2000


async def book_month_in_datev(pool: Pool, month: date, *, now: datetime) -> bytes:
    """Return the booking batch (EXTF) of the month that begins with a day; the same bytes as long as nothing is
    recorded of that month afterwards.

    Raises:
        DatevRefusedError: the month is not over, nobody has set adviser and client, or it cannot be booked.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        settings = await load_datev_settings(connection)
        programme = await load_programme(connection)
        today = now.astimezone(programme.zone).date()
        if not date(YEAR_MIN, 1, 1) <= month < today.replace(day=1):
            problem = Worded.of("month_open", first=f"{YEAR_MIN}-01", end=f"{today:%Y-%m}", month=f"{month:%Y-%m}")
            raise DatevRefusedError(problems=[problem])
        following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
        start, end = (datetime.combine(day, time.min, programme.zone) for day in (month.replace(day=1), following))
        contents = await load_corrections_issued(connection, start=start, end=end)
        payments = await load_bank_payments(connection, programme.currency, start=start.date(), end=end.date())
        fees = await load_bank_fees(connection, programme.currency, start=start.date(), end=end.date())
    corrections = [read_invoice_json(content) for content in contents]
    problems = [*adviser_problems(settings), *month_problems(corrections, payments, settings.accounts, fees)]
    if problems:
        raise DatevRefusedError(problems=problems)
    # The batch is of its last second: its stamp and its period do not depend on when it is written.
    header = datev_header(settings, programme, made_at=end - timedelta(seconds=1), name=f"{month:%Y-%m}")
    return write_datev(header, book_month(corrections, payments, settings.accounts, fees))
