"""Book a window in DATEV: its batch, and the settings by which it is made."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from coalition.database.pool import Connection, Pool
from settlement.documents.datev_csv import DatevHeader, write_datev
from settlement.documents.statement_json import read_json
from settlement.engine.datev import (
    ACCOUNT_DIGITS_MAX,
    ACCOUNT_DIGITS_MIN,
    CLIENT_MAX,
    CLIENT_MIN,
    CONSULTANT_MAX,
    CONSULTANT_MIN,
    BookedStatement,
    DatevAccounts,
    book_statements,
    booking_problems,
)
from settlement.engine.document import Document
from settlement.engine.payment_reference import message_reference
from settlement.engine.states import has_reached
from settlement.errors import DatevRefusedError, FieldProblem, InvalidDatevSettingsError
from settlement.stores.datev import DatevSettings, load_datev_settings, store_datev_settings
from settlement.stores.hub import Programme, load_programme
from settlement.stores.shares import load_shares, load_statement_contents
from settlement.stores.tax_documents import load_documents
from settlement.stores.windows import find_window, load_moves
from settlement.worded import Worded

_DOCUMENTS: dict[str, Document] = {"invoice": "invoice", "self_billed_invoice": "credit_note"}
# Accounts of the ledger have as many digits as are set, personal accounts one more.
_LEDGER = ("points", "service_fee", "commission", "platform_fee", "bank", "bank_fees")
_PERSONAL = ("debtor_base", "creditor_base")


async def book_in_datev(pool: Pool, window_no: int) -> bytes:
    """Return an invoiced window's booking batch (EXTF); the same bytes each time, but for settings that changed.

    Documents are named by their numbers, those without one by their statement's. Corrections are booked by month.

    Raises:
        UnknownWindowError: there is no such window.
        DatevRefusedError: it is not invoiced, nobody has set adviser and client, or it cannot be booked; every reason.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        settings = await load_datev_settings(connection)
        programme = await load_programme(connection)
        window = await find_window(connection, window_no)
        if not has_reached(window.state, "INVOICED"):
            raise DatevRefusedError(problems=[Worded.of("not_invoiced", window=window_no, state=window.state)])
        moves = await load_moves(connection, window_no)
        made_at = next(move.moved_at for move in moves if move.to_state == "INVOICED").astimezone(programme.zone)
        booked = await _booked(connection, window_no, settings)
    problems = [*adviser_problems(settings), *booking_problems(booked, settings.accounts)]
    if problems:
        raise DatevRefusedError(problems=problems)
    header = datev_header(settings, programme, made_at=made_at, name=message_reference(window_no))
    return write_datev(header, book_statements(window_no, booked, settings.accounts))


def adviser_problems(settings: DatevSettings) -> list[Worded]:
    """Return why nothing can be booked as long as nobody has said for whom."""
    if settings.consultant is None or settings.client is None:
        return [Worded.of("adviser")]
    return []


def datev_header(settings: DatevSettings, programme: Programme, *, made_at: datetime, name: str) -> DatevHeader:
    """Return the header of a batch; the numbers of the tax adviser and of the client are set."""
    assert settings.consultant is not None, "who calls this has refused without"
    assert settings.client is not None, "who calls this has refused without"
    return DatevHeader(
        consultant=settings.consultant,
        client=settings.client,
        fiscal_year_month=settings.fiscal_year_month,
        account_digits=settings.accounts.account_digits,
        made_at=made_at,
        name=f"{name} {programme.name}",
        currency=programme.currency.code,
    )


async def change_datev_settings(pool: Pool, changes: Mapping[str, Any]) -> DatevSettings:
    """Change those settings that are named, VAT accounts by treatment, and leave the others; return all.

    Raises:
        InvalidDatevSettingsError: numbers are beyond the format; names every field.
    """
    async with pool.acquire() as connection, connection.transaction():
        before = await load_datev_settings(connection)
        names = {field.name for field in fields(DatevAccounts)}
        of_accounts = {name: value for name, value in changes.items() if name in names}
        for name in ("output_vat", "input_vat"):
            if name in of_accounts:
                of_accounts[name] = {**getattr(before.accounts, name), **of_accounts[name]}
        others = {name: value for name, value in changes.items() if name not in names}
        settings = replace(before, accounts=replace(before.accounts, **of_accounts), **others)
        problems = list(_problems(settings))
        if problems:
            raise InvalidDatevSettingsError(problems=problems)
        await store_datev_settings(connection, settings)
        return settings


async def _booked(connection: Connection, window_no: int, settings: DatevSettings) -> list[BookedStatement]:
    programme = await load_programme(connection)
    shares = {share.partner: share for share in await load_shares(connection, [window_no], programme.currency)}
    numbers: dict[tuple[int, Document], str] = {
        (document.partner, _DOCUMENTS[document.kind]): document.number
        for document in await load_documents(connection, window_no, programme.currency)
        if document.corrects is None and document.kind in _DOCUMENTS
    }
    booked = []
    for content in await load_statement_contents(connection, window_no):
        statement = read_json(content)
        share = shares[statement.partner]
        # Windows that were settled before invoices had days are of the day on which they were calculated.
        issued_on = share.invoiced_on or statement.made_at.date()
        booked.append(
            BookedStatement(
                statement=statement,
                numbers={name: number for (partner, name), number in numbers.items() if partner == statement.partner},
                issued_on=issued_on,
                due_on=share.due_on or issued_on,
            )
        )
    return booked


def _problems(settings: DatevSettings) -> Iterator[FieldProblem]:
    accounts = settings.accounts
    least_personal = 10**accounts.account_digits
    limits: list[tuple[str, int | None, int, int]] = [
        ("consultant", settings.consultant, CONSULTANT_MIN, CONSULTANT_MAX),
        ("client", settings.client, CLIENT_MIN, CLIENT_MAX),
        ("fiscal_year_month", settings.fiscal_year_month, 1, 12),
        ("account_digits", accounts.account_digits, ACCOUNT_DIGITS_MIN, ACCOUNT_DIGITS_MAX),
        *((name, getattr(accounts, name), 1, least_personal - 1) for name in _LEDGER),
        *((name, getattr(accounts, name), least_personal, 10 * least_personal - 1) for name in _PERSONAL),
    ]
    for name in ("output_vat", "input_vat"):
        by_treatment = getattr(accounts, name).items()
        limits += [(f"{name} {treatment}", number, 1, least_personal - 1) for treatment, number in by_treatment]
    for field, value, least, most in limits:
        if value is not None and not least <= value <= most:
            yield FieldProblem.of(field, expected=f"{least} to {most}", got=value)
    if accounts.debtor_base >= accounts.creditor_base:
        expected = f"less than creditor_base {accounts.creditor_base}"
        yield FieldProblem.of("debtor_base", expected=expected, got=accounts.debtor_base)
