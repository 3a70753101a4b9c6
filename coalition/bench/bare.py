"""B3's ceiling, a process of its own: an aiohttp handler that reads, verifies and signs, and books nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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


def run_bare(parent: Connection, public_keys: dict[str, bytes]) -> None:
    """Serve until the parent hangs up; tells it the port first. `public_keys` are raw, by keyid."""
    uvloop.run(_serve(parent, {keyid: public_key_of_raw(raw) for keyid, raw in public_keys.items()}))


async def _serve(parent: Connection, keys: dict[str, Ed25519PublicKey]) -> None:
    app = web.Application()
    app.router.add_post("/v1/messages", _bare_handler(keys))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    parent.send(runner.addresses[0][1])
    try:
        await asyncio.to_thread(parent.recv)
    except EOFError:
        await runner.cleanup()


def _bare_handler(keys: dict[str, Ed25519PublicKey]) -> Callable[[web.Request], Awaitable[web.Response]]:
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
            content_digest=headers["Content-Digest"],
        )
        parsed = parse_signature(signed)
        now_s = int(time.time())
        verified = verify_request(signed, body, keys[parsed.keyid], parsed, now_s=now_s)
        signature = sign_response(
            private_key=private_key, keyid=keyid, status=200, body=ANSWER, verified=verified, created_s=now_s
        )
        return web.Response(body=ANSWER, headers={"Content-Type": "application/json", **signature})

    return handle
