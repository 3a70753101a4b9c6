"""What is expected of points and who gets the money of those that break, from one window on to the next rule."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakageRule:
    """From a window on: the share of points issued that is expected to be redeemed where no history tells, and the
    issuers' contractual share of the money of points that break; the operator has the rest."""

    from_window: int
    expected_redemption: Decimal
    issuer_share: Decimal
    set_at: datetime
    set_by: str


SELECT_RULES = """
SELECT from_window, expected_redemption, issuer_share, set_at, set_by FROM breakage_rule ORDER BY from_window
"""


async def load_breakage_rules(connection: Connection) -> list[BreakageRule]:
    """Return all rules in order; the first one, which comes with the schema, holds from window 0 on."""
    return [BreakageRule(**row) for row in await connection.fetch(SELECT_RULES)]


STORE_RULE = """
INSERT INTO breakage_rule (from_window, expected_redemption, issuer_share, set_at, set_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (from_window) DO UPDATE
SET expected_redemption = excluded.expected_redemption, issuer_share = excluded.issuer_share,
    set_at = excluded.set_at, set_by = excluded.set_by
"""


async def store_breakage_rule(connection: Connection, rule: BreakageRule) -> None:
    """Write a rule; one that begins with the same window is replaced."""
    await connection.execute(
        STORE_RULE, rule.from_window, rule.expected_redemption, rule.issuer_share, rule.set_at, rule.set_by
    )
