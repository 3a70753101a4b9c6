"""What is open to all: the hub's keys, health, and the description of the API."""

import asyncio
import json
from contextlib import suppress

import asyncpg
from aiohttp import web

from coalition.database.pool import Pool
from coalition.http.answers import Health, HubKeys
from coalition.http.hub_key import VOUCHER
from coalition.http.partner_calls import signed_response, verified_call
from coalition.http.routes import POOL, Answer, Route
from coalition.signatures.errors import SignatureRefusedError
from coalition.signatures.keys import jwk_of, public_key_of_raw
from coalition.stores.hub_keys import load_hub_keys

READY = "SELECT 1"
# Less than a proxy waits for it: no answer at all means that the process is stuck, and not its database.
READY_S = 2


async def get_keys(request: web.Request) -> web.Response:
    """Answer the hub's public keys, those of the past as well; signed, where a partner's request is.

    Whoever has pinned a key takes further ones from a list that it signed."""
    async with request.app[POOL].acquire() as connection:
        rows = await load_hub_keys(connection)
    keys = [
        {
            **jwk_of(public_key_of_raw(row["public_key"])),
            "valid_from": row["valid_from"].isoformat(),
            "valid_until": row["valid_until"].isoformat() if row["valid_until"] else None,
        }
        for row in rows
    ]
    if "Signature" in request.headers:
        # Open to all: who can't be verified gets the list as anybody does.
        with suppress(SignatureRefusedError):
            call = await verified_call(request)
            answer = Answer(200, json.dumps({"keys": keys}).encode())
            return signed_response(request, call, answer, by=VOUCHER)
    return web.json_response({"keys": keys}, headers={"Cache-Control": "max-age=300"})


async def get_health(_: web.Request) -> web.Response:
    """Answer that the process lives."""
    return web.json_response({"status": "ok"})


async def get_ready(request: web.Request) -> web.Response:
    """Answer whether messages can be booked: the database answers.

    A hub that turns some away because too much waits is ready all the same: without it the others would get more."""
    asked = asyncio.create_task(_database_answers(request.app[POOL]))
    await asyncio.wait({asked}, timeout=READY_S)
    if asked.done() and asked.result():
        return web.json_response({"status": "ok"})
    # Not waited for: a connection to a database that hangs is given back only once that answers.
    asked.cancel()
    return web.json_response({"status": "not_ready"}, status=503)


async def _database_answers(pool: Pool) -> bool:
    try:
        async with pool.acquire() as connection:
            await connection.execute(READY)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


ROUTES = [
    Route("GET", "/v1/keys", "open", get_keys, "The hub's public keys, for verifying receipts.", answers=HubKeys),
    Route("GET", "/healthz", "open", get_health, "Whether the process lives.", answers=Health),
    Route(
        "GET",
        "/readyz",
        "open",
        get_ready,
        "Whether messages can be booked now.",
        answers=Health,
        other_statuses={"503": "Not now: the database is away."},
    ),
]
