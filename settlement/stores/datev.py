"""By which accounts a window is booked in DATEV: one row for the programme."""

from dataclasses import dataclass

from coalition.database.pool import Connection
from settlement.engine.datev import DatevAccounts


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevSettings:
    """`consultant` and `client` None: not set yet; the fiscal year begins with its month."""

    consultant: int | None
    client: int | None
    fiscal_year_month: int
    accounts: DatevAccounts


SELECT_SETTINGS = """
SELECT consultant, client, fiscal_year_month, account_digits, debtor_base, creditor_base, points, service_fee,
    commission, platform_fee, output_vat, input_vat
FROM datev_settings
"""


async def load_datev_settings(connection: Connection) -> DatevSettings:
    """Return the settings."""
    row = await connection.fetchrow(SELECT_SETTINGS)
    assert row is not None, "the row is made with the schema"
    values = dict(row)
    return DatevSettings(
        consultant=values.pop("consultant"),
        client=values.pop("client"),
        fiscal_year_month=values.pop("fiscal_year_month"),
        accounts=DatevAccounts(
            output_vat=_by_treatment(values.pop("output_vat")),
            input_vat=_by_treatment(values.pop("input_vat")),
            **values,
        ),
    )


UPDATE_SETTINGS = """
UPDATE datev_settings SET consultant = $1, client = $2, fiscal_year_month = $3, account_digits = $4, debtor_base = $5,
    creditor_base = $6, points = $7, service_fee = $8, commission = $9, platform_fee = $10, output_vat = $11,
    input_vat = $12
"""


async def store_datev_settings(connection: Connection, settings: DatevSettings) -> None:
    """Replace the settings."""
    accounts = settings.accounts
    await connection.execute(
        UPDATE_SETTINGS,
        settings.consultant,
        settings.client,
        settings.fiscal_year_month,
        accounts.account_digits,
        accounts.debtor_base,
        accounts.creditor_base,
        accounts.points,
        accounts.service_fee,
        accounts.commission,
        accounts.platform_fee,
        [f"{treatment}={account}" for treatment, account in accounts.output_vat.items()],
        [f"{treatment}={account}" for treatment, account in accounts.input_vat.items()],
    )


def _by_treatment(texts: list[str]) -> dict[str, int]:
    return {treatment: int(account) for treatment, _, account in (text.partition("=") for text in texts)}
