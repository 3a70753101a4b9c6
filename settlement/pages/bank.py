"""What goes to the bank and the tax adviser, and what the bank says: files of a window, and a page to take files in."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.web_request import FileField

from coalition.database.pool import Pool
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from settlement.documents.items_file import csv_head, csv_rows
from settlement.engine.bank_account import masked_iban
from settlement.engine.entry_split import parse_pieces
from settlement.engine.match_payments import Match
from settlement.engine.payment_reference import message_reference, share_reference
from settlement.errors import (
    ForeignBankFileError,
    InvalidEntrySplitError,
    SettlementError,
    UnknownBankAccountError,
    UnknownBankEntryError,
    UnknownStatementError,
    UnknownWindowError,
    UnreadableBankFileError,
)
from settlement.operations.book_in_datev import book_in_datev
from settlement.operations.import_bank_file import BankFileReport, import_bank_file
from settlement.operations.list_items import StatementItems, open_items
from settlement.operations.make_payments import DEBITS, TRANSFERS, PaymentFile, make_payments
from settlement.operations.manage_bank_account import list_bank_accounts
from settlement.operations.split_bank_entry import list_unmatched, set_entry_aside, split_bank_entry
from settlement.pages.numbers import number_in_address
from settlement.pages.refusals import told, why
from settlement.pages.windows import window_number

log = structlog.get_logger()

PART_DIGITS_MAX: Final = 6
# The file of one partner whose bank details came late.
_LATE_TRANSFER: Final = re.compile(r"transfers-([0-9]{1,18})\.xml")


@dataclass(frozen=True, slots=True)
class WindowFile:
    name: str
    content: bytes


Download = Callable[[Pool, int], Awaitable[PaymentFile | WindowFile]]


async def download_file(visit: Visit) -> web.StreamResponse:
    """Answer a file of a window for the bank or the tax adviser."""
    await signed_in_operator(visit)
    number, name = window_number(visit.request.match_info["window"]), visit.request.match_info["file"]
    late = _LATE_TRANSFER.fullmatch(name)
    if late is None and name not in _DOWNLOADS:
        raise PageRefusedError(status=404, key="not_found")
    try:
        if late is not None:
            file: PaymentFile | WindowFile = await _payment_file(
                visit.site.pool, number, TRANSFERS, late_partner=int(late[1])
            )
        else:
            file = await _DOWNLOADS[name](visit.site.pool, number)
    except SettlementError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    headers = {
        "Content-Type": "text/csv; charset=windows-1252" if name.endswith(".csv") else "application/xml",
        "Content-Disposition": f'attachment; filename="{file.name}"',
    }
    return web.Response(body=file.content, headers=headers)


async def download_items(visit: Visit) -> web.StreamResponse:
    """Answer all operations behind a statement, read from the journal as they are sent."""
    await signed_in_operator(visit)
    match = visit.request.match_info
    number, partner = window_number(match["window"]), number_in_address(match["partner"])
    try:
        found = await open_items(visit.site.pool, number, partner)
    except (UnknownWindowError, UnknownStatementError) as error:
        raise PageRefusedError(status=404, key="statement_unknown") from error

    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="items-{number}-{partner}.csv"',
    }
    return web.Response(body=_csv_of(found), headers=headers)


async def show_bank(visit: Visit) -> web.StreamResponse:
    """Show where a bank's file is taken in."""
    operator = await signed_in_operator(visit)
    return await _render(visit, may_import="operate" in operator.roles)


async def take_bank_file(visit: Visit) -> web.StreamResponse:
    """Take a bank's file in and show what it brought; a refusal is told, and nothing of the file is taken."""
    operator = await signed_in_operator(visit, "operate")
    # Read already, with its limit of size, when the form's token was checked.
    file = (await visit.request.post()).get("file")
    content = file.file.read() if isinstance(file, FileField) else b""
    if not content:
        return await _render(visit, may_import=True, status=422, fault=visit.word("finance.bank.no_file"))
    try:
        report = await import_bank_file(visit.site.pool, content, now=visit.now, actor=f"operator:{operator.name}")
    except (UnreadableBankFileError, ForeignBankFileError, UnknownBankAccountError) as error:
        log.info("bank.file_refused", operator=operator.name, reason=error.code)
        return await _render(visit, may_import=True, status=422, fault=told(visit, error))
    log.info("bank.file_taken", operator=operator.name, payments=len(report.payments), known=report.known)
    return await _render(visit, may_import=True, report=report)


async def split_unmatched(visit: Visit) -> web.StreamResponse:
    """Book an entry that was not matched by the shares that somebody names, or set it aside; or tell why not."""
    operator = await signed_in_operator(visit, "operate")
    form = await visit.request.post()
    statement, entry, part, typed = (str(form.get(name, "")) for name in ("statement", "entry", "part", "pieces"))
    if not (part.isascii() and part.isdigit() and len(part) <= PART_DIGITS_MAX):
        raise PageRefusedError(status=404, key="not_found")
    named: dict[str, Any] = {"detail": int(part), "now": visit.now, "actor": f"operator:{operator.name}"}
    matches: list[Match] = []
    try:
        if "aside" in form:
            await set_entry_aside(visit.site.pool, statement, entry, **named)
        else:
            # As people of either language type an amount; its parts have to come to the entry, so none is misread.
            pieces = parse_pieces(typed.replace(",", ".").split())
            matches = await split_bank_entry(visit.site.pool, statement, entry, pieces, **named)
    except (InvalidEntrySplitError, UnknownBankEntryError) as error:
        log.info("bank.split_refused", operator=operator.name, reason=error.code)
        fault = visit.word("finance.bank.split.refused", problem=told(visit, error))
        return await _render(visit, may_import=True, status=422, fault=fault, typed=((statement, entry, part), typed))
    log.info("bank.split", operator=operator.name, pieces=len(matches))
    return await _render(visit, may_import=True, split=matches)


async def _render(
    visit: Visit,
    *,
    may_import: bool,
    status: int = 200,
    fault: str | None = None,
    report: BankFileReport | None = None,
    split: Sequence[Match] = (),
    typed: tuple[tuple[str, str, str], str] | None = None,
) -> web.Response:
    """Return the page; `typed` is what was said of which entry (statement, entry, part), and refused."""
    try:
        account = (await list_bank_accounts(visit.site.pool, None))[0].account
    except UnknownBankAccountError:
        account = None
    _, unmatched = await list_unmatched(visit.site.pool)
    return visit.render(
        "finance/bank.html",
        status=status,
        iban=masked_iban(account.iban) if account else None,
        holder=account.holder if account else None,
        may_import=may_import,
        fault=fault,
        report=report,
        unmatched=unmatched,
        typed=dict([typed] if typed else ()),
        why=lambda reason: why(visit, reason),
        split=", ".join(_piece(visit, match) for match in split),
    )


def _piece(visit: Visit, match: Match) -> str:
    named = share_reference(window=match.share.window, partner=match.share.partner) if match.share else ""
    return f"{named} {visit.formats.money(match.amount)} ({visit.word(f'finance.bank.outcome.{match.outcome}')})"


async def _payment_file(pool: Pool, window_no: int, kind: str, *, late_partner: int | None = None) -> PaymentFile:
    made = await make_payments(pool, window_no)
    for file in made.files:
        if (file.kind, file.late_partner) == (kind, late_partner):
            return file
    raise PageRefusedError(status=404, key="not_found")


async def _transfers(pool: Pool, window_no: int) -> PaymentFile:
    return await _payment_file(pool, window_no, TRANSFERS)


async def _debits(pool: Pool, window_no: int) -> PaymentFile:
    return await _payment_file(pool, window_no, DEBITS)


async def _datev(pool: Pool, window_no: int) -> WindowFile:
    content = await book_in_datev(pool, window_no)
    return WindowFile(f"EXTF_{message_reference(window_no)}.csv", content)


_DOWNLOADS: Final[Mapping[str, Download]] = {
    "transfers.xml": _transfers,
    "debits.xml": _debits,
    "datev.csv": _datev,
}


async def _csv_of(found: StatementItems) -> AsyncIterator[bytes]:
    yield csv_head()
    async for page in found.pages:
        yield csv_rows(page, found.zone)
