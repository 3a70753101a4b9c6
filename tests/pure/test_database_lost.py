"""A command whose database goes away under it, or has no room."""

import asyncpg
import pytest
import typer

from coalition.cli.session import run

LOST = (
    asyncpg.DiskFullError,
    asyncpg.AdminShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    # A database that is being restored, and waits at the moment it was restored to.
    asyncpg.ReadOnlySQLTransactionError,
)


@pytest.mark.parametrize("error", LOST)
def test_a_lost_database_is_one_line_and_no_traceback(
    error: type[asyncpg.PostgresError], capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator is told what the database said, and the command ends with exit code 1."""

    async def work() -> None:
        raise error("could not extend file: No space left on device")

    with pytest.raises(typer.Exit) as left:
        run(work())
    assert left.value.exit_code == 1
    told = "coalition: the database can not be used: could not extend file: No space left on device"
    assert capsys.readouterr().err.splitlines()[0] == told
