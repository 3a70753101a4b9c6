"""Who partners and the operator are in law: versions are added, never changed."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.legal_party import LegalParty


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLegalParty:
    """Legal data with who wrote them down, and when; `partner` None: the operator's."""

    partner: int | None
    party: LegalParty
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class LegalParties:
    """The newest legal data of everybody who has some."""

    operator: LegalParty | None
    partners: dict[int, LegalParty]


INSERT_LEGAL_PARTY = """
INSERT INTO legal_party (partner, legal_name, street, post_code, town, country, vat_id, tax_number, registration,
    email, language, set_at, set_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""


async def insert_legal_party(connection: Connection, stored: StoredLegalParty) -> None:
    """Write a party's legal data; from now on they count."""
    party = stored.party
    await connection.execute(
        INSERT_LEGAL_PARTY,
        stored.partner,
        party.legal_name,
        party.street,
        party.post_code,
        party.town,
        party.country,
        party.vat_id,
        party.tax_number,
        party.registration,
        party.email,
        party.language,
        stored.set_at,
        stored.set_by,
    )


SELECT_NEWEST = """
SELECT partner, legal_name, street, post_code, town, country, vat_id, tax_number, registration, email, language,
    set_at, set_by
FROM legal_party
WHERE partner IS NOT DISTINCT FROM $1
ORDER BY version DESC
LIMIT 1
"""


async def find_legal_party(connection: Connection, partner: int | None) -> StoredLegalParty | None:
    """Return the newest legal data of a partner, or of the operator for None."""
    row = await connection.fetchrow(SELECT_NEWEST, partner)
    return None if row is None else _stored(row)


SELECT_ALL_NEWEST = """
SELECT DISTINCT ON (partner) partner, legal_name, street, post_code, town, country, vat_id, tax_number, registration,
    email, language, set_at, set_by
FROM legal_party
ORDER BY partner, version DESC
"""


async def load_legal_parties(connection: Connection) -> LegalParties:
    """Return everybody's newest legal data."""
    newest = {stored.partner: stored.party for stored in map(_stored, await connection.fetch(SELECT_ALL_NEWEST))}
    return LegalParties(
        operator=newest.get(None),
        partners={partner: party for partner, party in newest.items() if partner is not None},
    )


def _stored(row: asyncpg.Record) -> StoredLegalParty:
    return StoredLegalParty(
        partner=row["partner"],
        party=LegalParty(
            legal_name=row["legal_name"],
            street=row["street"],
            post_code=row["post_code"],
            town=row["town"],
            country=row["country"],
            vat_id=row["vat_id"],
            tax_number=row["tax_number"],
            registration=row["registration"],
            email=row["email"],
            language=row["language"],
        ),
        set_at=row["set_at"],
        set_by=row["set_by"],
    )
