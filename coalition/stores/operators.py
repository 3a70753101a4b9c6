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


HOLD_OPERATOR = "SELECT FROM operator WHERE operator = $1 AND password_hash = $2 FOR SHARE"


async def hold_operator(connection: Connection, name: str, *, password_hash: str) -> bool:
    """Keep an operator as he is until the transaction ends; False: he is gone, or has another password."""
    return await connection.fetchrow(HOLD_OPERATOR, name, password_hash) is not None


class ListedOperator(NamedTuple):
    name: str
    roles: list[Role]
    created_at: datetime


SELECT_OPERATORS = "SELECT operator, roles, created_at FROM operator ORDER BY operator"


async def load_operators(connection: Connection) -> list[ListedOperator]:
    return [ListedOperator(*row.values()) for row in await connection.fetch(SELECT_OPERATORS)]


DELETE_OPERATOR = "DELETE FROM operator WHERE operator = $1 RETURNING operator"


async def remove_operator(connection: Connection, name: str) -> bool:
    """Remove an operator; False: there is none of that name."""
    return await connection.fetchval(DELETE_OPERATOR, name) is not None


UPDATE_PASSWORD = "UPDATE operator SET password_hash = $2 WHERE operator = $1 RETURNING operator"


async def set_password_hash(connection: Connection, name: str, *, password_hash: str) -> bool:
    """Replace an operator's password; False: there is none of that name."""
    return await connection.fetchval(UPDATE_PASSWORD, name, password_hash) is not None
