"""A partner's versions of terms, and the form in which the next one is drafted."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Operator, signed_in_operator
from coalition.pages.visit import Visit
from settlement.errors import InvalidTermsError, StaleDraftError, UnknownPartnerError
from settlement.operations.draft_terms import draft_terms
from settlement.operations.report_terms import PartnerTerms, report_partner_terms
from settlement.pages.numbers import number_in_address, read_number
from settlement.pages.refusals import told
from settlement.pages.terms_fields import CHOICES, FIELD_CHARS_MAX, FIELDS, NUMBERS, START, read_form, said, typed

log = structlog.get_logger()

VERSION_DIGITS_MAX: Final = 9


async def show_partner_terms(visit: Visit) -> web.StreamResponse:
    """Show a partner's versions, with a form for the next one that holds what the last one says."""
    operator = await signed_in_operator(visit)
    partner = await _partner(visit)
    return _render(visit, operator, partner, typed(visit, partner.last))


async def draft_partner_terms(visit: Visit) -> web.StreamResponse:
    """Draft the next version; a refusal is told beside the fields as they were typed, and nothing is kept."""
    operator = await signed_in_operator(visit, "operate")
    partner = await _partner(visit)
    programme = visit.site.programme
    seen = read_number(visit.form.get("seen_version", ""), digits_max=VERSION_DIGITS_MAX)
    try:
        change, valid_from = read_form(visit.form, programme.zone, programme.minor_unit)
        draft = await draft_terms(
            visit.site.pool,
            partner.partner,
            change,
            valid_from=valid_from,
            seen_version=seen or 0,
            now=visit.now,
            actor=f"operator:{operator.name}",
        )
    except InvalidTermsError as error:
        log.info("terms.draft_refused", partner=partner.partner, operator=operator.name, reason=error.code)
        wrong = {problem.field for problem in error.problems}
        return _render(visit, operator, partner, visit.form, status=422, wrong=wrong)
    except StaleDraftError as error:
        log.info("terms.draft_refused", partner=partner.partner, operator=operator.name, reason=error.code)
        return _render(visit, operator, partner, typed(visit, partner.last), status=409, fault=told(visit, error))
    log.info("terms.drafted", partner=partner.partner, draft=draft.draft, operator=operator.name)
    return visit.redirect(f"/finance/terms/{draft.draft}?done=draft")


def _render(
    visit: Visit,
    operator: Operator,
    partner: PartnerTerms,
    texts: Mapping[str, str],
    *,
    status: int = 200,
    wrong: Collection[str] = (),
    fault: str | None = None,
) -> web.StreamResponse:
    last, running = partner.last, partner.running_at(visit.now)
    today = visit.now.astimezone(visit.site.programme.zone)
    first_start = max(today, last.terms.valid_from) if last else today
    return visit.render(
        "finance/terms_partner.html",
        status=status,
        partner=partner,
        versions=[(stored, said(visit, stored), stored is running) for stored in reversed(partner.versions)],
        seen_version=len(partner.versions),
        texts={field: texts.get(field, "")[:FIELD_CHARS_MAX] for field in (*FIELDS, START)},
        fields=FIELDS,
        numbers=NUMBERS,
        choices=CHOICES,
        first_day=(first_start + timedelta(days=1)).date(),
        # In the order in which they stand on the page.
        wrong=[field for field in (START, *FIELDS) if field in wrong],
        fault=fault,
        may_draft="operate" in operator.roles,
    )


async def _partner(visit: Visit) -> PartnerTerms:
    number = number_in_address(visit.request.match_info["partner"])
    try:
        return await report_partner_terms(visit.site.pool, number)
    except UnknownPartnerError as error:
        raise PageRefusedError(status=404, key="not_found") from error
