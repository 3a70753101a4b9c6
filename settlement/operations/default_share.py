"""Shares that are not paid in time: overdue, then in default."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.lanes.fit_allowances import fit_allowances
from coalition.stores.caps import lock_cap
from coalition.stores.collateral import Movement, lock_collateral, move_collateral
from coalition.stores.windows import lock_windows
from settlement.engine.default import share_loss
from settlement.engine.money import from_minor, to_minor
from settlement.errors import DefaultTooEarlyError
from settlement.operations.record_payment import begin_settling, end_settling, find_share
from settlement.stores.adjustments import Adjustment, insert_adjustments
from settlement.stores.hub import Programme, load_programme
from settlement.stores.payments import clear_windows, find_overdue, insert_payments
from settlement.stores.rules import load_rules
from settlement.stores.shares import Share, load_shares, move_shares
from settlement.stores.terms import announce_terms

COLLATERAL = "collateral"


async def mark_overdue(pool: Pool, *, now: datetime, actor: str) -> dict[int, list[int]]:
    """Move every share that was due before today, in the programme's zone, and is not paid to OVERDUE; return them.

    By window. Who is paid itself is never overdue: that is the operator's matter.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        zone = (await load_programme(connection)).zone
        found = await find_overdue(connection, now.astimezone(zone).date())
        for window_no, partners in found.items():
            await begin_settling(connection, window_no, now=now, actor=actor)
            await move_shares(
                connection,
                window_no,
                from_state="INVOICED",
                to_state="OVERDUE",
                actor=actor,
                now=now,
                partners=partners,
            )
        return found


async def default_share(pool: Pool, window_no: int, partner: int, *, now: datetime, actor: str) -> Share:
    """Take an overdue share through DEFAULTED to CARRIED_FORWARD; one that is there stays as it is.

    The partner's collateral is drawn as far as it goes. What is left is payable with the partner's next share, or with
    those of the window's other partners in the ratio of their charges and credits, by the rule; where nobody else has
    any, it is carried. The window no longer waits for it. It stays on the partner's position until it is paid.

    Raises:
        UnknownWindowError, UnknownStatementError: there is no such share.
        DefaultTooEarlyError: it is not overdue, or its days of grace are not over.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        share = await find_share(connection, window_no, partner)
        if share.state != "CARRIED_FORWARD":
            await _default(connection, share, now=now, actor=actor)
        return await find_share(connection, window_no, partner)


async def _default(connection: Connection, share: Share, *, now: datetime, actor: str) -> None:
    programme, rules = await load_programme(connection), await load_rules(connection)
    from_day = share.due_on + timedelta(days=rules.default_after_days + 1) if share.due_on else None
    if share.state != "OVERDUE" or from_day is None or now.astimezone(programme.zone).date() < from_day:
        raise DefaultTooEarlyError(
            window=share.window_no,
            partner=share.partner,
            state=share.state,
            from_day=from_day if share.state == "OVERDUE" else None,
        )
    window_no, partners = share.window_no, [share.partner]
    await move_shares(
        connection, window_no, from_state="OVERDUE", to_state="DEFAULTED", actor=actor, now=now, partners=partners
    )
    left = share.unpaid - await _draw_collateral(connection, share, programme, now=now, actor=actor)
    shares = await load_shares(connection, [window_no], programme.currency)
    parts = _parts(share, left, shares, programme) if rules.default_rule == "share" else {}
    waiting = [_adjustment(share, each, part) for each, part in parts.items()]
    if left and not parts:
        waiting = [_adjustment(share, share.partner, left)]
    await insert_adjustments(connection, waiting, programme.currency, now=now)
    if not left:
        await clear_windows(connection, window_no, partners)
    await move_shares(
        connection,
        window_no,
        from_state="DEFAULTED",
        to_state="CARRIED_FORWARD",
        actor=actor,
        now=now,
        partners=partners,
    )
    await end_settling(connection, window_no, now=now, actor=actor)
    await announce_terms(connection)
    await fit_allowances(connection, partners)


async def _draw_collateral(
    connection: Connection, share: Share, programme: Programme, *, now: datetime, actor: str
) -> Decimal:
    await lock_cap(connection, share.partner)
    balance = await lock_collateral(connection, share.partner)
    drawn_minor = min(balance, to_minor(share.unpaid, programme.currency))
    if drawn_minor:
        reference = f"default in window {share.window_no}"
        await move_collateral(connection, Movement(share.partner, reference, "draw", drawn_minor, now, actor))
        await insert_payments(
            connection,
            share.window_no,
            {share.partner: drawn_minor},
            reference=COLLATERAL,
            paid_on=now.astimezone(programme.zone).date(),
            now=now,
            actor=actor,
        )
    return from_minor(drawn_minor, programme.currency)


def _parts(share: Share, left: Decimal, shares: Sequence[Share], programme: Programme) -> dict[int, Decimal]:
    turnovers = {
        other.partner: abs(other.charge) + abs(other.credit)
        for other in shares
        if other.partner != share.partner and other.state != "CARRIED_FORWARD"
    }
    return share_loss(left, turnovers, programme.currency)


def _adjustment(share: Share, partner: int, amount: Decimal) -> Adjustment:
    return Adjustment(
        partner=partner,
        kind="carried_forward" if partner == share.partner else "loss_shared",
        amount=amount,
        from_window=share.window_no,
        about=share.partner,
    )
