"""`coalition` as its users call it, on a test's database."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

from coalition.__main__ import app

Call = Callable[..., Awaitable[Result]]


@pytest.fixture
def call(database_url: str, tmp_path: Path) -> Iterator[Call]:
    """Runs a command, given its words."""
    environment = {"COALITION_DATABASE_URL": database_url, "COALITION_DATA_DIR": str(tmp_path / "data")}

    async def call(*arguments: str) -> Result:
        # A command runs a loop of its own, so it gets a thread of its own.
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)

    yield call
    # A command sets the logging up for its process, onto streams that end with it.
    structlog.reset_defaults()


async def document_of(call: Call, *arguments: str) -> Any:
    """Return what a command says with --json."""
    result = await call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
