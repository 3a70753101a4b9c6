"""What an operator does to a window: close, calculate, approve, settle. Each is a form; the page after it says so."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from coalition.lanes.close_window import close_window
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Role, signed_in_operator
from coalition.pages.visit import Visit
from settlement.errors import AlreadyClosedError, SettlementError, TieOutError, UnknownWindowError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.invoice_window import invoice_window
from settlement.operations.report_window import report_window
from settlement.operations.settle_window import settle_window
from settlement.pages.refusals import told
from settlement.pages.windows import render_window, window_number

log = structlog.get_logger()

Step = Callable[[Visit, int, str], Awaitable[None]]


async def _close(visit: Visit, window_no: int, actor: str) -> None:
    # What is closed is the open window, so a page that was left lying about must not close the next one.
    if (await report_window(visit.site.pool, window_no)).window.state != "OPEN":
        raise AlreadyClosedError
    await close_window(visit.site.pool, clock=visit.site.clock, actor=actor, expected=window_no)


async def _calculate(visit: Visit, window_no: int, actor: str) -> None:
    await calculate_window(visit.site.pool, window_no, now=visit.now, actor=actor)


async def _approve(visit: Visit, window_no: int, actor: str) -> None:
    # What is approved are the figures on the page that the form came from.
    seen = visit.form.get("moves", "")
    moves_seen = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 6 else 0
    await approve_window(visit.site.pool, window_no, now=visit.now, actor=actor, moves_seen=moves_seen)


async def _invoice(visit: Visit, window_no: int, actor: str) -> None:
    await invoice_window(visit.site.pool, window_no, now=visit.now, actor=actor)


async def _settle(visit: Visit, window_no: int, actor: str) -> None:
    await settle_window(visit.site.pool, window_no, now=visit.now, actor=actor)


STEPS: dict[str, tuple[Role, Step]] = {
    "close": ("operate", _close),
    "calculate": ("operate", _calculate),
    "approve": ("approve", _approve),
    "invoice": ("approve", _invoice),
    "settle": ("approve", _settle),
}


async def take_step(visit: Visit) -> web.StreamResponse:
    """Take the step in the address; a refusal is told on the window's page, and nothing is changed."""
    name = visit.request.match_info["step"]
    if name not in STEPS:
        raise PageRefusedError(status=404, key="not_found")
    role, step = STEPS[name]
    operator = await signed_in_operator(visit, role)
    number = window_number(visit.request.match_info["window"])
    try:
        await step(visit, number, f"operator:{operator.name}")
    except UnknownWindowError as error:
        raise PageRefusedError(status=404, key="window_unknown") from error
    except SettlementError as error:
        log.info("window.step_refused", window=number, step=name, operator=operator.name, reason=error.code)
        differences = error if isinstance(error, TieOutError) else None
        return await render_window(visit, operator, status=409, fault=told(visit, error), differences=differences)
    log.info("window.step_taken", window=number, step=name, operator=operator.name)
    return visit.redirect(f"/finance/windows/{number}?done={name}")


async def show_after_step(visit: Visit) -> web.StreamResponse:
    """Lead from a step's address, where a refusal was told, back to the window."""
    return visit.redirect(f"/finance/windows/{window_number(visit.request.match_info['window'])}")
