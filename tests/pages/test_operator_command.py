"""`coalition operator`: who may sign in at /finance."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from coalition.cli.operator import operator_app
from coalition.database.pool import Pool
from coalition.operations.sign_in import find_signed_in, sign_in_operator
from tests.http.conftest import now

Call = Callable[..., Awaitable[Result]]
WAITS_FOR = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"


@pytest.fixture
def command(database_url: str) -> Iterator[Call]:
    async def command(*arguments: str) -> Result:
        # A command runs a loop of its own, so it gets a thread of its own.
        return await asyncio.to_thread(
            CliRunner().invoke, operator_app, arguments, env={"COALITION_DATABASE_URL": database_url}
        )

    yield command
    # A command sets the logging up for its process, onto streams that end with it.
    structlog.reset_defaults()


@pytest.fixture
def call(command: Call, tmp_path: Path) -> Call:
    """`add`, with the password in a file."""

    async def call(name: str, password: str, *arguments: str) -> Result:
        return await command("add", name, "--password-file", password_file(tmp_path, password), *arguments)

    return call


def password_file(folder: Path, password: str) -> str:
    file = folder / "password"
    file.write_text(f"{password}\nsecond line")
    return str(file)


async def signed_in(pool: Pool, *tokens: str) -> list[bool]:
    return [await find_signed_in(pool, token, "finance", now=now()) is not None for token in tokens]


async def sign_in(pool: Pool, name: str, password: str = "a long password") -> str:
    opened = await sign_in_operator(pool, name, password, now=now())
    assert opened is not None
    return opened.token


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


async def test_operators_are_listed(command: Call, call: Call) -> None:
    """For a person and for a machine; of the password nothing."""
    assert (await command("list")).stdout == "There are no operators yet.\n"
    await call("bob", "a long password", "--role", "read")
    await call("ada", "a long password", "--role", "read", "--role", "approve")

    listed = json.loads((await command("list", "--json")).stdout)
    assert [(one["operator"], one["roles"]) for one in listed] == [("ada", ["approve", "read"]), ("bob", ["read"])]
    assert set(listed[0]) == {"operator", "roles", "created_at"}
    assert (await command("list")).stdout.split() == ["approve,", "read", "ada", "read", "bob"]


async def test_who_is_removed_is_signed_out(command: Call, call: Call, pool: Pool) -> None:
    """At once and in every browser; the others stay."""
    for name in ("ada", "bob"):
        await call(name, "a long password", "--role", "read")
    tokens = [await sign_in(pool, name) for name in ("ada", "ada", "bob")]

    assert (await command("remove", "ada")).stdout == "ada is removed and signed out.\n"
    assert await signed_in(pool, *tokens) == [False, False, True]
    assert await sign_in_operator(pool, "ada", "a long password", now=now()) is None


async def test_another_password_ends_what_the_old_one_opened(
    command: Call, call: Call, pool: Pool, tmp_path: Path
) -> None:
    for name in ("ada", "bob"):
        await call(name, "a long password", "--role", "read")
    tokens = [await sign_in(pool, name) for name in ("ada", "bob")]

    changed = await command("password", "ada", "--password-file", password_file(tmp_path, "another password"))

    assert changed.stdout == "ada has another password and is signed out.\n"
    assert await signed_in(pool, *tokens) == [False, True]
    assert await sign_in_operator(pool, "ada", "a long password", now=now()) is None
    assert await signed_in(pool, await sign_in(pool, "ada", "another password")) == [True]


async def test_a_sign_in_that_is_under_way_while_the_password_changes_opens_nothing(call: Call, pool: Pool) -> None:
    """The change waits for no password check, and a check that ends after it counts for nothing."""
    await call("ada", "a long password", "--role", "read")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE operator SET password_hash = 'x'")
        changing = await connection.fetchval("SELECT pg_backend_pid()")
        late = asyncio.create_task(sign_in_operator(pool, "ada", "a long password", now=now()))
        # Until it waits for this transaction, with the password found right. Asked outside of the transaction, which
        # would see for ever who was connected when it asked first.
        while not (late.done() or await pool.fetchval(WAITS_FOR, changing)):  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.01)

    assert await late is None
    assert await pool.fetchval("SELECT count(*) FROM session") == 0


async def test_a_password_that_is_too_short_changes_nothing(
    command: Call, call: Call, pool: Pool, tmp_path: Path
) -> None:
    await call("ada", "a long password", "--role", "read")
    token = await sign_in(pool, "ada")
    refused = await command("password", "ada", "--password-file", password_file(tmp_path, "short"))

    assert refused.exit_code == 1
    assert "password: expected 12 to 1000 characters, 5 came" in refused.stderr
    assert await signed_in(pool, token) == [True]


@pytest.mark.parametrize("arguments", [("remove",), ("password", "--password-file")])
async def test_an_unknown_operator_is_told(command: Call, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = password_file(tmp_path, "another password")
    refused = await command(*arguments, *([file] if len(arguments) > 1 else []), "nobody")

    assert (refused.exit_code, refused.stderr.strip()) == (1, "coalition: no operator is named 'nobody'")
