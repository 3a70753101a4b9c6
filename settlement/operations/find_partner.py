"""Find a partner by what an operator types."""

from coalition.database.pool import Pool
from settlement.errors import UnknownPartnerError
from settlement.stores.hub import load_partner_names


async def find_partner(pool: Pool, name_or_number: str) -> int:
    """Return a partner's number; a name wins over a number that reads the same.

    Raises:
        UnknownPartnerError: there is no such partner.
    """
    async with pool.acquire() as connection:
        names = await load_partner_names(connection)
    for partner, name in names.items():
        if name == name_or_number:
            return partner
    for partner in names:
        if str(partner) == name_or_number:
            return partner
    raise UnknownPartnerError(partner=name_or_number)
