"""Say what is expected of points, and who gets the money of those that break."""

from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Pool
from coalition.stores.windows import lock_windows
from settlement.engine.states import has_reached
from settlement.errors import FieldProblem, InvalidBreakageRuleError
from settlement.operations.reports.cohorts import rule_of
from settlement.stores.breakage_rules import BreakageRule, load_breakage_rules, store_breakage_rule
from settlement.stores.windows import load_windows

DECIMALS_MAX = 6
WINDOWS_AHEAD_MAX = 10_000


async def set_breakage_rule(
    pool: Pool,
    *,
    from_window: int | None,
    expected_redemption: Decimal | None,
    issuer_share: Decimal | None,
    now: datetime,
    actor: str,
) -> BreakageRule:
    """Write the rule that holds from a window on, None: from the oldest that is not invoiced; what is not named stays.

    Raises:
        InvalidBreakageRuleError: names every field that is wrong; a window that is invoiced keeps its rule.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        windows = await load_windows(connection, after=0, count_max=100_000)
        first = min(window.window_no for window in windows if not has_reached(window.state, "INVOICED"))
        start = first if from_window is None else from_window
        before = rule_of(await load_breakage_rules(connection), start)
        rule = BreakageRule(
            from_window=start,
            expected_redemption=before.expected_redemption if expected_redemption is None else expected_redemption,
            issuer_share=before.issuer_share if issuer_share is None else issuer_share,
            set_at=now,
            set_by=actor,
        )
        problems = [
            *_share_problems("expected_redemption", rule.expected_redemption),
            *_share_problems("issuer_share", rule.issuer_share),
        ]
        if not first <= start <= first + WINDOWS_AHEAD_MAX:
            expected = f"{first}, the oldest window that is not invoiced, to {first + WINDOWS_AHEAD_MAX}"
            problems.append(FieldProblem(field="from_window", problem=f"must be {expected}, not {start}"))
        if problems:
            raise InvalidBreakageRuleError(problems=problems)
        await store_breakage_rule(connection, rule)
        return rule


async def list_breakage_rules(pool: Pool) -> list[BreakageRule]:
    """Return all rules in order of the windows from which on they hold."""
    async with pool.acquire() as connection:
        return await load_breakage_rules(connection)


def _share_problems(field: str, share: Decimal) -> list[FieldProblem]:
    if not share.is_finite() or not 0 <= share <= 1:
        return [FieldProblem(field=field, problem=f"must be a share from 0 to 1, not {share}")]
    exponent = share.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMALS_MAX:
        return [FieldProblem(field=field, problem=f"must have at most {DECIMALS_MAX} decimals: {share}")]
    return []
