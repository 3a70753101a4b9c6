"""Runs the operator's commands as a person would: `coalition ... --data-dir DIR`, each a process of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from coalition.demo.errors import CommandFailedError

PROGRAM = (sys.executable, "-m", "coalition")
TOLD_LENGTH_MAX = 2_000


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with these settings of the hub alone.

    Whatever settings the shell has are for another hub: the demo must never write into that one's database.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COALITION_")}
    return inherited | {f"COALITION_{name.upper()}": value for name, value in settings.items()}


class Commands:
    """The command line of the hub in one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def run(self, *arguments: str) -> str:
        """Run a command and return what it printed. Raises CommandFailedError."""
        exit_code, printed, told = await self.try_run(*arguments)
        if exit_code != 0:
            raise CommandFailedError(
                command=" ".join(arguments), exit_code=exit_code, told=(told or printed)[-TOLD_LENGTH_MAX:].strip()
            )
        return printed

    async def run_json(self, *arguments: str) -> Any:
        """Run a command with --json and return the document that it printed. Raises CommandFailedError."""
        return json.loads(await self.run(*arguments, "--json"))

    async def try_run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command and return its exit code, its output and its errors."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *arguments,
            "--data-dir",
            str(self._data_dir),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            # Ctrl-C is for the demo, which then ends what it started, in order.
            start_new_session=True,
        )
        try:
            printed, told = await process.communicate()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, printed.decode(), told.decode()
