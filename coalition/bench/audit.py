"""That what was measured was the real thing: full durability, sound receipts, nothing lost on the way."""

import json
import re
import time
from datetime import UTC, datetime
from hashlib import sha256
from statistics import median

from coalition.bench.generator import Exchange
from coalition.bench.world import BenchError, World
from coalition.database.pool import Connection
from coalition.http.hub_key import load_signer
from coalition.signatures.request import SignedRequest
from coalition.signatures.verify import VerifiedRequest, parse_signature

MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")
ALSO_TOLD = ("server_version", "wal_level", "wal_sync_method", "shared_buffers", "max_wal_size", "commit_delay")
COMMITS = 200

# Nothing but a record in the log, which the commit has to confirm.
COMMIT = "SELECT pg_logical_emit_message(true, 'bench', '')"
SELECT_SETTING = "SELECT current_setting($1)"
# Without the record with which each lane ends a window.
SELECT_JOURNALLED = "SELECT ((SELECT sum(size) FROM lane) - (SELECT count(*) FROM lane_window))::bigint"


async def database_settings(connection: Connection) -> dict[str, str]:
    """Return the settings that the figures depend on. Raises BenchError unless durability is full."""
    names = (*MUST_BE_ON, *ALSO_TOLD)
    settings = {name: str(await connection.fetchval(SELECT_SETTING, name)) for name in names}
    for name in MUST_BE_ON:
        if settings[name] != "on":
            raise BenchError(f"{name} is {settings[name]}; the benchmark counts only at full durability: on")
    return settings


async def measure_commit_ms(connection: Connection) -> float:
    """Return how long a commit takes that writes next to nothing, with nobody else at work: the median."""
    took_s = []
    for _ in range(COMMITS):
        started_s = time.perf_counter()
        await connection.execute(COMMIT)
        took_s.append(time.perf_counter() - started_s)
    return median(took_s) * 1000


async def check_journalled(world: World, *, answered: int) -> None:
    """Raise BenchError unless every operation that was answered is in the journal, and no other."""
    async with world.pool.acquire() as connection:
        journalled = await connection.fetchval(SELECT_JOURNALLED)
    if journalled != answered:
        raise BenchError(f"{answered} operations were answered, {journalled} are in the journal")


def check_answers(world: World, exchanges: list[Exchange]) -> int:
    """Check a sample of the hub's answers: one verdict an operation, or the card that was asked for, and a signature
    that binds it to its request.

    Ed25519 is deterministic, so a sound answer, signed once more with the hub's key, gives the same headers.
    Returns how many were checked; raises BenchError for the first unsound one."""
    signer = load_signer(world.hub_key)
    for exchange in exchanges:
        if exchange.status != 200:
            raise BenchError(f"the hub answered {exchange.status}: {exchange.body[:300]!r}")
        asked, answered = _asked(exchange), _answered(exchange)
        if asked != answered:
            raise BenchError(f"{len(asked)} operations or cards were asked, the answer's {len(answered)} do not match")
        created = re.search(r";created=(\d+)", exchange.headers["Signature-Input"])
        signed_at = datetime.fromtimestamp(int(created[1]) if created else 0, UTC)
        signed_again = signer.sign(
            status=exchange.status, body=exchange.body, verified=_verified(exchange), now=signed_at
        )
        if signed_again != exchange.headers:
            raise BenchError(f"an answer's signature is not the hub's: {exchange.headers}")
    return len(exchanges)


def _asked(exchange: Exchange) -> list[str]:
    if not exchange.request.body:
        return [exchange.request.path.rpartition("/")[2]]
    return [operation["id"] for operation in json.loads(exchange.request.body)["operations"]]


def _answered(exchange: Exchange) -> list[str]:
    answer = json.loads(exchange.body)
    return [result["id"] for result in answer["results"]] if "results" in answer else [answer["card"]]


def _verified(exchange: Exchange) -> VerifiedRequest:
    asked = exchange.request
    request = SignedRequest(
        method=asked.method,
        authority=exchange.authority,
        path=asked.path,
        query="?",
        signature_input=asked.headers["Signature-Input"],
        signature=asked.headers["Signature"],
        content_digest=asked.headers.get("Content-Digest"),
    )
    return VerifiedRequest(request, parse_signature(request), sha256(asked.body).digest() if asked.body else None)
