"""Change the rules of payment; what is invoiced already keeps its due date."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from coalition.database.pool import Pool
from settlement.errors import FieldProblem, InvalidRulesError
from settlement.stores.rules import Rules, load_rules, store_rules

DAYS: Final[Mapping[str, tuple[int, int]]] = {
    "payment_days": (0, 365),
    "default_after_days": (0, 365),
    "dispute_days": (1, 365),
    "answer_days": (1, 365),
}


async def change_rules(pool: Pool, changes: Mapping[str, Any]) -> Rules:
    """Change those rules that are named, and leave the others as they are; return all.

    Raises:
        InvalidRulesError: days are out of their limits; names every field.
    """
    problems = [
        FieldProblem(field=field, problem=f"expected {least} to {most} days, got {changes[field]}")
        for field, (least, most) in DAYS.items()
        if field in changes and not least <= changes[field] <= most
    ]
    if problems:
        raise InvalidRulesError(problems=problems)
    async with pool.acquire() as connection, connection.transaction():
        rules = replace(await load_rules(connection, is_locked=True), **changes)
        await store_rules(connection, rules)
        return rules
