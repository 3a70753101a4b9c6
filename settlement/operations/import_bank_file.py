"""Take a bank's file in: what it says was paid, is paid; what it says beyond that is told."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.stores.windows import lock_windows
from settlement.documents.camt053 import read_camt053
from settlement.engine.bank_statement import BankEntry, BankStatement, EntryPart
from settlement.engine.match_payments import (
    Match,
    Outcome,
    match_part,
    match_share,
    named_documents,
    named_shares,
    split_batch,
    unlike_batch,
)
from settlement.engine.money import Currency
from settlement.engine.payment_reference import ShareReference
from settlement.errors import (
    ForeignBankFileError,
    PaymentFileRefusedError,
    UnknownBankAccountError,
    UnknownWindowError,
    UnreadableBankFileError,
)
from settlement.operations.make_payments import order_window
from settlement.operations.take_bank_payments import BankRun, end_run, load_open_shares, open_run, take_match
from settlement.stores.bank_accounts import load_operator_accounts
from settlement.stores.bank_statements import (
    KeptEntry,
    insert_entries,
    keep_statement,
    load_early_entries,
    load_known_entries,
    set_outcome,
)
from settlement.stores.hub import load_programme
from settlement.stores.tax_documents import load_document_shares
from settlement.worded import Worded

_BATCH = re.compile(r"W([0-9]{5,9})(-P[0-9]{5,18})?-(CT|CORE|B2B)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPayment:
    """One payment and what it was taken for; `line` and `entry_no` say where it stands, 0: in an earlier file. Its
    entry's reference and `detail` name it."""

    statement_id: str
    entry_reference: str
    detail: int
    entry_no: int
    line: int
    amount: Decimal
    booked_on: date
    counterparty: str | None
    remittance: str
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFileReport:
    """What a file brought: its new payments in order; `known` counts entries that were taken in before, `pending` those
    that the bank has not booked yet."""

    statement_ids: tuple[str, ...]
    currency: Currency
    payments: tuple[ImportedPayment, ...]
    known: int
    pending: int
    settled_windows: tuple[int, ...]

    def of(self, *outcomes: Outcome) -> list[ImportedPayment]:
        """Return the payments of some outcomes."""
        return [payment for payment in self.payments if payment.match.outcome in outcomes]


async def import_bank_file(pool: Pool, content: bytes, *, now: datetime, actor: str) -> BankFileReport:
    """Take the statements of a camt.053 file in: all of it in one transaction, or nothing.

    A share that is paid in full becomes PAID, and a window whose last share it is SETTLED. What came back is owed
    again, and what was paid too much is payable with the partner's next share. An entry is taken once, by its
    statement's id and its own reference, in whichever file it comes.

    Raises:
        UnreadableBankFileError: the file is damaged or hostile, does not add up, or tells an entry anew with another
            amount; names its line.
        ForeignBankFileError: it is of another account or currency; names its line.
        UnknownBankAccountError: the operator has not written down his account.
    """
    # Off the event loop, which has others waiting for it.
    statements = await asyncio.to_thread(read_camt053, content)
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        programme = await load_programme(connection)
        await _refuse_foreign(connection, statements, programme.currency)
        run = await open_run(connection, now=now, actor=actor)
        payments = await _take_early(run)
        known = 0
        for statement in statements:
            taken, known_of_statement = await _take_statement(run, statement)
            payments += taken
            known += known_of_statement
        settled_windows = await end_run(run)
    return BankFileReport(
        statement_ids=tuple(statement.statement_id for statement in statements),
        currency=programme.currency,
        payments=tuple(payments),
        known=known,
        pending=sum(statement.pending for statement in statements),
        settled_windows=settled_windows,
    )


async def _refuse_foreign(connection: Connection, statements: Sequence[BankStatement], currency: Currency) -> None:
    ours = {stored.account.iban for stored in await load_operator_accounts(connection)}
    if not ours:
        raise UnknownBankAccountError(party="the operator")
    for statement in statements:
        if statement.iban not in ours:
            expected = " or ".join(sorted(ours))
            raise ForeignBankFileError(
                line=statement.line, what="the account", expected=expected, actual=statement.iban[:40]
            )
        if statement.currency != currency.code:
            raise ForeignBankFileError(
                line=statement.line, what="the currency", expected=currency.code, actual=statement.currency[:20]
            )
        for entry in statement.entries:
            if any(part.amount != round(part.amount, currency.minor_units) for part in entry.parts):
                problem = Worded.of("entry_decimals", entry=entry.number, most=currency.minor_units)
                raise UnreadableBankFileError(line=entry.line, problem=problem)


async def _take_statement(run: BankRun, statement: BankStatement) -> tuple[list[ImportedPayment], int]:
    number = await keep_statement(run.connection, statement, run.currency, now=run.now, actor=run.actor)
    known = await load_known_entries(run.connection, number, run.currency)
    for entry in statement.entries:
        if known.get(entry.reference, entry.amount) != entry.amount:
            amounts = {"before": known[entry.reference], "amount": entry.amount}
            problem = Worded.of("entry_changed", entry=entry.number, **amounts)
            raise UnreadableBankFileError(line=entry.line, problem=problem)
    fresh = [entry for entry in statement.entries if entry.reference not in known]
    await _load_named(run, (part for entry in fresh for part in entry.parts))
    batches = await _load_batches(run, fresh)
    kept: list[KeptEntry] = []
    payments: list[ImportedPayment] = []
    for entry in fresh:
        parts = [payment for part in entry.parts for payment in split_batch(part, batches, run.documents)]
        for detail, part in enumerate(parts, start=1):
            match = match_part(part, run.shares, run.documents)
            if match.outcome == "unmatched" and match.share is None and part.batch in batches:
                match = unlike_batch(part, batches[part.batch])
            await take_match(run, match, f"{statement.statement_id}/{entry.reference}/{detail}", entry.booked_on)
            kept.append(_kept(run, entry, detail, part, match))
            payments.append(_imported(statement, entry, detail, part, match))
    await insert_entries(run.connection, number, kept, run.currency)
    return payments, len(statement.entries) - len(fresh)


async def _take_early(run: BankRun) -> list[ImportedPayment]:
    """Try the payments again that came before their share was invoiced."""
    waiting = await load_early_entries(run.connection, run.currency)
    await load_open_shares(run, {entry.share.window for entry in waiting})
    payments = []
    for entry in waiting:
        if entry.share not in run.shares:
            continue
        match = match_share(entry.amount, entry.share, run.shares[entry.share])
        if match.outcome == "early":
            continue
        await take_match(run, match, f"{entry.statement_id}/{entry.entry_reference}/{entry.detail}", entry.booked_on)
        await set_outcome(run.connection, entry, match)
        payments.append(
            ImportedPayment(
                statement_id=entry.statement_id,
                entry_reference=entry.entry_reference,
                detail=entry.detail,
                entry_no=0,
                line=0,
                amount=entry.amount,
                booked_on=entry.booked_on,
                counterparty=None,
                remittance="",
                match=match,
            )
        )
    return payments


async def _load_named(run: BankRun, parts: Iterable[EntryPart]) -> None:
    parts = tuple(parts)
    run.documents |= await load_document_shares(
        run.connection, sorted({number for part in parts for number in named_documents(part)})
    )
    await load_open_shares(run, {share.window for part in parts for share in named_shares(part, run.documents)})


async def _load_batches(run: BankRun, entries: Iterable[BankEntry]) -> dict[str, Mapping[ShareReference, Decimal]]:
    """Return the payments of our batches that entries name."""
    batches: dict[str, Mapping[ShareReference, Decimal]] = {}
    named = {part.batch for entry in entries for part in entry.parts if part.batch}
    windows = {int(found[1]) for batch in named if (found := _BATCH.fullmatch(batch))}
    for window_no in sorted(windows):
        try:
            order, _ = await order_window(run.connection, window_no)
        except (UnknownWindowError, PaymentFileRefusedError):
            # Then we never made a file of it: the entry is told as unmatched.
            continue
        for batch, payments in order.batches():
            sign = -1 if batch.endswith("-CT") else 1
            batches[batch] = {ShareReference(window_no, payment.partner): sign * payment.amount for payment in payments}
        await load_open_shares(run, [window_no])
    return batches


def _kept(run: BankRun, entry: BankEntry, detail: int, part: EntryPart, match: Match) -> KeptEntry:
    return KeptEntry(
        entry_reference=entry.reference,
        detail=detail,
        entry_no=entry.number,
        amount=part.amount,
        booked_on=entry.booked_on,
        bank_reference=part.bank_reference,
        end_to_end_id=part.end_to_end_id,
        counterparty=part.counterparty,
        remittance=part.remittance,
        share=match.share,
        outcome=match.outcome,
        is_charged=run.charges(match, entry.booked_on),
        reason=match.reason,
    )


def _imported(
    statement: BankStatement, entry: BankEntry, detail: int, part: EntryPart, match: Match
) -> ImportedPayment:
    return ImportedPayment(
        statement_id=statement.statement_id,
        entry_reference=entry.reference,
        detail=detail,
        entry_no=entry.number,
        line=entry.line,
        amount=part.amount,
        booked_on=entry.booked_on,
        counterparty=part.counterparty,
        remittance=part.remittance,
        match=match,
    )
