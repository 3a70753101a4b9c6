"""Which version of a party's bank details counts for a window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from settlement.engine.bank_account import BankAccount


@dataclass(frozen=True, slots=True)
class DatedAccount:
    """A version of somebody's bank details, and when it was written down."""

    account: BankAccount
    set_at: datetime


def counting_account(
    versions: Iterable[DatedAccount],
    approved_at: datetime,
    *,
    is_usable: Callable[[BankAccount], bool] = lambda account: True,
) -> DatedAccount | None:
    """Return the details that counted at a window's approval, or the first usable ones after it; the newest come last.

    None: there are none that can be used.
    """
    before = [version for version in versions if version.set_at <= approved_at]
    if before and is_usable(before[-1].account):
        return before[-1]
    later = (version for version in versions if version.set_at > approved_at and is_usable(version.account))
    first = next(later, None)
    # A mandate that came after the approval takes no effect on it: nobody is debited who was told to pay himself.
    return None if first is None else replace(first, account=replace(first.account, mandate=None))
