"""Write down where a partner or the operator is paid, and read it again."""

from dataclasses import dataclass
from datetime import datetime

from coalition.database.pool import Connection, Pool
from settlement.engine.bank_account import HOLDER_CHARS_MAX, BankAccount, Mandate, make_bank_account
from settlement.engine.legal_party import LegalParty
from settlement.errors import FieldProblem, InvalidBankAccountError, UnknownBankAccountError, UnknownPartnerError
from settlement.stores.bank_accounts import (
    StoredBankAccount,
    insert_bank_account,
    load_operator_accounts,
    load_partner_accounts,
)
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.legal_parties import find_legal_party


@dataclass(frozen=True, slots=True, kw_only=True)
class BankDetails:
    """Bank details as typed by somebody. Without a holder or without a town they are the party's in law."""

    iban: str
    bic: str | None = None
    holder: str | None = None
    street: str | None = None
    building: str | None = None
    post_code: str | None = None
    town: str | None = None
    country: str | None = None
    creditor_id: str | None = None
    mandate: Mandate | None = None


async def set_bank_account(
    pool: Pool, partner: int | None, details: BankDetails, *, now: datetime, actor: str
) -> StoredBankAccount:
    """Write a party's bank details down as `write_bank_account`, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return await write_bank_account(connection, partner, details, now=now, actor=actor)


async def write_bank_account(
    connection: Connection, partner: int | None, details: BankDetails, *, now: datetime, actor: str
) -> StoredBankAccount:
    """Write a party's bank details down as its newest version; None is the operator. The same again changes nothing.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidBankAccountError: names every field that is wrong; a mandate that was signed in the future.
    """
    if partner is not None and partner not in await load_partner_names(connection):
        raise UnknownPartnerError(partner=partner)
    legal = await find_legal_party(connection, partner)
    account = _account(details, legal.party if legal else None)
    _refuse_future_mandate(account, today=now.astimezone((await load_programme(connection)).zone))
    versions = await _versions(connection, partner)
    if versions and versions[-1].account == account:
        return versions[-1]
    stored = StoredBankAccount(partner=partner, account=account, set_at=now, set_by=actor)
    await insert_bank_account(connection, stored)
    return stored


async def list_bank_accounts(pool: Pool, partner: int | None) -> list[StoredBankAccount]:
    """Return every version of a party's bank details, the newest first.

    Raises:
        UnknownPartnerError: there is no such partner.
        UnknownBankAccountError: it has none.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        names = await load_partner_names(connection)
        if partner is not None and partner not in names:
            raise UnknownPartnerError(partner=partner)
        versions = await _versions(connection, partner)
    if not versions:
        raise UnknownBankAccountError(party="the operator" if partner is None else names[partner])
    return versions[::-1]


async def _versions(connection: Connection, partner: int | None) -> list[StoredBankAccount]:
    if partner is None:
        return await load_operator_accounts(connection)
    return await load_partner_accounts(connection, [partner])


def _account(details: BankDetails, legal: LegalParty | None) -> BankAccount:
    return make_bank_account(
        holder=details.holder or (legal.legal_name[:HOLDER_CHARS_MAX] if legal else ""),
        iban=details.iban,
        bic=details.bic,
        street=legal.street if legal and details.town is None else details.street,
        building=details.building,
        post_code=legal.post_code if legal and details.town is None else details.post_code,
        town=details.town or (legal.town if legal else ""),
        country=details.country or (legal.country if legal else ""),
        creditor_id=details.creditor_id,
        mandate=details.mandate,
    )


def _refuse_future_mandate(account: BankAccount, *, today: datetime) -> None:
    if account.mandate is not None and account.mandate.signed_on > today.date():
        problem = f"must not be in the future: {account.mandate.signed_on} is after {today.date()}"
        raise InvalidBankAccountError(problems=[FieldProblem(field="mandate_signed_on", problem=problem)])
