"""Terms that wait for approval: what each draft changes; a second person approves it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import structlog
from aiohttp import web

from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Operator, Role, signed_in_operator
from coalition.pages.visit import Visit
from settlement.errors import SettlementError, StaleDraftError, TermsDrafterError, UnknownDraftError
from settlement.operations.draft_terms import approve_draft, list_drafts, withdraw_draft
from settlement.stores.hub import load_partner_names
from settlement.stores.terms import StoredTerms
from settlement.text.terms import terms_document

log = structlog.get_logger()

ROLES: Final[Mapping[str, Role]] = {"approve": "approve", "withdraw": "operate"}
DRAFT_DIGITS_MAX: Final = 18
# What terms say, in the order in which they are read; the rest is who made them and when.
FIELDS: Final = (
    *("funding", "issue_price", "service_fee", "redemption_price", "commission", "platform_fee"),
    *("charge_vat", "fee_vat", "redemption_vat", "earn_rate", "offline_loss", "return_loss"),
)


async def show_terms(visit: Visit) -> web.StreamResponse:
    """Show the drafts that wait for approval."""
    operator = await signed_in_operator(visit)
    done = visit.request.query.get("done")
    return await _render(visit, operator, done=done if done in ROLES else None)


async def decide_draft(visit: Visit) -> web.StreamResponse:
    """Approve or withdraw a draft; a refusal is told on the page, and nothing is changed."""
    decision, draft = visit.request.match_info["decision"], visit.request.match_info["draft"]
    is_number = draft.isascii() and draft.isdigit() and len(draft) <= DRAFT_DIGITS_MAX
    if decision not in ROLES or not is_number:
        raise PageRefusedError(status=404, key="not_found")
    operator = await signed_in_operator(visit, ROLES[decision])
    decide = approve_draft if decision == "approve" else withdraw_draft
    try:
        await decide(visit.site.pool, int(draft), now=visit.now, actor=f"operator:{operator.name}")
    except UnknownDraftError as error:
        raise PageRefusedError(status=404, key="not_found") from error
    except SettlementError as error:
        log.info("terms.decision_refused", draft=int(draft), operator=operator.name, reason=error.code)
        return await _render(visit, operator, status=409, fault=_told(visit, error))
    log.info("terms.decided", draft=int(draft), decision=decision, operator=operator.name)
    return visit.redirect(f"/finance/terms?done={decision}")


async def show_after_decision(visit: Visit) -> web.StreamResponse:
    """Lead from a decision's address, where a refusal was told, back to the drafts."""
    return visit.redirect("/finance/terms")


async def _render(
    visit: Visit, operator: Operator, *, status: int = 200, done: str | None = None, fault: str | None = None
) -> web.StreamResponse:
    drafts = await list_drafts(visit.site.pool)
    async with visit.site.pool.acquire() as connection:
        names = await load_partner_names(connection)
    return visit.render(
        "finance/terms.html",
        status=status,
        done=done,
        fault=fault,
        drafts=[
            {
                "draft": draft.draft,
                "name": names[draft.partner],
                "stored": draft.stored,
                "changes": list(_changes(before, draft.stored)),
            }
            for draft, before in drafts
        ],
        may_approve="approve" in operator.roles,
        may_withdraw="operate" in operator.roles,
    )


def _changes(before: StoredTerms | None, after: StoredTerms) -> Iterator[tuple[str, Any, Any]]:
    old = terms_document(before) if before else {}
    new = terms_document(after)
    for field in FIELDS:
        if old.get(field) != new[field]:
            yield field, old.get(field), new[field]


def _told(visit: Visit, error: SettlementError) -> str:
    match error:
        case TermsDrafterError():
            return visit.word("finance.terms.fault.drafter")
        case StaleDraftError():
            return visit.word("finance.terms.fault.stale")
        case _:
            return str(error)
