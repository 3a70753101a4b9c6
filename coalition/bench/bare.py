"""The ceilings of B3 and B5, a process of its own: handlers that verify and sign; between the two one does nothing, the
other reads one row by its key."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coalition.database.pool import Pool, open_pool
from coalition.signatures.keys import generate_private_key, keyid_of, public_key_of_raw
from coalition.signatures.request import SignedRequest, path_and_query
from coalition.signatures.sign import sign_response
from coalition.signatures.verify import parse_signature, verify_request

# As long as the hub's own answer to one earn.
ANSWER = (
    b'{"message":"' + b"0" * 64 + b'","results":[{"id":"00000000-0000-7000-8000-000000000000","verdict":"booked",'
    b'"points":120,"balance":1820,"available":1820,"lane":3,"leaf":90412,"window":1,'
    b'"booked_at":"2026-01-01T00:00:00.000000Z"}]}'
)

# As long as the hub's own answer for a card whose points expire in one month.
ANSWER_OF_CARD = (
    '{{"card": "{card}", "balance": {balance}, "available": 1820, "held": 0, "holds": [], '
    '"expiries": [{{"on": "2029-01-31", "points": 1820}}]}}'
)

# The peer's accounts have a balance by a whole number, and are as many.
SELECT_BALANCE = "SELECT balance FROM bench_account WHERE account = $1"

Answering = Callable[[web.Request], Awaitable[bytes]]


def run_bare(parent: Connection, database_url: str, accounts: dict[str, int], public_keys: dict[str, bytes]) -> None:
    """Serve until the parent hangs up; tells it the port first. `public_keys` are raw, by keyid; `accounts` by card."""
    keys = {keyid: public_key_of_raw(raw) for keyid, raw in public_keys.items()}
    uvloop.run(_serve(parent, database_url, accounts, keys))


async def _serve(
    parent: Connection, database_url: str, accounts: dict[str, int], keys: dict[str, Ed25519PublicKey]
) -> None:
    pool = await open_pool(database_url)
    app = web.Application()
    app.router.add_post("/v1/messages", _bare_handler(keys, _answer_message))
    app.router.add_get("/v1/cards/{card}", _bare_handler(keys, _card_answering(pool, accounts)))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    parent.send(runner.addresses[0][1])
    try:
        await asyncio.to_thread(parent.recv)
    except EOFError:
        await runner.cleanup()
        await pool.close()


async def _answer_message(_: web.Request) -> bytes:
    return ANSWER


def _card_answering(pool: Pool, accounts: dict[str, int]) -> Answering:
    async def answer(request: web.Request) -> bytes:
        card = request.match_info["card"]
        async with pool.acquire() as connection:
            balance = await connection.fetchval(SELECT_BALANCE, accounts[card])
        return ANSWER_OF_CARD.format(card=card, balance=balance).encode()

    return answer


def _bare_handler(
    keys: dict[str, Ed25519PublicKey], answering: Answering
) -> Callable[[web.Request], Awaitable[web.Response]]:
    private_key = generate_private_key()
    keyid = keyid_of(private_key.public_key())

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        path, query = path_and_query(request.raw_path)
        headers = request.headers
        signed = SignedRequest(
            method=request.method,
            authority=headers["Host"],
            path=path,
            query=query,
            signature_input=headers["Signature-Input"],
            signature=headers["Signature"],
            content_digest=headers.get("Content-Digest"),
        )
        parsed = parse_signature(signed)
        now_s = int(time.time())
        verified = verify_request(signed, body, keys[parsed.keyid], parsed, now_s=now_s)
        answer = await answering(request)
        signature = sign_response(
            private_key=private_key, keyid=keyid, status=200, body=answer, verified=verified, created_s=now_s
        )
        return web.Response(body=answer, headers={"Content-Type": "application/json", **signature})

    return handle
