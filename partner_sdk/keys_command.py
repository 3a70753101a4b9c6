"""`coalition-partner keys`: the hub's public key as PEM, for checks without the hub and without this SDK."""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp

from partner_sdk.errors import AnswerNotUnderstoodError, HubUnreachableError, KeyUnusableError
from partner_sdk.exchange import KEYS_PATH, origin_of
from partner_sdk.hub_keys import read_keys
from partner_sdk.keys import public_key_of_jwk, thumbprint, write_public_key

TIMEOUT_S = 30.0


def add_to(commands: Any, every: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    keys = commands.add_parser("keys", parents=[every], help="fetch the hub's public key as PEM")
    keys.add_argument("--url", required=True, help="the hub's address")
    keys.add_argument("--out", type=Path, required=True, help="where the key goes, such as hub.pub.pem")
    keys.add_argument("--keyid", help="which of the hub's keys, where it shows several")
    keys.set_defaults(run=_keys)


def _keys(options: argparse.Namespace) -> int:
    shown = read_keys(asyncio.run(_fetch(options.url)))
    keyid = options.keyid or next(iter(shown))
    if keyid not in shown or (options.keyid is None and len(shown) > 1):
        raise KeyUnusableError(f"name one with --keyid; the hub shows {', '.join(shown)}")
    key = public_key_of_jwk(shown[keyid])
    write_public_key(options.out, key)
    content = {"public_key": str(options.out), "keyid": keyid, "thumbprint": thumbprint(key)}
    text = (
        f"{content['thumbprint']}\n{options.out} is what this address shows: compare the line above with the operator."
    )
    print(json.dumps(content) if options.json else text)
    return 0


async def _fetch(url: str) -> Any:
    """Return the answer of GET /v1/keys; whose it is rests on TLS, so nothing is signed for it."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.get(origin_of(url) + KEYS_PATH, allow_redirects=False) as answer,
        ):
            content = await answer.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as fault:
        raise HubUnreachableError(f"{type(fault).__name__}: {fault}", attempts=1) from fault
    if answer.status != 200:
        raise AnswerNotUnderstoodError(f"expected 200 with the hub's keys, got {answer.status}", content=None)
    try:
        return json.loads(content)
    except ValueError as fault:
        raise AnswerNotUnderstoodError("expected a set of keys", content=None) from fault
