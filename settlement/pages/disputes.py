"""Answers to disputes on a window's page."""

from decimal import Decimal
from typing import Final

import structlog
from aiohttp import web

from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Role, signed_in_operator
from coalition.pages.visit import Visit
from settlement.errors import FieldProblem, InvalidDisputeError, SettlementError, UnknownDisputeError
from settlement.operations.resolve_dispute import accept_dispute, reject_dispute
from settlement.pages.numbers import number_in_address, read_decimal
from settlement.pages.refusals import told
from settlement.pages.windows import render_window, window_number

log = structlog.get_logger()

ROLE: Final[Role] = "operate"


async def answer_dispute(visit: Visit) -> web.StreamResponse:
    """Accept or reject a dispute; a refusal is told on the window's page, and nothing is changed."""
    match, form = visit.request.match_info, visit.form
    dispute, decision = number_in_address(match["dispute"]), form.get("decision", "")
    if decision not in ("accept", "reject"):
        raise PageRefusedError(status=404, key="not_found")
    operator = await signed_in_operator(visit, ROLE)
    number, actor = window_number(match["window"]), f"operator:{operator.name}"
    pool, answer = visit.site.pool, form.get("answer", "")
    try:
        if decision == "accept":
            amount = _amount(form.get("amount", ""), decimals_max=visit.site.programme.minor_unit)
            await accept_dispute(pool, dispute, answer=answer, amount=amount, now=visit.now, actor=actor)
        else:
            await reject_dispute(pool, dispute, answer=answer, now=visit.now, actor=actor)
    except UnknownDisputeError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    except SettlementError as error:
        log.info("dispute.refused", dispute=dispute, operator=operator.name, reason=error.code)
        return await render_window(visit, operator, status=409, fault=told(visit, error), refused_dispute=dispute)
    log.info("dispute.answered", dispute=dispute, decision=decision, operator=operator.name)
    return visit.redirect(f"/finance/windows/{number}?done=dispute_{decision}")


async def show_after_answer(visit: Visit) -> web.StreamResponse:
    """Lead from an answer's address, where a refusal was told, back to the window."""
    return visit.redirect(f"/finance/windows/{window_number(visit.request.match_info['window'])}")


def _amount(text: str, *, decimals_max: int) -> Decimal:
    amount = read_decimal(text.strip(), decimals_max=decimals_max)
    if amount is None:
        problem = FieldProblem.of("amount", expected="an amount like 12.50", got=text[:20])
        raise InvalidDisputeError(problems=[problem])
    return amount
