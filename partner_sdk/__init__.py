"""The partner's side of the coalition: book points at the till, keep what the hub signed, lose nothing when offline.

import asyncio
from partner_sdk import Coalition, RefusedError

async def main() -> None:
    async with Coalition("https://hub.example", "shop.pem") as hub:
        earned = await hub.earn(card="2760 0000 0001 8", points=120, shop="0042", till="3", reference="4711")
        print(earned.balance)
        try:
            await hub.burn(card="2760 0000 0001 8", points=500)
        except RefusedError as refusal:
            print(refusal.code, refusal.available)

asyncio.run(main())
"""

from partner_sdk.backoff import Backoff
from partner_sdk.books import BookLine, Books
from partner_sdk.books_file import read_books
from partner_sdk.certificate import Certificate
from partner_sdk.client import Coalition, Progress
from partner_sdk.dispute import Dispute
from partner_sdk.errors import (
    AddressInvalidError,
    AnswerNotUnderstoodError,
    BooksInvalidError,
    CertificateUnusableError,
    CoalitionError,
    FieldFault,
    HubKeyChangedError,
    HubKeyEndedError,
    HubUnreachableError,
    InvalidOperationError,
    InvalidPeriodError,
    KeyUnusableError,
    MessageRejectedError,
    NotAuthorizedError,
    OperationIdReusedError,
    OutboxError,
    OutboxKeyError,
    ReceiptInvalidError,
    RefusedError,
    UnknownOperationError,
    WebhookInvalidError,
)
from partner_sdk.gather_evidence import Gathered
from partner_sdk.keys import make_key_pair, thumbprint
from partner_sdk.operation import (
    Burn,
    Capture,
    Earn,
    Operation,
    Purchase,
    PurchaseLine,
    Release,
    Reserve,
    Reverse,
    VatShare,
    parse_operation,
)
from partner_sdk.operation_id import new_operation_id
from partner_sdk.outbox import Outbox
from partner_sdk.outbox_rows import Entry
from partner_sdk.receipt import Receipt
from partner_sdk.reconciliation import ComparedDay, DayTotals, Difference, HubLine, Reconciliation
from partner_sdk.result import CardBalance, Event, Expiry, Flushed, OpenHold, Result, StepUp, Window
from partner_sdk.returns import returned_points
from partner_sdk.statement_check import KindTotal, StatementCheck
from partner_sdk.verify_evidence import CheckedEvidence, verify_evidence
from partner_sdk.verify_receipts import Checked, verify_receipts
from partner_sdk.webhook import Webhook, read_webhook

__all__ = [
    "AddressInvalidError",
    "AnswerNotUnderstoodError",
    "Backoff",
    "BookLine",
    "Books",
    "BooksInvalidError",
    "Burn",
    "Capture",
    "CardBalance",
    "Certificate",
    "CertificateUnusableError",
    "Checked",
    "CheckedEvidence",
    "Coalition",
    "CoalitionError",
    "ComparedDay",
    "DayTotals",
    "Difference",
    "Dispute",
    "Earn",
    "Entry",
    "Event",
    "Expiry",
    "FieldFault",
    "Flushed",
    "Gathered",
    "HubKeyChangedError",
    "HubKeyEndedError",
    "HubLine",
    "HubUnreachableError",
    "InvalidOperationError",
    "InvalidPeriodError",
    "KeyUnusableError",
    "KindTotal",
    "MessageRejectedError",
    "NotAuthorizedError",
    "OpenHold",
    "Operation",
    "OperationIdReusedError",
    "Outbox",
    "OutboxError",
    "OutboxKeyError",
    "Progress",
    "Purchase",
    "PurchaseLine",
    "Receipt",
    "ReceiptInvalidError",
    "Reconciliation",
    "RefusedError",
    "Release",
    "Reserve",
    "Result",
    "Reverse",
    "StatementCheck",
    "StepUp",
    "UnknownOperationError",
    "VatShare",
    "Webhook",
    "WebhookInvalidError",
    "Window",
    "make_key_pair",
    "new_operation_id",
    "parse_operation",
    "read_books",
    "read_webhook",
    "returned_points",
    "thumbprint",
    "verify_evidence",
    "verify_receipts",
]
