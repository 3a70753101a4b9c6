"""The hub as a partner of any language meets it: over real HTTP, with settlement's routes as in production."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from coalition.database.pool import Pool
from coalition.http.app import build_app, make_runner
from coalition.http.hub_key import load_signer
from coalition.lanes.clearing import Clearing
from settlement.http import routes as settlement_routes
from tests.http.conftest import Clock, RunningHub


@pytest.fixture
async def whole_hub(pool: Pool, tmp_path: Path) -> AsyncIterator[RunningHub]:
    clock = Clock()
    clearing = Clearing(pool, clock=clock)
    app = build_app(clearing, load_signer(tmp_path / "hub-key.pem"), more_routes=settlement_routes)
    runner = make_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession() as session:
        yield RunningHub(f"{host}:{port}", pool, session, clearing, clock)
    await runner.cleanup()
