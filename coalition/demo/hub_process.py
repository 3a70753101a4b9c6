"""The hub as a process of its own, started and stopped by the demo."""

import asyncio
import re
import signal
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TextIO, TypeVar

from coalition.demo.commands import PROGRAM, environment
from coalition.demo.errors import HubDiedError
from coalition.demo.folder import DemoFolder

STOP_TIMEOUT_S = 30.0
LOG_TAIL_CHARS = 3_000
LINE_BYTES_MAX = 1 << 20

T = TypeVar("T")


class HubProcess:
    """`coalition serve` in the demo's directory: `async with HubProcess(...) as hub: hub.url`."""

    def __init__(self, folder: DemoFolder, *, port: int = 0, settings: dict[str, str] | None = None) -> None:
        """Port 0 is any free one; `settings` go to the hub as COALITION_..."""
        self._folder = folder
        self._port = port
        self._settings = settings or {}
        self._is_echoing = False
        self._ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._process: asyncio.subprocess.Process
        self._ended: asyncio.Task[None]

    @property
    def url(self) -> str:
        """The hub's address, once it is ready."""
        return self._ready.result()

    def echo(self) -> None:
        """Print from now on what the hub tells: the sign-in codes among it."""
        self._is_echoing = True

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            "serve",
            *("--port", str(self._port), "--data-dir", str(self._folder.path)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(**self._settings),
            # Ctrl-C is for the demo, which stops the hub when nobody needs it any more.
            start_new_session=True,
            limit=LINE_BYTES_MAX,
            # If the demo is killed, the hub goes on: it keeps the lock, so that the next run stays out of its way.
            pass_fds=(self._folder.lock,),
        )
        self._ended = asyncio.create_task(self._keep_log())
        try:
            await self.while_alive(self._until_ready())
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def while_alive(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work; give it up when the hub ends by itself. Raises HubDiedError, or what the work raises."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        raise HubDiedError(
            exit_code=await self._process.wait(), log=self._folder.hub_log, tail=self._log_tail()
        ) from None

    async def wait_until_it_ends(self) -> None:
        await asyncio.shield(self._ended)

    async def _until_ready(self) -> None:
        await asyncio.shield(self._ready)

    async def _keep_log(self) -> None:
        """Keep all that the hub prints, until it ends."""
        output = self._process.stdout
        assert output is not None
        with self._folder.open_private(self._folder.hub_log) as log:
            async for line in output:
                self._keep_line(line.decode(errors="replace"), log)
        await self._process.wait()

    def _keep_line(self, text: str, log: TextIO) -> None:
        log.write(text)
        log.flush()
        if self._is_echoing:
            print(text, end="", flush=True)
        if (ready := re.match(r"coalition is ready at (\S+)", text)) and not self._ready.done():
            self._ready.set_result(ready[1])

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._process.kill()
        await self._ended

    def _log_tail(self) -> str:
        return self._folder.hub_log.read_text()[-LOG_TAIL_CHARS:].strip()
