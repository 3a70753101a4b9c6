"""Bank details and payments as the command line tells them: documents for machines, tables for people."""

from collections.abc import Sequence
from typing import Any

from settlement.documents.figures import grouped
from settlement.engine.payment_order import Payment
from settlement.engine.payment_reference import share_reference
from settlement.operations.make_payments import WindowPayments
from settlement.report_text import table
from settlement.stores.bank_accounts import StoredBankAccount


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
        "transfer_on": order.transfer_on.isoformat(),
        "collect_on": order.collect_on.isoformat(),
        "transfers": [_payment_document(order.window, payment) for payment in order.transfers],
        "debits": [_payment_document(order.window, payment) for payment in order.debits],
        "by_invoice": list(order.by_invoice),
        "files": [file.name for file in made.files],
    }


def payments_text(made: WindowPayments) -> str:
    """Return a window's payments as a table."""
    order = made.order
    rows = [("Reference", "Partner", "IBAN", "How", "On", "Amount EUR")]
    for how, day, payments in (("transfer", order.transfer_on, order.transfers),
                               ("debit", order.collect_on, order.debits)):  # fmt: skip
        rows += [
            (
                share_reference(window=order.window, partner=payment.partner),
                f"{payment.partner} {payment.name}",
                payment.account.iban,
                how,
                day.isoformat(),
                grouped(payment.amount, "en"),
            )
            for payment in payments
        ]
    lines = [table(rows, left=5)] if len(rows) > 1 else ["There is nothing to transfer or to debit."]
    if order.by_invoice:
        names = ", ".join(made.names[partner] for partner in order.by_invoice)
        lines.append(f"Without a mandate, so they pay by themselves: {names}.")
    return "\n".join(lines)


def _payment_document(window: int, payment: Payment) -> dict[str, Any]:
    return {
        "partner": payment.partner,
        "reference": share_reference(window=window, partner=payment.partner),
        "iban": payment.account.iban,
        "amount": str(payment.amount),
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
