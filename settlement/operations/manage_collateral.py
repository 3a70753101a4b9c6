"""Take collateral from a partner, and give it back; running hubs take the change of its cap at once."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from coalition.database.pool import Connection, Pool
from coalition.lanes.fit_allowances import fit_allowances, load_position
from coalition.stores.caps import lock_cap
from coalition.stores.collateral import Movement, load_movements, lock_collateral, move_collateral
from settlement.engine.money import Currency, from_minor, to_minor
from settlement.errors import PaymentRefusedError, UnknownPartnerError
from settlement.operations.record_payment import REFERENCE_CHARS_MAX
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.terms import announce_terms

AMOUNT_MINOR_MAX = 1_000_000_000_000_000


async def change_collateral(
    pool: Pool,
    partner: int,
    kind: Literal["deposit", "return"],
    amount: Decimal,
    *,
    reference: str,
    now: datetime,
    actor: str,
) -> Decimal:
    """Record money that came as collateral or went back; return the balance. The same reference again is once.

    Raises:
        UnknownPartnerError: there is no such partner.
        PaymentRefusedError: the amount is not there, is still needed under the cap, or is another under this reference.
    """
    async with pool.acquire() as connection, connection.transaction():
        if partner not in await load_partner_names(connection):
            raise UnknownPartnerError(partner=partner)
        currency = (await load_programme(connection)).currency
        amount_minor = _minor(amount, currency)
        if not 1 <= len(reference) <= REFERENCE_CHARS_MAX or not reference.isprintable():
            expected = f"1 to {REFERENCE_CHARS_MAX} printable characters"
            raise PaymentRefusedError(field="reference", expected=expected, actual=repr(reference[:200]))
        movement = Movement(partner, reference, kind, amount_minor, now, actor)
        cap_minor = await lock_cap(connection, partner)
        balance = await lock_collateral(connection, partner)
        if await _is_recorded(connection, movement):
            return from_minor(balance, currency)
        if kind == "return":
            await _refuse_if_needed(connection, movement, balance, cap_minor, currency)
        await move_collateral(connection, movement)
        await fit_allowances(connection, [partner])
        await announce_terms(connection)
        return from_minor(balance + (amount_minor if kind == "deposit" else -amount_minor), currency)


def _minor(amount: Decimal, currency: Currency) -> int:
    most = from_minor(AMOUNT_MINOR_MAX, currency)
    if not amount.is_finite() or not 0 < amount <= most or amount != round(amount, currency.minor_units):
        expected = f"more than 0, at most {most}, with at most {currency.minor_units} decimals"
        raise PaymentRefusedError(field="amount", expected=expected, actual=str(amount))
    return to_minor(amount, currency)


async def _is_recorded(connection: Connection, movement: Movement) -> bool:
    for earlier in await load_movements(connection, movement.partner):
        if earlier.reference != movement.reference:
            continue
        if (earlier.kind, earlier.amount_minor) != (movement.kind, movement.amount_minor):
            expected = f"the {earlier.kind} of {earlier.amount_minor} minor units that it is recorded for"
            actual = f"a {movement.kind} of {movement.amount_minor}"
            raise PaymentRefusedError(field="reference", expected=expected, actual=actual)
        return True
    return False


async def _refuse_if_needed(
    connection: Connection, movement: Movement, balance: int, cap_minor: int | None, currency: Currency
) -> None:
    free = balance
    if cap_minor is not None:
        position = await load_position(connection, movement.partner)
        free = min(balance, int(cap_minor - position.scaleb(currency.minor_units)))
    if movement.amount_minor > free:
        expected = f"at most {from_minor(max(free, 0), currency)}, what is there and not needed under the cap"
        raise PaymentRefusedError(
            field="amount", expected=expected, actual=str(from_minor(movement.amount_minor, currency))
        )
