"""Terms that wait for approval: each draft beside what runs, and what past windows would have cost under it."""

from typing import Any, Final

import structlog
from aiohttp import web

from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Operator, Role, signed_in_operator
from coalition.pages.visit import Visit
from settlement.documents.wording import word
from settlement.engine.rerate import Rerating
from settlement.errors import InvalidPeriodError, SettlementError, UnknownDraftError
from settlement.operations.add_terms import TermsChange
from settlement.operations.draft_terms import approve_draft, withdraw_draft
from settlement.operations.report_terms import PartnerTerms, report_draft, report_terms
from settlement.operations.rerate_terms import Period, rerate_terms
from settlement.pages.numbers import number_in_address, read_number
from settlement.pages.refusals import told
from settlement.pages.running_totals import find_last_window
from settlement.pages.terms_fields import compared
from settlement.stores.terms_drafts import TermsDraft

log = structlog.get_logger()

ROLES: Final[dict[str, Role]] = {"approve": "approve", "withdraw": "operate"}
WINDOW_DIGITS_MAX: Final = 9
# What is priced anew unless other windows are asked for, and at most: each is billed twice while the page waits.
WINDOWS_RERATED: Final = 3
WINDOWS_RERATED_MAX: Final = 24


async def show_terms(visit: Visit) -> web.StreamResponse:
    """Show the drafts that wait for approval, and what runs for each partner."""
    operator = await signed_in_operator(visit)
    done = visit.request.query.get("done")
    return await _render(visit, operator, done=done if done in ROLES else None)


async def show_draft(visit: Visit) -> web.StreamResponse:
    """Show a draft beside what runs, with what windows of the past would have come to under it."""
    operator = await signed_in_operator(visit)
    number = _draft_number(visit)
    try:
        draft, partner = await report_draft(visit.site.pool, number)
    except UnknownDraftError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    first, last = await _windows_asked(visit)
    rerated: dict[str, Any] = {"rerating": None, "fault": None}
    try:
        rerated |= await _rerated(visit, draft, first, last)
    except InvalidPeriodError:
        rerated["fault"] = visit.word("finance.terms.rerate.fault", most=WINDOWS_RERATED_MAX)
    running, before = partner.running_at(visit.now), partner.before(draft)
    return visit.render(
        "finance/terms_draft.html",
        draft=draft,
        partner=partner,
        fields=compared(visit, running=running, before=before, after=draft.stored),
        running=running,
        before=before,
        is_running_before=running is before,
        first=first,
        last=last,
        is_new=visit.request.query.get("done") == "draft",
        is_own=draft.stored.created_by == f"operator:{operator.name}",
        **_roles(operator),
        **rerated,
    )


async def decide_draft(visit: Visit) -> web.StreamResponse:
    """Approve or withdraw a draft; a refusal is told on the page, and nothing is changed."""
    decision, number = visit.request.match_info["decision"], _draft_number(visit)
    if decision not in ROLES:
        raise PageRefusedError(status=404, key="not_found")
    operator = await signed_in_operator(visit, ROLES[decision])
    decide = approve_draft if decision == "approve" else withdraw_draft
    try:
        await decide(visit.site.pool, number, now=visit.now, actor=f"operator:{operator.name}")
    except UnknownDraftError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    except SettlementError as error:
        log.info("terms.decision_refused", draft=number, operator=operator.name, reason=error.code)
        return await _render(visit, operator, status=409, fault=told(visit, error))
    log.info("terms.decided", draft=number, decision=decision, operator=operator.name)
    return visit.redirect(f"/finance/terms?done={decision}")


async def show_after_decision(visit: Visit) -> web.StreamResponse:
    """Lead from a decision's address, where a refusal was told, back to the draft."""
    return visit.redirect(f"/finance/terms/{_draft_number(visit)}")


async def _render(
    visit: Visit, operator: Operator, *, status: int = 200, done: str | None = None, fault: str | None = None
) -> web.StreamResponse:
    partners = await report_terms(visit.site.pool)
    drafts = [_waiting(visit, draft, partner) for partner in partners for draft in partner.drafts]
    return visit.render(
        "finance/terms.html",
        status=status,
        done=done,
        fault=fault,
        drafts=sorted(drafts, key=lambda draft: int(draft["draft"])),
        partners=[{"terms": partner, "running": partner.running_at(visit.now)} for partner in partners],
        **_roles(operator),
    )


def _waiting(visit: Visit, draft: TermsDraft, partner: PartnerTerms) -> dict[str, Any]:
    before = partner.before(draft)
    fields = compared(visit, running=before, before=before, after=draft.stored)
    return {
        "draft": draft.draft,
        "name": partner.name,
        "stored": draft.stored,
        "changes": [field for field in fields if field.is_changed],
    }


async def _rerated(visit: Visit, draft: TermsDraft, first: int, last: int) -> dict[str, Any]:
    if not 0 <= last - first < WINDOWS_RERATED_MAX:
        raise InvalidPeriodError(expected=f"1 to {WINDOWS_RERATED_MAX} closed windows", actual=last - first + 1)
    period = Period(first_window=first, last_window=last)
    report = await rerate_terms(
        visit.site.pool, draft.partner, period, change=TermsChange(), draft_no=draft.draft, now=visit.now
    )
    rerating: Rerating = report.rerating
    others = visit.word("finance.terms.rerate.others")
    lines = [
        (report.names[line.partner], word(visit.language, f"line.{line.code}", counterparty=others), line)
        for line in rerating.lines
        if line.difference
    ]
    nets = [(report.names[net.partner], net) for net in rerating.nets if net.difference]
    return {"rerating": rerating, "lines": lines, "nets": nets}


async def _windows_asked(visit: Visit) -> tuple[int, int]:
    """Return the windows that the address asks for; without any, the newest that are closed."""
    newest = max(1, await find_last_window(visit.site.pool) - 1)
    asked = (read_number(visit.request.query.get(end, ""), digits_max=WINDOW_DIGITS_MAX) for end in ("first", "last"))
    match tuple(asked):
        case int(first), int(last):
            return first, last
        case _:
            return max(1, newest - WINDOWS_RERATED + 1), newest


def _draft_number(visit: Visit) -> int:
    return number_in_address(visit.request.match_info["draft"])


def _roles(operator: Operator) -> dict[str, bool]:
    return {"may_approve": "approve" in operator.roles, "may_draft": "operate" in operator.roles}
