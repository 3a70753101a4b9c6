"""What reports ask of the bill: the money in statements, and what was paid."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from coalition.database.pool import Connection
from settlement.engine.money import Currency, from_minor
from settlement.engine.states import ShareState
from settlement.stores.points_reports import TIMEOUT_S
from settlement.stores.report_query import report_query


class ShareMoney(NamedTuple):
    """One statement's lines, added up by what they are for, and its VAT. `at_burn` is paid for points that are
    redeemed, `prepaid` for blocks and what was issued beyond them. What is `..._valued` is what the points of these
    lines are worth at the point value, redeemed ones less."""

    window_no: int
    partner: int
    state: ShareState
    is_cleared: bool
    invoiced_on: date | None
    due_on: date | None
    issue_charge: Decimal
    redemption_credit: Decimal
    at_burn: Decimal
    prepaid: Decimal
    service_fee: Decimal
    commission: Decimal
    platform_fee: Decimal
    pool_valued: Decimal
    at_burn_valued: Decimal
    prepaid_valued: Decimal
    vat: Decimal

    @property
    def paid_in(self) -> Decimal:
        """The money for points that the share brings into the fund."""
        return self.issue_charge + self.at_burn + self.prepaid

    @property
    def for_points(self) -> Decimal:
        """The same, less what the share takes out of it."""
        return self.paid_in - self.redemption_credit


MONEY_BY_SHARE = report_query("money_by_share")


async def load_money_by_share(
    connection: Connection, window_nos: Sequence[int], *, point_value: Decimal
) -> list[ShareMoney]:
    """Return the lines of every statement of some windows, added up."""
    rows = await connection.fetch(MONEY_BY_SHARE, list(window_nos), point_value, timeout=TIMEOUT_S)
    return [ShareMoney(*row.values()) for row in rows]


SELECT_PAID = """
SELECT window_no, partner, max(paid_on) AS last_paid_on, sum(amount_minor)::bigint AS amount_minor
FROM share_payment
GROUP BY window_no, partner
"""


async def load_paid(connection: Connection, currency: Currency) -> dict[tuple[int, int], tuple[date, Decimal]]:
    """Return the day of the last payment of each share by (window, partner), and what all of them came to."""
    return {
        (window_no, partner): (last_paid_on, from_minor(amount_minor, currency))
        for window_no, partner, last_paid_on, amount_minor in await connection.fetch(SELECT_PAID, timeout=TIMEOUT_S)
    }
