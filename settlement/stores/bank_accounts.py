"""Where partners and the operator are paid: versions are added, never changed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.bank_account import BankAccount, Mandate, PostalAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBankAccount:
    """Bank details with who wrote them down, and when; `partner` None: the operator's."""

    partner: int | None
    account: BankAccount
    set_at: datetime
    set_by: str


INSERT_BANK_ACCOUNT = """
INSERT INTO bank_account (partner, holder, iban, bic, street, building, post_code, town, country, creditor_id,
    mandate_id, mandate_signed_on, mandate_scheme, set_at, set_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""


async def insert_bank_account(connection: Connection, stored: StoredBankAccount) -> None:
    """Write a party's bank details; from now on they count."""
    account, address, mandate = stored.account, stored.account.address, stored.account.mandate
    await connection.execute(
        INSERT_BANK_ACCOUNT,
        stored.partner,
        account.holder,
        account.iban,
        account.bic,
        address.street,
        address.building,
        address.post_code,
        address.town,
        address.country,
        account.creditor_id,
        mandate.mandate_id if mandate else None,
        mandate.signed_on if mandate else None,
        mandate.scheme if mandate else None,
        stored.set_at,
        stored.set_by,
    )


SELECT_OPERATOR_ACCOUNTS = """
SELECT partner, holder, iban, bic, street, building, post_code, town, country, creditor_id,
    mandate_id, mandate_signed_on, mandate_scheme, set_at, set_by
FROM bank_account
WHERE partner IS NULL
ORDER BY version
"""


async def load_operator_accounts(connection: Connection) -> list[StoredBankAccount]:
    """Return every version of the operator's bank details, the newest last."""
    return [_stored(row) for row in await connection.fetch(SELECT_OPERATOR_ACCOUNTS)]


SELECT_PARTNER_ACCOUNTS = """
SELECT partner, holder, iban, bic, street, building, post_code, town, country, creditor_id,
    mandate_id, mandate_signed_on, mandate_scheme, set_at, set_by
FROM bank_account
WHERE partner = ANY($1)
ORDER BY version
"""


async def load_partner_accounts(connection: Connection, partners: Collection[int]) -> list[StoredBankAccount]:
    """Return every version of some partners' bank details, the newest last."""
    return [_stored(row) for row in await connection.fetch(SELECT_PARTNER_ACCOUNTS, list(partners))]


def _stored(row: asyncpg.Record) -> StoredBankAccount:
    mandate = None
    if row["mandate_id"] is not None:
        mandate = Mandate(
            mandate_id=row["mandate_id"], signed_on=row["mandate_signed_on"], scheme=row["mandate_scheme"]
        )
    return StoredBankAccount(
        partner=row["partner"],
        account=BankAccount(
            holder=row["holder"],
            iban=row["iban"],
            bic=row["bic"],
            address=PostalAddress(
                street=row["street"],
                building=row["building"],
                post_code=row["post_code"],
                town=row["town"],
                country=row["country"],
            ),
            creditor_id=row["creditor_id"],
            mandate=mandate,
        ),
        set_at=row["set_at"],
        set_by=row["set_by"],
    )
