"""Partners, their keys and their terms."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

import asyncpg

from coalition.database.pool import Connection
from coalition.ledger.participant import Funding, OfflineLoss, Participant, ReturnFee, ReturnLoss, TermsVersion

ANNOUNCE = "SELECT pg_notify('registry', '')"


async def announce_change(connection: Connection) -> None:
    """Tell the running hubs, when this transaction commits, to load the registry anew."""
    await connection.execute(ANNOUNCE)


SELECT_PARTNERS = """
SELECT partner.partner, partner.name, partner.status, partner.may_earn, partner.may_burn, partner_exit.burns_until
FROM partner
LEFT JOIN partner_exit ON partner_exit.partner = partner.partner
ORDER BY partner.partner
"""

SELECT_TERMS = """
SELECT partner, version, valid_from, earn_rate, offline_loss, return_loss FROM terms ORDER BY partner, valid_from
"""


async def load_participants(connection: Connection) -> dict[int, Participant]:
    """Return all partners with their terms' versions in order."""
    terms: defaultdict[int, list[TermsVersion]] = defaultdict(list)
    for row in await connection.fetch(SELECT_TERMS):
        terms[row["partner"]].append(TermsVersion(*list(row.values())[1:]))
    return {
        row["partner"]: Participant(
            partner=row["partner"],
            name=row["name"],
            status=row["status"],
            may_earn=row["may_earn"],
            may_burn=row["may_burn"],
            terms=tuple(terms[row["partner"]]),
            burns_until=row["burns_until"],
        )
        for row in await connection.fetch(SELECT_PARTNERS)
    }


SELECT_KEYS = "SELECT keyid, partner, public_key, valid_from, valid_until FROM partner_key"


async def load_partner_keys(connection: Connection) -> list[asyncpg.Record]:
    return await connection.fetch(SELECT_KEYS)


INSERT_PARTNER = """
INSERT INTO partner (name, may_earn, may_burn, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO NOTHING
RETURNING partner
"""


async def add_partner(
    connection: Connection, name: str, *, may_earn: bool, may_burn: bool, now: datetime
) -> int | None:
    """Add a partner; return its number. None: the name is taken."""
    partner: int | None = await connection.fetchval(INSERT_PARTNER, name, may_earn, may_burn, now)
    return partner


INSERT_KEY = """
INSERT INTO partner_key (keyid, partner, public_key, valid_from, valid_until) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (keyid) DO NOTHING
RETURNING keyid
"""


async def add_partner_key(
    connection: Connection,
    *,
    keyid: str,
    partner: int,
    public_key: bytes,
    valid_from: datetime,
    valid_until: datetime | None = None,
) -> bool:
    """Add a key. False: it is registered already."""
    return await connection.fetchval(INSERT_KEY, keyid, partner, public_key, valid_from, valid_until) is not None


END_KEY = "UPDATE partner_key SET valid_until = $2 WHERE keyid = $1 RETURNING keyid"


async def end_partner_key(connection: Connection, keyid: str, *, valid_until: datetime) -> bool:
    """End a key's validity; it stays, so that what it signed can be verified. False: no such key."""
    return await connection.fetchval(END_KEY, keyid, valid_until) is not None


SET_STATUS = "UPDATE partner SET status = $2 WHERE name = $1 RETURNING partner"


async def set_partner_status(connection: Connection, name: str, status: str) -> bool:
    """Set a partner's status; False: no such partner."""
    return await connection.fetchval(SET_STATUS, name, status) is not None


INSERT_FIRST_TERMS = """
INSERT INTO terms (partner, version, valid_from, earn_rate, issue_price, service_fee, redemption_price, commission,
    platform_fee, charge_vat, fee_vat, redemption_vat, funding, offline_loss, return_loss, return_fee, created_at,
    created_by)
SELECT $1, 1, '2000-01-01', $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, programme.funding), $12, $13, $14, $15,
    $16
FROM programme
"""


async def add_first_terms(
    connection: Connection,
    partner: int,
    *,
    earn_rate: Decimal | None,
    issue_price: Decimal,
    service_fee: Decimal,
    redemption_price: Decimal,
    commission: Decimal,
    platform_fee: Decimal,
    charge_vat: str,
    fee_vat: str,
    redemption_vat: str,
    funding: Funding | None,
    offline_loss: OfflineLoss,
    return_loss: ReturnLoss,
    return_fee: ReturnFee,
    now: datetime,
    actor: str,
) -> None:
    """Add a new partner's first terms; they hold for every sale before the second version's start. `funding` None:
    the programme's."""
    await connection.execute(
        INSERT_FIRST_TERMS,
        partner,
        earn_rate,
        issue_price,
        service_fee,
        redemption_price,
        commission,
        platform_fee,
        charge_vat,
        fee_vat,
        redemption_vat,
        funding,
        offline_loss,
        return_loss,
        return_fee,
        now,
        actor,
    )


SELECT_PARTNER = "SELECT partner FROM partner WHERE name = $1"


async def find_partner(connection: Connection, name: str) -> int | None:
    """Return a partner's number by its name."""
    return await connection.fetchval(SELECT_PARTNER, name)  # type: ignore[no-any-return]
