"""By which accounts a window is booked in DATEV: one row for the programme."""

from dataclasses import dataclass
from datetime import date

from coalition.database.pool import Connection
from settlement.engine.datev import DatevAccounts
from settlement.engine.datev_month import BankFee, BankPayment
from settlement.engine.money import Currency, from_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevSettings:
    """`consultant` and `client` None: not set yet; the fiscal year begins with its month."""

    consultant: int | None
    client: int | None
    fiscal_year_month: int
    accounts: DatevAccounts


SELECT_SETTINGS = """
SELECT consultant, client, fiscal_year_month, account_digits, debtor_base, creditor_base, points, service_fee,
    commission, platform_fee, output_vat, input_vat, bank, bank_fees
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
    input_vat = $12, bank = $13, bank_fees = $14
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
        accounts.bank,
        accounts.bank_fees,
    )


# Collateral that was drawn counts as paid, and no bank has moved it.
SELECT_BANK_PAYMENTS = """
SELECT share_payment.window_no, share_payment.partner, partner.name, share_payment.amount_minor, share_payment.paid_on,
    share_payment.amount_minor::numeric * (share.net_minor - share.held_minor + share.adjusted_minor) < 0 AS is_return
FROM share_payment
JOIN partner ON partner.partner = share_payment.partner
JOIN window_share AS share ON share.window_no = share_payment.window_no AND share.partner = share_payment.partner
WHERE share_payment.paid_on >= $1 AND share_payment.paid_on < $2 AND share_payment.reference <> 'collateral'
ORDER BY share_payment.paid_on, share_payment.window_no, share_payment.partner, share_payment.reference
"""


async def load_bank_payments(
    connection: Connection, currency: Currency, *, start: date, end: date
) -> list[BankPayment]:
    """Return what was paid from a day on and before another."""
    return [
        BankPayment(
            window=window,
            partner=partner,
            name=name,
            amount=from_minor(amount, currency),
            paid_on=paid_on,
            is_return=is_return,
        )
        for window, partner, name, amount, paid_on, is_return in await connection.fetch(
            SELECT_BANK_PAYMENTS, start, end
        )
    ]


SELECT_BANK_FEES = """
SELECT entry.window_no, entry.partner, partner.name, -entry.amount_minor AS amount_minor, entry.booked_on,
    entry.is_charged
FROM bank_entry AS entry
LEFT JOIN partner ON partner.partner = entry.partner
WHERE entry.outcome = 'fee' AND entry.booked_on >= $1 AND entry.booked_on < $2
ORDER BY entry.booked_on, entry.statement, entry.entry_no, entry.detail
"""


async def load_bank_fees(connection: Connection, currency: Currency, *, start: date, end: date) -> list[BankFee]:
    """Return what the bank took for returns from a day on and before another."""
    return [
        BankFee(
            window=window,
            partner=partner,
            name=name or "",
            amount=from_minor(amount, currency),
            booked_on=booked_on,
            is_charged=is_charged,
        )
        for window, partner, name, amount, booked_on, is_charged in await connection.fetch(SELECT_BANK_FEES, start, end)
    ]


def _by_treatment(texts: list[str]) -> dict[str, int]:
    return {treatment: int(account) for treatment, _, account in (text.partition("=") for text in texts)}
