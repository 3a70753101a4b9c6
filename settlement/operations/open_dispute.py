"""Take a partner's dispute of its share, and hold out of what is payable what it is about."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.stores.windows import lock_windows
from settlement.documents.statement_json import read_json
from settlement.engine.dispute import Claim, LineKey, held_by
from settlement.engine.money import from_minor
from settlement.engine.states import has_reached
from settlement.errors import (
    AlreadyDisputedError,
    DisputeTooLateError,
    FieldProblem,
    InvalidDisputeError,
    UnknownStatementError,
)
from settlement.operations.record_payment import find_share
from settlement.stores.disputes import (
    Dispute,
    Evidence,
    find_calculated_at,
    find_operations,
    hold_out,
    insert_dispute,
    load_disputes,
)
from settlement.stores.hub import Programme, load_programme
from settlement.stores.rules import load_rules
from settlement.stores.shares import find_statement_content, move_shares
from settlement.stores.windows import Window, find_window

OPERATIONS_MAX = 100
REASON_CHARS_MAX = 1_000
AMOUNT_MINOR_MAX = 1_000_000_000_000_000
OPEN_MAX = 100
# Open and answered together: an answer makes room for no flood.
DISPUTES_MAX = 500


async def open_dispute(
    pool: Pool, partner: int, window_no: int, claim: Claim, *, evidence: Evidence
) -> tuple[Dispute, bool]:
    """Keep a dispute; return it, and whether it is new: the same message again is the same dispute.

    Until the window is invoiced, what the partner owes by the disputed line is held out of what is payable, and its
    share is DISPUTED. Later nothing of that window changes: what is accepted is corrected in a later one.

    An operation has one open dispute at a time; when that is answered, it may be brought up again.

    Raises:
        UnknownWindowError, UnknownStatementError: the partner has no share of that window.
        DisputeTooLateError: the days in which it might be disputed are over.
        AlreadyDisputedError: an operation has an open dispute; names it.
        InvalidDisputeError: it is of nothing that the statement or the journal has; names every field.
    """
    async with pool.acquire() as connection:
        programme = await load_programme(connection)
        # Before the transaction: what is booked in a closed window never changes, and what reads lane tables may not
        # write others after it.
        found = await find_operations(
            connection, partner, claim.operation_ids, window_no=window_no, lanes=programme.lanes
        )
        async with connection.transaction():
            await lock_windows(connection)
            known = await load_disputes(connection, programme.currency, partner=partner, digest=evidence.digest)
            if known:
                return known[0], False
            _refuse_unbounded(claim, programme, missing=[id for id in claim.operation_ids if id not in found])
            number = await _open(connection, partner, window_no, claim, programme, evidence=evidence)
            (dispute,) = await load_disputes(connection, programme.currency, dispute=number)
            return dispute, True


async def _open(
    connection: Connection, partner: int, window_no: int, claim: Claim, programme: Programme, *, evidence: Evidence
) -> int:
    window = await find_window(connection, window_no)
    share = await find_share(connection, window_no, partner)
    rules = await load_rules(connection)
    await _refuse_late(connection, window, partner, programme, days=rules.dispute_days, evidence=evidence)
    every = await load_disputes(connection, programme.currency, partner=partner, window_no=window_no)
    open_count = sum(dispute.state == "OPEN" for dispute in every)
    if open_count >= OPEN_MAX or len(every) >= DISPUTES_MAX:
        expected = f"at most {OPEN_MAX} open disputes of it and {DISPUTES_MAX} in all"
        raise InvalidDisputeError(problems=[FieldProblem.of("window", expected=expected, got="one more")])
    _refuse_disputed(claim, every)
    held = from_minor(0, programme.currency)
    content = await find_statement_content(connection, window_no, partner)
    if content is None:
        raise UnknownStatementError(window=window_no, state=window.state, partner=partner)
    would_hold = held_by(claim, read_json(content).lines, _held_by_line(every), programme.currency)
    if not has_reached(window.state, "INVOICED"):
        held = would_hold
        await hold_out(connection, window_no, partner, held, programme.currency)
        if share.state != "DISPUTED":
            await move_shares(
                connection,
                window_no,
                from_state=share.state,
                to_state="DISPUTED",
                actor=f"partner:{partner}",
                now=evidence.received_at,
                partners=[partner],
            )
    received_on = evidence.received_at.astimezone(programme.zone).date()
    return await insert_dispute(
        connection,
        partner=partner,
        window_no=window_no,
        claim=claim,
        held=held,
        answer_until=received_on + timedelta(days=rules.answer_days),
        evidence=evidence,
        currency=programme.currency,
    )


def _refuse_unbounded(claim: Claim, programme: Programme, *, missing: list[str]) -> None:
    problems = []
    if claim.line is None and not claim.operation_ids:
        problems.append(FieldProblem.of("line", expected="a line, operations, or both", got="neither"))
    if len(claim.operation_ids) > OPERATIONS_MAX:
        expected = f"at most {OPERATIONS_MAX}"
        problems.append(FieldProblem.of("operation_ids", expected=expected, got=len(claim.operation_ids)))
    elif missing:
        got = f"others: {', '.join(missing[:10])}"
        problems.append(FieldProblem.of("operation_ids", expected="your own, booked in that window", got=got))
    most = from_minor(AMOUNT_MINOR_MAX, programme.currency)
    decimals = programme.currency.minor_units
    if not claim.amount.is_finite() or not 0 < claim.amount <= most or claim.amount != round(claim.amount, decimals):
        expected = f"more than 0, at most {most}, with at most {decimals} decimals"
        problems.append(FieldProblem.of("amount", expected=expected, got=claim.amount))
    if problems:
        raise InvalidDisputeError(problems=problems)


def _refuse_disputed(claim: Claim, disputes: Iterable[Dispute]) -> None:
    # An operation is of one window, so that the disputes of this window are all that there are about it.
    disputed = {
        operation: dispute.dispute
        for dispute in disputes
        if dispute.state == "OPEN"
        for operation in dispute.claim.operation_ids
    }
    twice = {operation: disputed[operation] for operation in claim.operation_ids if operation in disputed}
    if twice:
        raise AlreadyDisputedError(open_disputes=twice)


async def _refuse_late(
    connection: Connection, window: Window, partner: int, programme: Programme, *, days: int, evidence: Evidence
) -> None:
    calculated_at = await find_calculated_at(connection, window.window_no, partner)
    last_day = calculated_at.astimezone(programme.zone).date() + timedelta(days=days)
    if evidence.received_at.astimezone(programme.zone).date() > last_day:
        raise DisputeTooLateError(window=window.window_no, last_day=last_day)


def _held_by_line(disputes: Iterable[Dispute]) -> dict[LineKey | None, Decimal]:
    held: dict[LineKey | None, Decimal] = {}
    for dispute in disputes:
        # Rejected ones hold nothing any more, and may be brought up again.
        if dispute.state in ("OPEN", "ACCEPTED"):
            taken = dispute.claim.amount if dispute.accepted is None else dispute.accepted
            held[dispute.claim.line] = held.get(dispute.claim.line, Decimal(0)) + taken
    return held
