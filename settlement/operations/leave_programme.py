"""A partner's exit: no more earns, burns for a tail, what is left by cohort, and the last statement."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.stores.exits import Exit, end_tails, insert_exit, load_exits
from coalition.stores.windows import find_open, lock_windows
from settlement.engine.cohort import Cohort, cohorts_of
from settlement.engine.leaving import TAIL_MONTHS_MAX, tail_end
from settlement.engine.money import multiply_exactly, round_half_up
from settlement.errors import FieldProblem, InvalidRulesError, UnknownPartnerError
from settlement.stores.hub import Programme, load_partner_names, load_programme
from settlement.stores.points_reports import load_cohort_totals
from settlement.stores.terms import announce_terms

WINDOW_MAX = 2_147_483_647


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitReport:
    """An exit, with the points that the partner paid for and members still have, by month of sale; `value` is theirs
    at the point value."""

    leaving: Exit
    cohorts: tuple[Cohort, ...]
    points: int
    value: Decimal


async def leave_programme(pool: Pool, partner: int, *, tail_months: int, now: datetime, actor: str) -> ExitReport:
    """Stop a partner's earns at once, and its burns when the tail has ended; again it changes nothing.

    Running hubs are told. What members hold of its points stays theirs, and is spent at the others.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidRulesError: the tail is out of its limits, or another was announced.
    """
    async with pool.acquire() as connection:
        async with connection.transaction():
            if partner not in await load_partner_names(connection):
                raise UnknownPartnerError(partner=partner)
            zone = (await load_programme(connection)).zone
            known = (await load_exits(connection)).get(partner)
            _refuse_bad_tail(tail_months, known)
            burns_until = tail_end(now, tail_months=tail_months, zone=zone)
            await insert_exit(connection, Exit(partner, now, actor, tail_months, burns_until))
            await announce_terms(connection)
        return await _report(connection, partner)


async def report_exit(pool: Pool, partner: int) -> ExitReport:
    """Return how an exit stands.

    Raises:
        UnknownPartnerError: no such partner leaves.
    """
    async with pool.acquire() as connection:
        return await _report(connection, partner)


async def end_exits(pool: Pool, *, now: datetime) -> list[int]:
    """Mark the partners whose tails have ended as having left; the open window is their last. Return whose."""
    async with pool.acquire() as connection, connection.transaction():
        await lock_windows(connection)
        left = await end_tails(connection, window_no=await find_open(connection), now=now)
        if left:
            await announce_terms(connection)
        return left


def _refuse_bad_tail(tail_months: int, known: Exit | None) -> None:
    problem = None
    if not 0 <= tail_months <= TAIL_MONTHS_MAX:
        problem = f"expected 0 to {TAIL_MONTHS_MAX} months, got {tail_months}"
    elif known is not None and known.tail_months != tail_months:
        problem = f"expected {known.tail_months} months, as was announced on {known.announced_at.date()}"
        problem += f", got {tail_months}"
    if problem is not None:
        raise InvalidRulesError(problems=[FieldProblem(field="tail_months", problem=problem)])


async def _report(connection: Connection, partner: int) -> ExitReport:
    leaving = (await load_exits(connection)).get(partner)
    if leaving is None:
        raise UnknownPartnerError(partner=partner)
    programme = await load_programme(connection)
    cohorts = await _cohorts(connection, partner, programme)
    points = sum(cohort.outstanding for cohort in cohorts)
    value = round_half_up(multiply_exactly(points, programme.point_value), programme.currency)
    return ExitReport(leaving=leaving, cohorts=cohorts, points=points, value=value)


async def _cohorts(connection: Connection, partner: int, programme: Programme) -> tuple[Cohort, ...]:
    totals = await load_cohort_totals(connection, list(range(programme.lanes)), until=WINDOW_MAX)
    cohorts = cohorts_of(total for total in totals if total.payer == partner)
    return tuple(cohort for cohort in cohorts if cohort.outstanding)
