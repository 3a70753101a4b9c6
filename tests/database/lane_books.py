"""One lane of a real database for the tests of the write path: accounts in it, batches booked, tables read back."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.database.pool import Pool
from coalition.lanes.book_batch import Clock, Cut, book_batch
from coalition.lanes.clearing import Clearing, SignedMessage
from coalition.ledger.batch import Command
from coalition.ledger.operation import Message
from coalition.ledger.participant import Participant
from coalition.ledger.promotion import Promotion
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import keyid_of, public_key_pem
from coalition.signatures.sign import sign_request
from coalition.stores.accounts import open_accounts
from tests.properties.auditor import CALENDAR
from tests.properties.lane_tables import LaneTables
from tests.pure.journal.naive_merkle import tree_hash

LANES = 4


def now() -> datetime:
    return datetime.now(UTC)


async def accounts_of(pool: Pool, lane: int, count: int) -> list[int]:
    """Open so many accounts in a lane."""
    async with pool.acquire() as connection, connection.transaction():
        places = await open_accounts(connection, count=count * LANES, lanes=LANES, now=now())
    return [place.account for place in places if place.lane == lane]


async def book(
    pool: Pool,
    lane: int,
    commands: Sequence[Command],
    clock: Clock = now,
    *,
    promotions: Sequence[Promotion] = (),
) -> list[dict[str, Any]]:
    """Book one batch; return its results without the moment of booking."""
    by_name = {name: one for one in promotions for name in (one.name, str(one.promotion))}
    results = await book_batch(
        pool, lane, lambda: Cut(commands), lanes=LANES, calendar=CALENDAR, clock=clock, promotions=by_name
    )
    return [without_moment(result) for result in results if result is not None]


def without_moment(result: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result)
    document.pop("booked_at", None)
    return document


async def read_tables(pool: Pool, lane: int, accounts: list[int]) -> LaneTables:
    """Return what a lane's tables hold."""

    async def keyed(query: str, *more: Any) -> dict[Any, Any]:
        return {tuple(row[0]): tuple(row[1]) for row in await pool.fetch(query, lane, *more)}

    window_no, outstanding = await pool.fetchrow("SELECT window_no, outstanding FROM lane WHERE lane = $1", lane)
    balances = "SELECT account, balance, debt FROM account WHERE lane = $1 AND account = ANY($2)"
    journal = """SELECT leaf, window_no, kind, code, partner, operation_id, account, points, terms_version,
        original_leaf FROM journal WHERE lane = $1 ORDER BY leaf"""
    return LaneTables(
        window_no=window_no,
        outstanding=outstanding,
        accounts={row[0]: (row[1], row[2]) for row in await pool.fetch(balances, lane, accounts)},
        holds={
            row[0]: tuple(row.values())[1:]
            for row in await pool.fetch(
                "SELECT leaf, account, partner, points, state, captured, resolved_leaf FROM hold WHERE lane = $1", lane
            )
        },
        lots=await keyed("SELECT (account, leaf, part), (points, remaining) FROM lot WHERE lane = $1"),
        uses=await keyed("SELECT (leaf, lot_leaf, lot_part), (points, restored) FROM lot_use WHERE lane = $1"),
        restorations=dict(
            await pool.fetch("SELECT (leaf, lot_leaf, lot_part), points FROM lot_restoration WHERE lane = $1", lane)
        ),
        totals=await keyed(
            """SELECT (window_no, partner, kind, terms_version, vat_rate),
                (points, operations, first_occurred_at, last_occurred_at) FROM window_total WHERE lane = $1"""
        ),
        lot_totals=dict(
            await pool.fetch(
                """SELECT (window_no, payer, kind, vat_rate), sum(points)::bigint FROM lot_total WHERE lane = $1
                GROUP BY window_no, payer, kind, vat_rate""",
                lane,
            )
        ),
        journal=[tuple(row) for row in await pool.fetch(journal, lane)],
    )


async def journal_root(pool: Pool, lane: int, *, size: int) -> bytes:
    """Return the Merkle root of a journal's first leaves, from its records and by the definition."""
    rows = await pool.fetch(
        "SELECT message, message_index, result FROM journal WHERE lane = $1 AND leaf < $2 ORDER BY leaf", lane, size
    )
    return tree_hash([(row[0] or bytes(32)) + (row[1] or 0).to_bytes(4, "big") + row[2].encode() for row in rows])


@dataclass(frozen=True)
class Till:
    """A partner with its key."""

    participant: Participant
    private_key: Ed25519PrivateKey

    @property
    def partner(self) -> int:
        return self.participant.partner

    def signed(self, body: bytes) -> SignedMessage:
        """Return a message as the hub's door hands it on, with a signature that can be verified for years."""
        keyid = keyid_of(self.private_key.public_key())
        headers = sign_request(
            private_key=self.private_key,
            keyid=keyid,
            method="POST",
            authority="hub.example",
            path="/v1/messages",
            body=body,
            created_s=int(time.time()),
        )
        return SignedMessage(
            partner=self.participant,
            keyid=keyid,
            authority="hub.example",
            target="/v1/messages",
            signature_input=headers["Signature-Input"],
            signature=headers["Signature"],
            content_digest=headers["Content-Digest"],
            body=body,
            digest=sha256(body).digest(),
        )


@dataclass
class Hub:
    """A hub without its HTTP: partners' messages go straight to the clearing."""

    clearing: Clearing

    async def send(self, till: Till, *operations: dict[str, Any]) -> list[str]:
        """Clear operations as one verified message; return the results as they are answered."""
        body = json.dumps({"operations": operations}).encode()
        return await self.clearing.clear(till.signed(body), Message.model_validate_json(body).operations)


@asynccontextmanager
async def open_hub(pool: Pool, **settings: Any) -> AsyncIterator[Hub]:
    clearing = Clearing(pool, clock=now, **settings)
    await clearing.open()
    try:
        yield Hub(clearing)
    finally:
        # Also when a test fails: a pool waits for connections that are in use.
        await clearing.close()


async def new_partners(pool: Pool, *names: str) -> list[Till]:
    """Take partners in with plain terms."""
    keys = [Ed25519PrivateKey.generate() for _ in names]
    added = [
        await add_partner(
            pool,
            name=name,
            key_pem=public_key_pem(key.public_key()),
            terms=FirstTerms(),
            now=now(),
            actor="test",
        )
        for name, key in zip(names, keys, strict=True)
    ]
    clearing = Clearing(pool, clock=now)
    await clearing.registry.load()
    participants = clearing.registry.participants
    return [Till(participants[partner.partner], key) for partner, key in zip(added, keys, strict=True)]


async def new_cards(pool: Pool, count: int) -> list[str]:
    """Open accounts, dealt out over the lanes."""
    members = [NewMember(f"member{number}@shop.example", "A member") for number in range(count)]
    return [opened.card for opened in await add_members(pool, members, now=now())]
