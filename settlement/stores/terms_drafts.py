"""Terms that one person has drafted and another has yet to approve; neither the hub nor the bill knows them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.money import Currency
from settlement.engine.terms import Terms
from settlement.engine.vat import parse_vat
from settlement.stores.hub import Programme
from settlement.stores.terms import StoredTerms

DraftState = Literal["DRAFT", "APPROVED", "WITHDRAWN"]

_PRICES = ("issue_price", "service_fee", "redemption_price", "commission", "platform_fee")
_VATS = ("charge_vat", "fee_vat", "redemption_vat")


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsDraft:
    """A version to be, as it was drafted after `base_version`; `version` is what it became once approved."""

    draft: int
    base_version: int
    stored: StoredTerms
    state: DraftState = "DRAFT"
    decided_by: str | None = None
    decided_at: datetime | None = None
    version: int | None = None

    @property
    def partner(self) -> int:
        return self.stored.terms.partner


INSERT_DRAFT = """
INSERT INTO terms_draft (partner, base_version, content, drafted_by, drafted_at)
VALUES ($1, $2, $3, $4, $5)
RETURNING draft
"""


async def insert_draft(connection: Connection, stored: StoredTerms, *, base_version: int) -> TermsDraft:
    """Keep a draft; its version is said by whoever approves it."""
    draft: int = await connection.fetchval(
        INSERT_DRAFT, stored.terms.partner, base_version, _content(stored), stored.created_by, stored.created_at
    )
    return TermsDraft(draft=draft, base_version=base_version, stored=stored)


SELECT_DRAFT = """
SELECT draft, partner, base_version, content, drafted_by, drafted_at, state, decided_by, decided_at, version
FROM terms_draft
WHERE draft = $1
"""

LOCK_DRAFT = "SELECT FROM terms_draft WHERE draft = $1 FOR UPDATE"


async def find_draft(
    connection: Connection, draft: int, programme: Programme, *, is_locked: bool = True
) -> TermsDraft | None:
    """Return a draft, None: there is none. While it is locked, nobody else decides it until the transaction ends."""
    if is_locked:
        await connection.execute(LOCK_DRAFT, draft)
    row = await connection.fetchrow(SELECT_DRAFT, draft)
    return None if row is None else _draft(row, programme)


SELECT_DRAFTS = """
SELECT draft, partner, base_version, content, drafted_by, drafted_at, state, decided_by, decided_at, version
FROM terms_draft
WHERE state = ANY($1)
ORDER BY draft
"""


async def load_drafts(
    connection: Connection, programme: Programme, states: Sequence[DraftState] = ("DRAFT",)
) -> list[TermsDraft]:
    """Return the drafts of some states, in the order in which they were made."""
    return [_draft(row, programme) for row in await connection.fetch(SELECT_DRAFTS, list(states))]


DECIDE_DRAFT = "UPDATE terms_draft SET state = $2, version = $3, decided_by = $4, decided_at = $5 WHERE draft = $1"


async def decide_draft(
    connection: Connection, draft: int, state: DraftState, *, version: int | None = None, now: datetime, actor: str
) -> None:
    """Say what became of a draft, and by whom."""
    await connection.execute(DECIDE_DRAFT, draft, state, version, actor, now)


def _content(stored: StoredTerms) -> str:
    terms = stored.terms
    document = {
        "version": terms.version,
        "valid_from": terms.valid_from.isoformat(),
        "currency": terms.currency.code,
        **{field: str(getattr(terms, field)) for field in (*_PRICES, *_VATS)},
        "funding": terms.funding,
        "earn_rate": None if stored.earn_rate is None else str(stored.earn_rate),
        "offline_loss": stored.offline_loss,
        "return_loss": stored.return_loss,
        "return_fee": stored.return_fee,
    }
    return json.dumps(document, sort_keys=True)


def _draft(row: asyncpg.Record, programme: Programme) -> TermsDraft:
    content = json.loads(row["content"])
    return TermsDraft(
        draft=row["draft"],
        base_version=row["base_version"],
        stored=StoredTerms(
            terms=_terms(content, row["partner"], programme),
            earn_rate=None if content["earn_rate"] is None else Decimal(content["earn_rate"]),
            offline_loss=content["offline_loss"],
            return_loss=content["return_loss"],
            # Drafts made before this field was there lack it.
            return_fee=content.get("return_fee", "rule"),
            created_at=row["drafted_at"],
            created_by=row["drafted_by"],
        ),
        state=row["state"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        version=row["version"],
    )


def _terms(content: dict[str, Any], partner: int, programme: Programme) -> Terms:
    return Terms(
        partner=partner,
        version=content["version"],
        valid_from=datetime.fromisoformat(content["valid_from"]).astimezone(programme.zone),
        currency=Currency(content["currency"], programme.currency.minor_units),
        issue_price=Decimal(content["issue_price"]),
        service_fee=Decimal(content["service_fee"]),
        redemption_price=Decimal(content["redemption_price"]),
        commission=Decimal(content["commission"]),
        platform_fee=Decimal(content["platform_fee"]),
        charge_vat=parse_vat(content["charge_vat"], field="charge_vat"),
        fee_vat=parse_vat(content["fee_vat"], field="fee_vat"),
        redemption_vat=parse_vat(content["redemption_vat"], field="redemption_vat"),
        funding=content["funding"],
    )
