"""Operators: who may sign in at /finance, and what they may do there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from coalition.database.pool import Connection

Role = Literal["read", "operate", "approve"]


class Operator(NamedTuple):
    name: str
    password_hash: str
    roles: frozenset[Role]


INSERT_OPERATOR = """
INSERT INTO operator (operator, password_hash, roles, created_at) VALUES ($1, $2, $3, $4)
"""


async def add_operator(
    connection: Connection, *, name: str, password_hash: str, roles: Sequence[Role], now: datetime
) -> None:
    """Add an operator. Raises asyncpg.UniqueViolationError where the name is taken."""
    await connection.execute(INSERT_OPERATOR, name, password_hash, roles, now)


SELECT_OPERATOR = "SELECT operator, password_hash, roles FROM operator WHERE operator = $1"


async def find_operator(connection: Connection, name: str) -> Operator | None:
    row = await connection.fetchrow(SELECT_OPERATOR, name)
    return None if row is None else Operator(row["operator"], row["password_hash"], frozenset(row["roles"]))
