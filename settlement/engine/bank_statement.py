"""What the operator's bank says was booked on his account, as values; lines and numbers lead back into its file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPart:
    """One payment of an entry; `amount` > 0 came to the operator. `batch` is the id of the payment file's batch that
    the entry stands for, where the bank does not list its payments. `is_fee`: what the bank took for a return, told
    apart from it."""

    amount: Decimal
    end_to_end_id: str | None = None
    bank_reference: str | None = None
    counterparty: str | None = None
    remittance: str = ""
    batch: str | None = None
    is_return: bool = False
    is_fee: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BankEntry:
    """A booked movement: `number` counts those of the statement from 1, `line` is where it stands in the file.

    `parts` add up to `amount`; `reference` is the bank's, or made of the number where it gave none.
    """

    number: int
    line: int
    reference: str
    amount: Decimal
    booked_on: date
    parts: tuple[EntryPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatement:
    """A statement of one account; `opening` and `closing` are booked balances, None where it does not state them.

    `pending` counts entries that are not booked yet: they come again, booked, in a later statement.
    """

    line: int
    statement_id: str
    created_at: datetime
    iban: str
    currency: str
    opening: Decimal | None
    closing: Decimal | None
    entries: tuple[BankEntry, ...]
    pending: int = 0
