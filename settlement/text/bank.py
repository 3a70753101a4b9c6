"""Bank details and payments as the command line tells them: documents for machines, tables for people."""

from collections.abc import Sequence
from typing import Any

from settlement.documents.figures import grouped
from settlement.engine.match_payments import Match
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.payment_order import Payment, PaymentMessage
from settlement.engine.payment_reference import share_reference
from settlement.operations.import_bank_file import BankFileReport, ImportedPayment
from settlement.operations.make_payments import WindowPayments
from settlement.stores.bank_accounts import StoredBankAccount
from settlement.stores.bank_statements import UnmatchedEntry
from settlement.text.remedy import remedy_of
from settlement.text.report import table

SPLIT_EXAMPLE = "coalition bank split STATEMENT ENTRY W00007-P00012 W00007-P00013=120.00+3.50   # +: the bank's fee"
ASIDE_EXAMPLE = "coalition bank aside STATEMENT ENTRY   # it is of no share"


def account_document(stored: StoredBankAccount) -> dict[str, Any]:
    """Return a party's bank details; `partner` null: the operator."""
    account, address, mandate = stored.account, stored.account.address, stored.account.mandate
    return {
        "partner": stored.partner,
        "holder": account.holder,
        "iban": account.iban,
        "bic": account.bic,
        "street": address.street,
        "building": address.building,
        "post_code": address.post_code,
        "town": address.town,
        "country": address.country,
        "creditor_id": account.creditor_id,
        "mandate_id": mandate.mandate_id if mandate else None,
        "mandate_signed_on": mandate.signed_on.isoformat() if mandate else None,
        "mandate_scheme": mandate.scheme if mandate else None,
        "set_at": stored.set_at.isoformat(),
        "set_by": stored.set_by,
    }


def accounts_text(versions: Sequence[StoredBankAccount]) -> str:
    """Return versions of bank details as a table."""
    rows = [("Since (UTC)", "By", "Holder", "IBAN", "BIC", "Address", "Debits")]
    rows += [
        (
            f"{stored.set_at:%Y-%m-%d %H:%M}",
            stored.set_by,
            stored.account.holder,
            stored.account.iban,
            stored.account.bic or "",
            _address(stored),
            _debits(stored),
        )
        for stored in versions
    ]
    return table(rows, left=7)


def payments_document(made: WindowPayments) -> dict[str, Any]:
    """Return a window's payments; money is text."""
    order = made.order
    return {
        "window": order.window,
        "pay_on": order.pay_on.isoformat(),
        "transfers": [
            _payment_document(order.window, payment, message)
            for message in order.transfer_messages
            for payment in message.payments
        ],
        "debits": [
            _payment_document(order.window, payment, message)
            for message in order.debit_messages
            for payment in message.payments
        ],
        "by_invoice": list(order.by_invoice),
        "settled_otherwise": list(order.settled_otherwise),
        "left_out": [
            {"partner": problem.values.get("partner"), "problem": problem, "command": remedy_of(problem)}
            for problem in order.left_out
        ],
        "files": [file.name for file in made.files],
    }


def payments_text(made: WindowPayments) -> str:
    """Return a window's payments as a table."""
    order = made.order
    rows = [("Reference", "Partner", "IBAN", "How", "On", "Amount EUR")]
    for how, messages in (("transfer", order.transfer_messages), ("debit", order.debit_messages)):
        rows += [
            (
                share_reference(window=order.window, partner=payment.partner),
                f"{payment.partner} {payment.name}",
                payment.account.iban,
                how,
                message.pay_on.isoformat(),
                grouped(payment.amount, "en"),
            )
            for message in messages
            for payment in message.payments
        ]
    lines = [table(rows, left=5)] if len(rows) > 1 else ["There is nothing to transfer or to debit."]
    if order.by_invoice:
        names = ", ".join(made.names[partner] for partner in order.by_invoice)
        lines.append(f"Without a mandate, so they pay by themselves: {names}.")
    if order.settled_otherwise:
        names = ", ".join(made.names[partner] for partner in order.settled_otherwise)
        lines.append(f"Paid or carried otherwise before there could be a file: {names}.")
    return "\n".join(lines)


def left_out_text(made: WindowPayments, command: str) -> str:
    """Return who is in no file yet, with what helps; `command` writes the rest then. Empty: nobody."""
    if not made.order.left_out:
        return ""
    lines = [f"Left out of the files for window {made.order.window}, and not paid by them:"]
    for problem in made.order.left_out:
        remedy = remedy_of(problem)
        lines += [f"  {problem}", *([f"    {remedy}"] if remedy else [])]
    lines.append(f"Then: {command}")
    lines.append("It makes a further file for each of them alone; those that are made stay the same, byte for byte.")
    return "\n".join(lines)


def import_document(report: BankFileReport) -> dict[str, Any]:
    """Return what a bank's file brought; money is text, above 0 it came to the operator."""
    return {
        "statements": list(report.statement_ids),
        "currency": report.currency.code,
        "payments": [_imported_document(payment, report.currency) for payment in report.payments],
        "known": report.known,
        "pending": report.pending,
        "settled_windows": list(report.settled_windows),
    }


def import_text(report: BankFileReport) -> str:
    """Return what a bank's file brought: counts, then each payment that needs somebody's look, with its place."""
    paid = report.of("paid")
    lines = [f"Statement {', '.join(report.statement_ids)}: {len(report.payments)} new, {report.known} known before."]
    if report.pending:
        lines.append(f"{report.pending} not booked by the bank yet: they come again.")
    if paid:
        total = grouped(round_half_up(add_exactly(abs(payment.amount) for payment in paid), report.currency), "en")
        lines.append(f"Paid in full: {len(paid)} shares, {total} {report.currency}.")
    for window_no in report.settled_windows:
        lines.append(f"Window {window_no} is SETTLED.")
    rest = [payment for payment in report.payments if payment.match.outcome != "paid"]
    if rest:
        rows: list[tuple[str, ...]] = [
            ("Entry", "Line", "Booked", "What", f"Amount {report.currency}", "From or to, and why")
        ]
        rows += [_imported_row(payment, report.currency) for payment in rest]
        lines.append(table(rows, left=6))
    if report.of("unmatched"):
        lines += [
            "To say what one of them is of:",
            "  coalition bank unmatched",
            f"  {SPLIT_EXAMPLE}",
            f"  {ASIDE_EXAMPLE}",
        ]
    return "\n".join(lines)


def unmatched_document(entries: Sequence[UnmatchedEntry], currency: Currency) -> list[dict[str, Any]]:
    """Return the entries that nobody has said yet what they are of; money is text, above 0 it came to the operator."""
    return [
        {
            "statement": entry.statement_id,
            "entry": entry.entry_reference,
            "part": entry.detail,
            "booked_on": entry.booked_on.isoformat(),
            "amount": str(round_half_up(entry.amount, currency)),
            "counterparty": entry.counterparty,
            "remittance": entry.remittance,
            "problem": str(entry.reason) if entry.reason else None,
        }
        for entry in entries
    ]


def unmatched_text(entries: Sequence[UnmatchedEntry], currency: Currency) -> str:
    """Return them as a table, with the command that says what one is of."""
    if not entries:
        return "All that the bank has told is matched."
    rows: list[tuple[str, ...]] = [
        ("Statement", "Entry", "Part", "Booked", f"Amount {currency}".rjust(14), "From or to", "Why")
    ]
    rows += [
        (
            entry.statement_id,
            entry.entry_reference,
            str(entry.detail),
            entry.booked_on.isoformat(),
            grouped(round_half_up(entry.amount, currency), "en").rjust(14),
            f"{entry.counterparty or ''} {entry.remittance}".strip()[:60],
            str(entry.reason or ""),
        )
        for entry in entries
    ]
    return "\n".join(
        [table(rows, left=7), "To say what one of them is of:", f"  {SPLIT_EXAMPLE}", f"  {ASIDE_EXAMPLE}"]
    )


def split_document(matches: Sequence[Match], currency: Currency) -> list[dict[str, Any]]:
    """Return what an entry's pieces did; money is text."""
    return [
        {
            "window": match.share.window if match.share else None,
            "partner": match.share.partner if match.share else None,
            "amount": str(round_half_up(match.amount, currency)),
            "outcome": match.outcome,
        }
        for match in matches
    ]


def split_text(matches: Sequence[Match], currency: Currency) -> str:
    """Return what an entry's pieces did as a table."""
    rows: list[tuple[str, ...]] = [("Reference", "What", f"Amount {currency}")]
    rows += [
        (
            share_reference(window=match.share.window, partner=match.share.partner) if match.share else "",
            match.outcome,
            grouped(round_half_up(match.amount, currency), "en"),
        )
        for match in matches
    ]
    return table(rows, left=2)


def _imported_document(payment: ImportedPayment, currency: Currency) -> dict[str, Any]:
    share = payment.match.share
    return {
        "statement": payment.statement_id,
        "entry": payment.entry_no,
        "line": payment.line,
        "booked_on": payment.booked_on.isoformat(),
        "amount": str(round_half_up(payment.amount, currency)),
        "counterparty": payment.counterparty,
        "remittance": payment.remittance,
        "outcome": payment.match.outcome,
        "window": share.window if share else None,
        "partner": share.partner if share else None,
        "problem": payment.match.problem or None,
    }


def _imported_row(payment: ImportedPayment, currency: Currency) -> tuple[str, ...]:
    share = payment.match.share
    named = f"{share_reference(window=share.window, partner=share.partner)}: " if share else ""
    who = f"{payment.counterparty}: " if payment.counterparty else ""
    return (
        str(payment.entry_no or "earlier"),
        str(payment.line or ""),
        payment.booked_on.isoformat(),
        payment.match.outcome,
        grouped(round_half_up(payment.amount, currency), "en").rjust(14),
        f"{who}{named}{payment.match.problem}",
    )


def _payment_document(window: int, payment: Payment, message: PaymentMessage) -> dict[str, Any]:
    return {
        "partner": payment.partner,
        "reference": share_reference(window=window, partner=payment.partner),
        "iban": payment.account.iban,
        "amount": str(payment.amount),
        "pay_on": message.pay_on.isoformat(),
    }


def _address(stored: StoredBankAccount) -> str:
    address = stored.account.address
    street = " ".join(part for part in (address.street, address.building) if part)
    town = " ".join(part for part in (address.country, address.post_code, address.town) if part)
    return ", ".join(part for part in (street, town) if part)


def _debits(stored: StoredBankAccount) -> str:
    mandate = stored.account.mandate
    if mandate is not None:
        return f"{mandate.scheme} {mandate.mandate_id}, signed {mandate.signed_on}"
    return stored.account.creditor_id or ""
