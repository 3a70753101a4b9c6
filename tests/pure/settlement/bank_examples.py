"""Bank details and payment orders for tests, valid by default."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from settlement.engine.account_history import DatedAccount
from settlement.engine.bank_account import BankAccount, Mandate, make_bank_account
from settlement.engine.payment_order import PaymentFacts, PaymentOrder, order_payments
from tests.pure.settlement.examples import BERLIN_WINTER, EUR

OPERATOR_IBAN = "DE89370400440532013000"
# With right check digits: of Germany, Austria, France, and Switzerland, which is in SEPA without the euro.
IBANS = ("DE02120300000000202051", "AT611904300234573201", "FR1420041010050500013M02606", "CH9300762011623852957")
IBAN_OUTSIDE_SEPA = "AE070331234567890123456"
MANDATE = Mandate(mandate_id="M-2026-0012", signed_on=date(2026, 3, 9))


def make_account(**changes: Any) -> BankAccount:
    fields: dict[str, Any] = {
        "holder": "Bäckerei Müller & Söhne KG",
        "iban": IBANS[0],
        "street": "Am Markt",
        "building": "3",
        "post_code": "80331",
        "town": "München",
        "country": "DE",
    }
    return make_bank_account(**(fields | changes))


def make_operator_account(**changes: Any) -> BankAccount:
    fields: dict[str, Any] = {
        "holder": "Coalition Betriebs-GmbH",
        "iban": OPERATOR_IBAN,
        "street": "Hafenstraße",
        "building": "1",
        "post_code": "20457",
        "town": "Hamburg",
        "creditor_id": "DE98ZZZ09999999999",
    }
    return make_account(**(fields | changes))


APPROVED_AT = datetime(2026, 12, 23, 9, 30, 15, 123456, tzinfo=BERLIN_WINTER)
INVOICED_AT = APPROVED_AT + timedelta(hours=1)


def dated(*accounts: BankAccount | None, since: datetime = APPROVED_AT) -> list[DatedAccount]:
    return [DatedAccount(account, since) for account in accounts if account]


def make_order(**changes: Any) -> PaymentOrder:
    """Two partners are paid, two are debited by each scheme, one pays by itself, one owes nothing."""
    fields: dict[str, Any] = {
        "window": 7,
        "approved_at": APPROVED_AT,
        "invoiced_at": INVOICED_AT,
        "due_on": date(2027, 1, 6),
        "currency": EUR,
        "operator": dated(make_operator_account()),
        "nets": {
            12: Decimal("-5000.00"),
            13: Decimal("-0.01"),
            14: Decimal("7500.00"),
            15: Decimal("1500.00"),
            16: Decimal("3.50"),
            17: Decimal("0.00"),
        },
        "names": {partner: f"Partner {partner}" for partner in range(12, 18)},
        "accounts": {
            12: dated(make_account()),
            13: dated(make_account(iban=IBANS[3], holder="Żółw 漢字 SA", country="CH", street=None, building=None)),
            14: dated(make_account(iban=IBANS[1], mandate=MANDATE)),
            15: dated(
                make_account(
                    iban=IBANS[2], mandate=Mandate(mandate_id="B2B/1", signed_on=date(2025, 1, 2), scheme="B2B")
                )
            ),
            16: dated(make_account()),
        },
    }
    return order_payments(PaymentFacts(**(fields | changes)))
