"""Take operators in, remove them, change their passwords: those who sign in at /finance."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import get_args

import asyncpg

from coalition.database.pool import Pool
from coalition.errors import AlreadyThereError, FieldFault, NotFoundError, RequestRefusedError
from coalition.operations.sign_in import password_hasher
from coalition.stores import operators
from coalition.stores.operators import Role
from coalition.stores.sessions import end_sessions_of

ROLES: tuple[Role, ...] = get_args(Role)
NAME_CHARS_MAX = 64
PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 1_000


async def add_operator(pool: Pool, *, name: str, password: str, roles: Collection[str], now: datetime) -> None:
    """Take an operator in; of the password only an Argon2id hash is kept.

    Raises RequestRefusedError that names every bad field, AlreadyThereError where the name is taken."""
    _refuse([*_name_faults(name), *_password_faults(password), *_role_faults(roles)])
    password_hash = await asyncio.to_thread(password_hasher.hash, password)
    ordered = [role for role in ROLES if role in roles]
    async with pool.acquire() as connection, connection.transaction():
        try:
            await operators.add_operator(connection, name=name, password_hash=password_hash, roles=ordered, now=now)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyThereError(f"an operator is named {name!r} already") from error


async def remove_operator(pool: Pool, *, name: str) -> None:
    """Remove an operator and end his sessions; what he did stays on record. Raises NotFoundError."""
    async with pool.acquire() as connection, connection.transaction():
        # Before the sessions: a sign-in that is under way holds the row, and its session is then seen below.
        if not await operators.remove_operator(connection, name):
            raise NotFoundError(f"no operator is named {name!r}")
        await end_sessions_of(connection, "finance", name)


async def change_password(pool: Pool, *, name: str, password: str) -> None:
    """Give an operator another password and end his sessions.

    Raises RequestRefusedError where the password won't do, NotFoundError where there is no such operator."""
    _refuse(_password_faults(password))
    password_hash = await asyncio.to_thread(password_hasher.hash, password)
    async with pool.acquire() as connection, connection.transaction():
        # Before the sessions, as in `remove_operator`.
        if not await operators.set_password_hash(connection, name, password_hash=password_hash):
            raise NotFoundError(f"no operator is named {name!r}")
        await end_sessions_of(connection, "finance", name)


def _refuse(faults: list[FieldFault]) -> None:
    if faults:
        told = "; ".join(f"{fault.field}: expected {fault.expected}, {fault.got} came" for fault in faults)
        raise RequestRefusedError(status=422, code="operator_invalid", detail=told, faults=tuple(faults))


def _name_faults(name: str) -> list[FieldFault]:
    if 1 <= len(name) <= NAME_CHARS_MAX and name.isprintable() and name == name.strip():
        return []
    expected = f"1 to {NAME_CHARS_MAX} printable characters, no space at the ends"
    return [FieldFault("name", "name_invalid", expected, repr(name[:NAME_CHARS_MAX]))]


def _password_faults(password: str) -> list[FieldFault]:
    if PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        return []
    expected = f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    return [FieldFault("password", "password_length", expected, f"{len(password)}")]


def _role_faults(roles: Collection[str]) -> list[FieldFault]:
    if roles and set(roles) <= set(ROLES):
        return []
    return [FieldFault("roles", "roles_unknown", "one or more of " + ", ".join(ROLES), ", ".join(roles))]
