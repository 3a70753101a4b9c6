"""`coalition operator add`: who may sign in at /finance."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from coalition.cli.operator import operator_app
from coalition.database.pool import Pool
from coalition.operations.sign_in import sign_in_operator
from tests.http.conftest import now

Call = Callable[..., Awaitable[Result]]


@pytest.fixture
def call(database_url: str, tmp_path: Path) -> Iterator[Call]:
    async def call(name: str, password: str, *arguments: str) -> Result:
        file = tmp_path / "password"
        file.write_text(f"{password}\nsecond line")
        # A command runs a loop of its own, so it gets a thread of its own.
        return await asyncio.to_thread(
            CliRunner().invoke,
            operator_app,
            ["add", name, "--password-file", str(file), *arguments],
            env={"COALITION_DATABASE_URL": database_url},
        )

    yield call
    # A command sets the logging up for its process, onto streams that end with it.
    structlog.reset_defaults()


async def test_an_operator_is_taken_in_with_his_roles(call: Call, pool: Pool) -> None:
    """The password is the file's first line, and of it only a hash is kept."""
    added = await call("ada", "a long password", "--role", "read", "--role", "approve", "--json")

    assert json.loads(added.stdout) == {"operator": "ada", "roles": ["approve", "read"]}
    kept = await pool.fetchrow("SELECT roles, password_hash FROM operator")
    assert kept is not None
    assert kept["roles"] == ["read", "approve"]
    assert kept["password_hash"].startswith("$argon2id$")
    assert await sign_in_operator(pool, "ada", "a long password", now=now()) is not None
    assert await sign_in_operator(pool, "ada", "a long passwords", now=now()) is None
    assert await sign_in_operator(pool, "bob", "a long password", now=now()) is None


@pytest.mark.parametrize(
    ("name", "password", "role", "told"),
    [
        ("ada", "short", "read", "password: expected 12 to 1000 characters, 5 came"),
        ("ada", "a long password", "root", "roles: expected one or more of read, operate, approve, root came"),
        (" ada", "a long password", "read", "name: expected 1 to 64 printable characters"),
    ],
)
async def test_what_is_wrong_is_told_by_field(
    call: Call, pool: Pool, name: str, password: str, role: str, told: str
) -> None:
    refused = await call(name, password, "--role", role)

    assert refused.exit_code == 1
    assert told in refused.stderr
    assert await pool.fetchval("SELECT count(*) FROM operator") == 0


async def test_a_name_is_taken_once(call: Call) -> None:
    await call("ada", "a long password", "--role", "read")
    again = await call("ada", "another password", "--role", "approve")

    assert (again.exit_code, again.stderr.strip()) == (1, "coalition: an operator is named 'ada' already")
