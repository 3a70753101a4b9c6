"""Write down who a partner or the operator is in law, and read it again."""

from dataclasses import asdict
from datetime import datetime

from coalition.database.pool import Connection, Pool
from settlement.engine.legal_party import LegalParty, make_legal_party
from settlement.errors import UnknownLegalPartyError, UnknownPartnerError
from settlement.stores.hub import load_partner_names
from settlement.stores.legal_parties import StoredLegalParty, find_legal_party, insert_legal_party


async def set_legal_party(
    pool: Pool, partner: int | None, changes: dict[str, str], *, now: datetime, actor: str
) -> StoredLegalParty:
    """Write a party's legal data down as `write_legal_party`, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return await write_legal_party(connection, partner, changes, now=now, actor=actor)


async def write_legal_party(
    connection: Connection, partner: int | None, changes: dict[str, str], *, now: datetime, actor: str
) -> StoredLegalParty:
    """Write a party's legal data down as its newest version; None is the operator.

    `changes` names fields of `LegalParty`; those it does not name stay, and an optional one that is empty is taken
    away. What comes to the same is not written again.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidLegalPartyError: names every field that is wrong.
    """
    if partner is not None and partner not in await load_partner_names(connection):
        raise UnknownPartnerError(partner=partner)
    before = await find_legal_party(connection, partner)
    party = _changed(before.party if before else None, changes)
    if before is not None and party == before.party:
        return before
    stored = StoredLegalParty(partner=partner, party=party, set_at=now, set_by=actor)
    await insert_legal_party(connection, stored)
    return stored


async def show_legal_party(pool: Pool, partner: int | None) -> StoredLegalParty:
    """Return a party's newest legal data.

    Raises:
        UnknownLegalPartyError: nobody has written any down.
    """
    async with pool.acquire() as connection:
        stored = await find_legal_party(connection, partner)
        if stored is None:
            names = await load_partner_names(connection)
            raise UnknownLegalPartyError(party="the operator" if partner is None else names.get(partner, str(partner)))
    return stored


def _changed(before: LegalParty | None, changes: dict[str, str]) -> LegalParty:
    needed = dict.fromkeys(("legal_name", "street", "post_code", "town", "country"), "")
    return make_legal_party(**{**needed, **(asdict(before) if before else {}), **changes})
