"""Partners' terms: versions are added, never changed."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.terms import Terms
from settlement.engine.vat import parse_vat
from settlement.stores.hub import Programme

OfflineLoss = Literal["partner", "member"]
ReturnLoss = Literal["member", "issuer"]
ReturnFee = Literal["rule", "operator", "partner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTerms:
    """Terms with what no bill needs: the earn rate, points per unit of the currency (None: points are sent), who bears
    an offline burn and a returned sale whose points are gone, and who bears what a bank takes for a payment that comes
    back (rule: as the programme has it).

    They start at a moment in the programme's time zone. `approved_by` None: those that a partner was taken in with.
    """

    terms: Terms
    earn_rate: Decimal | None
    offline_loss: OfflineLoss = "partner"
    return_loss: ReturnLoss = "member"
    return_fee: ReturnFee = "rule"
    created_at: datetime
    created_by: str
    approved_by: str | None = None
    approved_at: datetime | None = None


SELECT_ALL_TERMS = """
SELECT partner, version, valid_from, earn_rate, issue_price, service_fee, redemption_price, commission, platform_fee,
    charge_vat, fee_vat, redemption_vat, funding, offline_loss, return_loss, return_fee, created_at, created_by,
    approved_by, approved_at
FROM terms
ORDER BY partner, version
"""


async def load_all_terms(connection: Connection, programme: Programme) -> list[StoredTerms]:
    """Return every version of every partner's terms."""
    return [_stored(row, programme) for row in await connection.fetch(SELECT_ALL_TERMS)]


SELECT_TERMS = """
SELECT partner, version, valid_from, earn_rate, issue_price, service_fee, redemption_price, commission, platform_fee,
    charge_vat, fee_vat, redemption_vat, funding, offline_loss, return_loss, return_fee, created_at, created_by,
    approved_by, approved_at
FROM terms
WHERE partner = $1
ORDER BY version
"""


async def load_terms(connection: Connection, partner: int, programme: Programme) -> list[StoredTerms]:
    """Return every version of one partner's terms."""
    return [_stored(row, programme) for row in await connection.fetch(SELECT_TERMS, partner)]


SELECT_RETURN_FEES = "SELECT partner, valid_from, return_fee FROM terms ORDER BY partner, valid_from, version"


async def load_return_fees(connection: Connection, programme: Programme) -> dict[int, list[tuple[date, ReturnFee]]]:
    """Return by partner who bears a bank's fee for what comes back, each from a day on, in order."""
    bearers: defaultdict[int, list[tuple[date, ReturnFee]]] = defaultdict(list)
    for partner, valid_from, return_fee in await connection.fetch(SELECT_RETURN_FEES):
        bearers[partner].append((valid_from.astimezone(programme.zone).date(), return_fee))
    return bearers


INSERT_TERMS = """
INSERT INTO terms (partner, version, valid_from, earn_rate, issue_price, service_fee, redemption_price, commission,
    platform_fee, charge_vat, fee_vat, redemption_vat, funding, offline_loss, return_loss, return_fee, created_at,
    created_by, approved_by, approved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
"""


async def insert_terms(connection: Connection, stored: StoredTerms) -> None:
    """Write a new version."""
    terms = stored.terms
    await connection.execute(
        INSERT_TERMS,
        terms.partner,
        terms.version,
        terms.valid_from,
        stored.earn_rate,
        terms.issue_price,
        terms.service_fee,
        terms.redemption_price,
        terms.commission,
        terms.platform_fee,
        str(terms.charge_vat),
        str(terms.fee_vat),
        str(terms.redemption_vat),
        terms.funding,
        stored.offline_loss,
        stored.return_loss,
        stored.return_fee,
        stored.created_at,
        stored.created_by,
        stored.approved_by,
        stored.approved_at,
    )


LOCK_PARTNER_TERMS = "SELECT pg_advisory_xact_lock($1, $2)"

# Any number, the same everywhere: the first half of the key of a partner's terms' lock.
TERMS_LOCK = 0x7465726D


async def lock_terms(connection: Connection, partner: int) -> None:
    """Let one transaction at a time add a version to a partner's terms."""
    # The lock takes 32 bits: two partners that share one wait for each other, and nothing else.
    await connection.execute(LOCK_PARTNER_TERMS, TERMS_LOCK, partner % 2**31)


ANNOUNCE = "SELECT pg_notify('registry', '')"


async def announce_terms(connection: Connection) -> None:
    """Tell running hubs, at commit, to load terms anew."""
    await connection.execute(ANNOUNCE)


def _stored(row: asyncpg.Record, programme: Programme) -> StoredTerms:
    return StoredTerms(
        terms=Terms(
            partner=row["partner"],
            version=row["version"],
            valid_from=row["valid_from"].astimezone(programme.zone),
            currency=programme.currency,
            issue_price=row["issue_price"],
            service_fee=row["service_fee"],
            redemption_price=row["redemption_price"],
            commission=row["commission"],
            platform_fee=row["platform_fee"],
            charge_vat=parse_vat(row["charge_vat"], field="charge_vat"),
            fee_vat=parse_vat(row["fee_vat"], field="fee_vat"),
            redemption_vat=parse_vat(row["redemption_vat"], field="redemption_vat"),
            funding=row["funding"],
        ),
        earn_rate=row["earn_rate"],
        offline_loss=row["offline_loss"],
        return_loss=row["return_loss"],
        return_fee=row["return_fee"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
    )
