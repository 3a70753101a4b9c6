"""Record that a share was paid: by a bank's statement, from collateral, or on the operator's word.

`take_overpayment` takes more than was left to pay; what came back is in `return_payment`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from coalition.database.pool import Connection, Pool
from coalition.lanes.fit_allowances import fit_allowances
from coalition.stores.windows import lock_windows
from settlement.engine.money import to_minor
from settlement.engine.payment_parts import PaymentParts, parts_of_payment
from settlement.engine.states import ShareState, has_reached, move_share, move_window
from settlement.errors import PaymentRefusedError, UnknownStatementError
from settlement.stores.adjustments import Adjustment, AdjustmentKind, insert_adjustments
from settlement.stores.hub import load_programme
from settlement.stores.payments import clear_windows, find_payment_minor, insert_payment_in_parts, insert_payments
from settlement.stores.shares import Share, load_partner_shares, load_shares, move_shares
from settlement.stores.windows import claim_move, find_window

REFERENCE_CHARS_MAX = 140

# What a payment that was handed in is: recorded before, or now, and if that is all that was left.
Taken = Literal["before", "in part", "in full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """`amount` > 0 came from the partner, < 0 went to it; the same `reference` again is the same payment."""

    amount: Decimal
    reference: str
    paid_on: date


async def record_payment(
    pool: Pool, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> Share:
    """Record one payment of a partner's share, and return the share as it is then; again it changes nothing.

    Raises: as `pay_share`.
    """
    async with pool.acquire() as connection, connection.transaction():
        await pay_share(connection, window_no, partner, payment, now=now, actor=actor)
        return await find_share(connection, window_no, partner)


async def pay_share(
    connection: Connection, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> bool:
    """Record a payment within the caller's transaction; False: it is recorded already, and nothing is changed.

    A share that is paid in full is PAID, and its window is off the partner's position at once. The first payment moves
    the window to SETTLING, the last to SETTLED.

    Raises:
        UnknownWindowError, UnknownStatementError: there is no such share.
        PaymentRefusedError: the reference is another payment's, or the payment is not of what is left to pay.
        IllegalMoveError: the window is not invoiced, or the share is past payment.
    """
    taken = await take_payment(connection, window_no, partner, payment, now=now, actor=actor)
    if taken == "in full":
        # Last: caps' and lanes' locks come after those of windows, and reference tables are not written after them.
        await fit_allowances(connection, [partner])
    return taken != "before"


async def take_payment(
    connection: Connection, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> Taken:
    """As `pay_share`, as one of several: the caller fits the allowances of partners that paid in full, after all."""
    await lock_windows(connection)
    share = await find_share(connection, window_no, partner)
    if await is_recorded(connection, share, payment):
        return "before"
    window = await find_window(connection, window_no)
    if not has_reached(window.state, "INVOICED"):
        move_window(window.state, "SETTLING")
    move_share(share.state, "PAID")
    _refuse_wrong_amount(share, payment)
    programme = await load_programme(connection)
    await insert_payments(
        connection,
        window_no,
        {partner: to_minor(payment.amount, programme.currency)},
        reference=payment.reference,
        paid_on=payment.paid_on,
        now=now,
        actor=actor,
    )
    await begin_settling(connection, window_no, now=now, actor=actor)
    if share.unpaid == payment.amount:
        await mark_paid(connection, window_no, [partner], from_state=share.state, now=now, actor=actor)
    await end_settling(connection, window_no, now=now, actor=actor)
    return "in full" if share.unpaid == payment.amount else "in part"


async def take_overpayment(
    connection: Connection, window_no: int, partner: int, payment: NewPayment, *, now: datetime, actor: str
) -> Taken:
    """As `take_payment`, of more than is left: that is paid, and the rest is payable with the partner's next share.

    Of a share that is paid already, all of it is the rest.

    Raises:
        IllegalMoveError: the share is not invoiced, or in default.
    """
    await lock_windows(connection)
    share = await find_share(connection, window_no, partner)
    if await is_recorded(connection, share, payment):
        return "before"
    if share.state != "PAID":
        move_share(share.state, "PAID")
    parts = parts_of_payment(payment.amount, unpaid=share.unpaid)
    await record_parts(connection, share, payment, parts, kind="overpaid", now=now, actor=actor)
    await begin_settling(connection, window_no, now=now, actor=actor)
    if share.state != "PAID":
        await mark_paid(connection, window_no, [partner], from_state=share.state, now=now, actor=actor)
    await end_settling(connection, window_no, now=now, actor=actor)
    return "in full"


async def record_parts(
    connection: Connection,
    share: Share,
    payment: NewPayment,
    parts: PaymentParts,
    *,
    kind: AdjustmentKind,
    now: datetime,
    actor: str,
) -> None:
    """Write a payment down; what of it is beyond the share waits for the partner's next one."""
    currency = (await load_programme(connection)).currency
    number = await insert_payment_in_parts(
        connection,
        share.window_no,
        share.partner,
        reference=payment.reference,
        amount_minor=to_minor(payment.amount, currency),
        counted_minor=to_minor(parts.counted, currency),
        paid_on=payment.paid_on,
        now=now,
        actor=actor,
    )
    if parts.beyond:
        waiting = Adjustment(
            partner=share.partner, kind=kind, amount=-parts.beyond, from_window=share.window_no, about=number
        )
        await insert_adjustments(connection, [waiting], currency, now=now)


async def begin_settling(connection: Connection, window_no: int, *, now: datetime, actor: str) -> None:
    """Move an invoiced window to SETTLING; shares of which nothing is to be paid are PAID by that."""
    if await claim_move(connection, window_no, from_state="INVOICED", to_state="SETTLING", actor=actor, now=now):
        programme = await load_programme(connection)
        shares = await load_shares(connection, [window_no], programme.currency)
        even = [share.partner for share in shares if not share.unpaid]
        await mark_paid(connection, window_no, even, from_state="INVOICED", now=now, actor=actor)


async def end_settling(connection: Connection, window_no: int, *, now: datetime, actor: str) -> None:
    """Move a window that settles to SETTLED if nothing of it is left to be paid."""
    programme = await load_programme(connection)
    shares = await load_shares(connection, [window_no], programme.currency)
    if all(share.state in ("PAID", "CARRIED_FORWARD") for share in shares):
        await claim_move(connection, window_no, from_state="SETTLING", to_state="SETTLED", actor=actor, now=now)


async def find_share(connection: Connection, window_no: int, partner: int) -> Share:
    """Return one partner's share of a window.

    Raises:
        UnknownWindowError, UnknownStatementError: there is none.
    """
    window = await find_window(connection, window_no)
    programme = await load_programme(connection)
    shares = await load_partner_shares(connection, [window_no], partner, programme.currency)
    if not shares:
        raise UnknownStatementError(window=window_no, state=window.state, partner=partner)
    return shares[0]


async def mark_paid(
    connection: Connection,
    window_no: int,
    partners: Sequence[int],
    *,
    from_state: ShareState,
    now: datetime,
    actor: str,
) -> None:
    """Move shares of which nothing is left to pay to PAID, and take the window off their partners' positions."""
    await move_shares(
        connection, window_no, from_state=from_state, to_state="PAID", actor=actor, now=now, partners=partners
    )
    await clear_windows(connection, window_no, partners)


async def is_recorded(connection: Connection, share: Share, payment: NewPayment) -> bool:
    """Return whether this very payment of a share is recorded.

    Raises:
        PaymentRefusedError: the reference is another payment's or none, or the amount is too precise.
    """
    programme = await load_programme(connection)
    if not 1 <= len(payment.reference) <= REFERENCE_CHARS_MAX or not payment.reference.isprintable():
        expected = f"1 to {REFERENCE_CHARS_MAX} printable characters"
        raise PaymentRefusedError(field="reference", expected=expected, actual=repr(payment.reference[:200]))
    if payment.amount != round(payment.amount, programme.currency.minor_units):
        expected = f"at most {programme.currency.minor_units} decimals"
        raise PaymentRefusedError(field="amount", expected=expected, actual=str(payment.amount))
    recorded = await find_payment_minor(connection, share.window_no, share.partner, payment.reference)
    amount_minor = to_minor(payment.amount, programme.currency)
    if recorded is not None and recorded != amount_minor:
        problem = f"{recorded} minor units, as payment {payment.reference!r} is recorded"
        raise PaymentRefusedError(field="amount", expected=problem, actual=str(amount_minor))
    return recorded is not None


def _refuse_wrong_amount(share: Share, payment: NewPayment) -> None:
    # From nothing to what is left, on its own side of zero.
    is_within = 0 < payment.amount <= share.unpaid if share.unpaid > 0 else share.unpaid <= payment.amount < 0
    if not is_within:
        side = "at most" if share.unpaid > 0 else "at least"
        expected = f"{side} {share.unpaid}, what is left to pay, and not 0"
        raise PaymentRefusedError(field="amount", expected=expected, actual=str(payment.amount))
