"""Issue a window's tax documents, in the transaction that invoices it: all of them, or none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from coalition.database.pool import Connection
from settlement.documents.invoice_json import write_invoice_json
from settlement.documents.invoice_xml import write_invoice_xml
from settlement.documents.statement_json import read_json
from settlement.engine.bank_account import BankAccount
from settlement.engine.invoice import (
    INVOICE_KINDS,
    OPERATOR_ID,
    Earlier,
    Invoice,
    InvoiceKind,
    Payable,
    in_series,
    invoices_of,
    missing_data,
    numbered,
)
from settlement.engine.legal_party import LegalParty
from settlement.engine.payment_order import SEPA_CURRENCY, day_of_payment
from settlement.errors import MissingLegalDataError
from settlement.operations.make_payments import account_at, accounts_at, approval_of
from settlement.stores.adjustments import Adjustment, load_adjustments
from settlement.stores.bank_accounts import load_operator_accounts, load_partner_accounts
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.legal_parties import LegalParties, load_legal_parties
from settlement.stores.shares import Share, load_statement_contents
from settlement.stores.tax_documents import IssuedInvoice, draw_numbers, insert_documents
from settlement.stores.windows import load_moves
from settlement.worded import Worded


async def issue_documents(
    connection: Connection, window_no: int, shares: Sequence[Share], *, issued_on: date, now: datetime, actor: str
) -> None:
    """Write the invoices and self-billed invoices of a window's statements, with the next numbers of their series.

    Within the caller's transaction, which does this once per window: what is payable is fixed in `shares` by then.
    While nobody has written down who the operator is in law, a coalition settles by statements alone, and nothing is
    issued.

    Raises:
        MissingLegalDataError: partners lack data that their documents need; names all of them.
    """
    parties = await load_legal_parties(connection)
    if parties.operator is None:
        return
    invoices = await _invoices(connection, window_no, shares, parties, parties.operator, issued_on=issued_on)
    issued = await number_invoices(connection, invoices, year=issued_on.year)
    await insert_documents(connection, issued, year=issued_on.year, now=now, actor=actor)


async def number_invoices(connection: Connection, invoices: Sequence[Invoice], *, year: int) -> list[IssuedInvoice]:
    """Return documents with the next numbers of their series, in their order, ready to be written."""
    counts: defaultdict[InvoiceKind, int] = defaultdict(int)
    for invoice in invoices:
        counts[invoice.kind] += 1
    # Counters in a fixed order, so that two transactions that draw from several cannot wait for each other.
    drawn = {
        kind: iter(await draw_numbers(connection, kind, year=year, count=counts[kind]))
        for kind in INVOICE_KINDS
        if counts[kind]
    }
    return [_issued(invoice, next(drawn[invoice.kind]), year=year) for invoice in invoices]


async def _invoices(
    connection: Connection,
    window_no: int,
    shares: Sequence[Share],
    parties: LegalParties,
    operator: LegalParty,
    *,
    issued_on: date,
) -> list[Invoice]:
    statements = [read_json(content) for content in await load_statement_contents(connection, window_no)]
    billed = [statement for statement in statements if any(line.amount for line in statement.lines)]
    payables = await _payables(connection, window_no, shares, issued_on=issued_on)
    invoices = [
        invoice
        for statement in billed
        if statement.partner in parties.partners
        for invoice in invoices_of(
            statement,
            operator=operator,
            partner=parties.partners[statement.partner],
            issued_on=issued_on,
            payable=payables[statement.partner],
        )
    ]
    names = await load_partner_names(connection)
    unknown = {
        statement.partner: names[statement.partner] for statement in billed if statement.partner not in parties.partners
    }
    refuse_missing_data(invoices, window_no, unknown=unknown)
    return invoices


async def _payables(
    connection: Connection, window_no: int, shares: Sequence[Share], *, issued_on: date
) -> dict[int, Payable]:
    # By the same bank details and on the same day as the files for the bank: the letters tell what these do.
    approved_at = approval_of(await load_moves(connection, window_no))
    programme = await load_programme(connection)
    operator = account_at(await load_operator_accounts(connection), approved_at)
    accounts = accounts_at(await load_partner_accounts(connection, [share.partner for share in shares]), approved_at)
    approved_on = approved_at.astimezone(programme.zone).date()
    earlier = _earlier(await load_adjustments(connection, window_no, programme.currency))
    payables = {}
    for share in shares:
        payable = _payable(share, issued_on, operator=operator, partner=accounts.get(share.partner))
        payable = replace(payable, earlier=tuple(earlier.get(share.partner, ())))
        if programme.currency.code == SEPA_CURRENCY and (payable.way == "debit" or payable.amount < 0):
            payable = replace(payable, pay_on=day_of_payment(due_on=payable.due_on, approved_on=approved_on))
        payables[share.partner] = payable
    return payables


def _earlier(adjustments: Iterable[Adjustment]) -> dict[int, list[Earlier]]:
    """Return by partner what comes from earlier windows, a part for each window and what it comes of."""
    sums: defaultdict[tuple[int, int, str], Decimal] = defaultdict(Decimal)
    for adjustment in adjustments:
        sums[adjustment.partner, adjustment.from_window, adjustment.kind] += adjustment.amount
    earlier: defaultdict[int, list[Earlier]] = defaultdict(list)
    for (partner, window, kind), amount in sorted(sums.items()):
        if amount:
            earlier[partner].append(Earlier(kind=kind, window=window, amount=amount))
    return earlier


def _payable(share: Share, issued_on: date, *, operator: BankAccount | None, partner: BankAccount | None) -> Payable:
    is_debit = share.payable > 0 and partner is not None and partner.mandate is not None
    account = partner if is_debit or share.payable < 0 else operator
    return Payable(
        amount=share.payable,
        due_on=share.due_on or issued_on,
        held=share.held,
        adjusted=share.adjusted,
        way="debit" if is_debit else "transfer",
        iban=account.iban if account else None,
    )


def refuse_missing_data(
    invoices: Iterable[Invoice], window_no: int, *, unknown: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Refuse documents whose parties lack what the law wants to know of them; names each lack once.

    `unknown` are the partners, with their names, of whom nothing is known at all.

    Raises:
        MissingLegalDataError: somebody lacks something.
    """
    lacks = [(lack.id, lack.party.legal_name, what) for invoice in invoices for lack, what in missing_data(invoice)]
    missing = [Worded.of("address", name=name, partner=partner) for partner, name in unknown.items()]
    missing += [
        Worded.of(what, name=name, partner=None if party == OPERATOR_ID else party)
        for party, name, what in dict.fromkeys(lacks)
    ]
    if missing:
        raise MissingLegalDataError(window=window_no, missing=missing)


def _issued(invoice: Invoice, series_number: int, *, year: int) -> IssuedInvoice:
    complete = numbered(invoice, in_series(series_number, kind=invoice.kind, year=year))
    return IssuedInvoice(complete, series_number, write_invoice_json(complete), write_invoice_xml(complete))
