"""Take operators in: those who sign in at /finance."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import get_args

import asyncpg

from coalition.database.pool import Pool
from coalition.errors import AlreadyThereError, FieldFault, RequestRefusedError
from coalition.operations.sign_in import password_hasher
from coalition.stores.operators import Role
from coalition.stores.operators import add_operator as store_operator

ROLES: tuple[Role, ...] = get_args(Role)
NAME_CHARS_MAX = 64
PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 1_000


async def add_operator(pool: Pool, *, name: str, password: str, roles: Collection[str], now: datetime) -> None:
    """Take an operator in; of the password only an Argon2id hash is kept.

    Raises RequestRefusedError that names every bad field, AlreadyThereError where the name is taken."""
    faults = _faults(name, password, roles)
    if faults:
        told = "; ".join(f"{fault.field}: expected {fault.expected}, {fault.got} came" for fault in faults)
        raise RequestRefusedError(status=422, code="operator_invalid", detail=told, faults=tuple(faults))
    password_hash = await asyncio.to_thread(password_hasher.hash, password)
    ordered = [role for role in ROLES if role in roles]
    async with pool.acquire() as connection, connection.transaction():
        try:
            await store_operator(connection, name=name, password_hash=password_hash, roles=ordered, now=now)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyThereError(f"an operator is named {name!r} already") from error


def _faults(name: str, password: str, roles: Collection[str]) -> list[FieldFault]:
    faults: list[FieldFault] = []
    if not (1 <= len(name) <= NAME_CHARS_MAX and name.isprintable() and name == name.strip()):
        expected = f"1 to {NAME_CHARS_MAX} printable characters, no space at the ends"
        faults.append(FieldFault("name", "name_invalid", expected, repr(name[:NAME_CHARS_MAX])))
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        expected = f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
        faults.append(FieldFault("password", "password_length", expected, f"{len(password)}"))
    if not roles or not set(roles) <= set(ROLES):
        faults.append(FieldFault("roles", "roles_unknown", "one or more of " + ", ".join(ROLES), ", ".join(roles)))
    return faults
