"""The rules of payment, one row for the whole programme: days, and what becomes of a debt that is not paid."""

from dataclasses import astuple, dataclass
from typing import Literal

from coalition.database.pool import Connection

DefaultRule = Literal["carry", "share"]
FeeBearer = Literal["operator", "partner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`payment_days` from invoice to due date; `default_after_days` from there to default; `default_rule`: what is left
    then is carried into the partner's next share, or shared among the others. A partner may dispute a share for
    `dispute_days` after it was calculated, and is to be answered within `answer_days`. `return_fee`:
    who bears what a bank takes for a payment that comes back."""

    payment_days: int
    default_after_days: int
    default_rule: DefaultRule
    dispute_days: int
    answer_days: int
    return_fee: FeeBearer


SELECT_RULES = """
SELECT payment_days, default_after_days, default_rule, dispute_days, answer_days, return_fee
FROM settlement_rules
"""

LOCK_RULES = """
SELECT payment_days, default_after_days, default_rule, dispute_days, answer_days, return_fee
FROM settlement_rules FOR UPDATE
"""


async def load_rules(connection: Connection, *, is_locked: bool = False) -> Rules:
    """Return the rules as they are now; with `is_locked` for a change of them."""
    row = await connection.fetchrow(LOCK_RULES if is_locked else SELECT_RULES)
    assert row is not None, "the row is made with the schema"
    return Rules(**row)


UPDATE_RULES = """
UPDATE settlement_rules
SET payment_days = $1, default_after_days = $2, default_rule = $3, dispute_days = $4, answer_days = $5, return_fee = $6
"""


async def store_rules(connection: Connection, rules: Rules) -> None:
    """Replace the rules; what is invoiced already keeps its due date."""
    await connection.execute(UPDATE_RULES, *astuple(rules))
