"""Drafts of corrections on a window's page: a second person approves or withdraws them."""

from typing import Final

import structlog
from aiohttp import web

from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Role, signed_in_operator
from coalition.pages.visit import Visit
from settlement.errors import SettlementError, UnknownCorrectionError
from settlement.operations.correct_document import approve_correction, withdraw_correction
from settlement.pages.numbers import number_in_address
from settlement.pages.refusals import told
from settlement.pages.windows import render_window, window_number

log = structlog.get_logger()

ROLES: Final[dict[str, Role]] = {"approve": "approve", "withdraw": "operate"}


async def decide_correction(visit: Visit) -> web.StreamResponse:
    """Approve or withdraw a draft; a refusal is told on the window's page, and nothing is changed."""
    match = visit.request.match_info
    decision, correction = match["decision"], number_in_address(match["correction"])
    if decision not in ROLES:
        raise PageRefusedError(status=404, key="not_found")
    operator = await signed_in_operator(visit, ROLES[decision])
    number = window_number(match["window"])
    decide = approve_correction if decision == "approve" else withdraw_correction
    try:
        await decide(visit.site.pool, correction, now=visit.now, actor=f"operator:{operator.name}")
    except UnknownCorrectionError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    except SettlementError as error:
        log.info("correction.refused", correction=correction, operator=operator.name, reason=error.code)
        return await render_window(visit, operator, status=409, fault=told(visit, error))
    log.info("correction.decided", correction=correction, decision=decision, operator=operator.name)
    return visit.redirect(f"/finance/windows/{number}?done=correction_{decision}")


async def show_after_decision(visit: Visit) -> web.StreamResponse:
    """Lead from a decision's address, where a refusal was told, back to the window."""
    return visit.redirect(f"/finance/windows/{window_number(visit.request.match_info['window'])}")
