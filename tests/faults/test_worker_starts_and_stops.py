"""One worker by itself: it answers what is on its way when it is told to stop; and of several one that does not start
is told at once."""

import asyncio
import json
import logging
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from coalition.cli import serving
from coalition.cli.listening import bind_shared
from coalition.cli.serving import Extensions, _serve_worker
from coalition.cli.session import Database, Session
from coalition.cli.workers import READY, Workers, WorkersDiedError, figures_folder
from coalition.config import Settings
from coalition.database.pool import Pool
from tests.faults.conftest import HubProcess

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"


@pytest.fixture
def as_before() -> Iterator[None]:
    """Gives back what a worker has for itself: how it logs, how many files it opens, what signals do."""
    limits, handlers = resource.getrlimit(resource.RLIMIT_NOFILE), list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        asyncio.get_event_loop().remove_signal_handler(number)


@pytest.mark.usefixtures("as_before")
async def test_a_worker_that_stops_answers_what_is_on_its_way(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that it has taken just before, and whose request comes when nobody else can come any more."""
    monkeypatch.setenv("COALITION_DATABASE_URL", database_url)
    monkeypatch.setenv("COALITION_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(serving, "LINGER_S", 1.0)
    ((listening,),) = bind_shared("127.0.0.1", 0, count=1)
    address = listening.getsockname()
    ours, theirs = socket.socketpair()
    worker = asyncio.create_task(_serve_worker(Extensions(), theirs.detach(), [listening.detach()]))
    from_worker, lifeline = await asyncio.open_unix_connection(sock=ours)
    assert await from_worker.read(1) == READY
    reader, writer = await asyncio.open_connection(*address)
    for is_stopping in (False, True):
        if is_stopping:
            lifeline.close()
            await until_refused(address)
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert (b"\r\nConnection: close" in head) == is_stopping
        await reader.readuntil(b"}")
    assert await reader.read() == b""
    writer.close()
    await worker


async def until_refused(address: tuple[str, int]) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(*address)
        except ConnectionError:
            return
        writer.close()


async def test_a_hub_of_which_one_worker_does_not_start_does_not_start(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    """The others, which are ready, are ended with it: nobody answers half a hub's requests."""
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    ((good,),) = bind_shared("127.0.0.1", 0, count=1)
    with figures_folder() as figures, (tmp_path / "no-socket").open("w") as bad:
        workers = Workers(Session(settings, pool, Database(database_url)), figures=Path(figures))
        try:
            with pytest.raises(WorkersDiedError, match="a worker did not start"):
                await workers.start([[good], [bad]])
        finally:
            await workers.stop()
    assert workers.registry.get_sample_value("coalition_workers") == 0
    good.close()


async def test_a_hub_names_settings_that_count_no_more(
    database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lanes and currency were chosen when the database was made: who changes them afterwards is told, once."""
    settings = {"COALITION_LANES": "7", "COALITION_CURRENCY": "EUR", "COALITION_LOG_JSON": "true"}
    hub = HubProcess(tmp_path, environment={"COALITION_DATABASE_URL": database_url, **settings})
    await hub.start()
    await hub.stop()
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(event["setting"], event["given"]) for event in events if event["event"] == "setting.passed_over"] == [
        ("COALITION_LANES", "7")
    ]
