"""Answer a dispute: what was held out is owed after all, or stays out and is corrected."""

from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.stores.windows import lock_windows
from settlement.engine.dispute import resolve
from settlement.engine.money import to_minor
from settlement.engine.states import ShareState, has_reached
from settlement.errors import DisputeResolvedError, FieldProblem, InvalidDisputeError, UnknownDisputeError
from settlement.stores.adjustments import Adjustment, insert_adjustments
from settlement.stores.disputes import Dispute, DisputeState, close_disputes, hold_out, load_disputes
from settlement.stores.hub import Programme, load_programme
from settlement.stores.shares import move_shares
from settlement.stores.windows import Window, find_window

ANSWER_CHARS_MAX = 1_000


async def accept_dispute(
    pool: Pool, number: int, *, answer: str, amount: Decimal | None = None, now: datetime, actor: str
) -> Dispute:
    """Accept a dispute, as claimed or in part; again the same, it stays as it is.

    What is accepted is owed to the partner by a credit note, which is somebody's draft and another's approval. What was
    held out and is accepted stays out of what is payable; the credit note is set against it first. What is not accepted
    is as in `reject_dispute`.

    Raises:
        UnknownDisputeError: there is none of that number.
        DisputeResolvedError: it was answered otherwise.
        InvalidDisputeError: the amount is not of the claim, or the answer is too long or empty.
    """
    return await _answer(pool, number, accepted=amount, is_accepted=True, answer=answer, now=now, actor=actor)


async def reject_dispute(pool: Pool, number: int, *, answer: str, now: datetime, actor: str) -> Dispute:
    """Reject a dispute: what was held out is payable with its window if that is not invoiced yet, else with the
    partner's next share.

    Raises: as `accept_dispute`.
    """
    return await _answer(pool, number, accepted=None, is_accepted=False, answer=answer, now=now, actor=actor)


async def find_dispute(connection: Connection, number: int, programme: Programme) -> Dispute:
    """Return a dispute.

    Raises:
        UnknownDisputeError: there is none of that number.
    """
    disputes = await load_disputes(connection, programme.currency, dispute=number)
    if not disputes:
        raise UnknownDisputeError(dispute=number)
    return disputes[0]


async def _answer(
    pool: Pool,
    number: int,
    *,
    accepted: Decimal | None,
    is_accepted: bool,
    answer: str,
    now: datetime,
    actor: str,
) -> Dispute:
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        programme = await load_programme(connection)
        dispute = await find_dispute(connection, number, programme)
        amount = _accepted(dispute, accepted, programme) if is_accepted else Decimal(0)
        if not 1 <= len(answer.strip()) <= ANSWER_CHARS_MAX:
            expected = f"1 to {ANSWER_CHARS_MAX} characters"
            raise InvalidDisputeError(problems=[FieldProblem.of("answer", expected=expected, got=len(answer.strip()))])
        state: DisputeState = "ACCEPTED" if is_accepted else "REJECTED"
        if dispute.state != "OPEN":
            if (dispute.state, dispute.accepted) == (state, amount):
                return dispute
            raise DisputeResolvedError(dispute=number, state=dispute.state, accepted=dispute.accepted)
        await close_disputes(
            connection,
            [number],
            state,
            accepted_minor=to_minor(amount, programme.currency),
            answer=answer.strip(),
            now=now,
            actor=actor,
        )
        await _move_money(connection, dispute, amount, programme, now=now, actor=actor)
        return await find_dispute(connection, number, programme)


def _accepted(dispute: Dispute, amount: Decimal | None, programme: Programme) -> Decimal:
    if amount is None:
        return dispute.claim.amount
    is_money = amount.is_finite() and amount == round(amount, programme.currency.minor_units)
    if not is_money or not 0 < amount <= dispute.claim.amount:
        expected = f"more than 0 and at most {dispute.claim.amount}, as claimed"
        problem = FieldProblem.of("amount", expected=expected, got=amount)
        raise InvalidDisputeError(problems=[problem], claimed=dispute.claim.amount)
    return amount


async def _move_money(
    connection: Connection, dispute: Dispute, accepted: Decimal, programme: Programme, *, now: datetime, actor: str
) -> None:
    moved = resolve(held=dispute.held, accepted=accepted)
    window = await find_window(connection, dispute.window_no)
    if not has_reached(window.state, "INVOICED"):
        await hold_out(connection, dispute.window_no, dispute.partner, -moved.released, programme.currency)
        await _end_disputed(connection, dispute, window, programme, now=now, actor=actor)
    elif moved.released:
        released = Adjustment(
            partner=dispute.partner,
            kind="dispute_rejected",
            amount=moved.released,
            from_window=dispute.window_no,
            about=dispute.dispute,
        )
        await insert_adjustments(connection, [released], programme.currency, now=now)


async def _end_disputed(
    connection: Connection, dispute: Dispute, window: Window, programme: Programme, *, now: datetime, actor: str
) -> None:
    """Let a share go back to where its window is, once nothing of it is disputed any more."""
    partner, window_no = dispute.partner, dispute.window_no
    if await load_disputes(connection, programme.currency, partner=partner, window_no=window_no, state="OPEN"):
        return
    to_state: ShareState = "ACCEPTED" if has_reached(window.state, "APPROVED") else "CALCULATED"
    await move_shares(
        connection, window_no, from_state="DISPUTED", to_state=to_state, actor=actor, now=now, partners=[partner]
    )
