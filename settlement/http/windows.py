"""What partners may see of windows: the list with their own nets, and their statements."""

import asyncio
import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.problems import shortened
from coalition.http.routes import POOL, Answer, PartnerCall, Route
from settlement.documents.statement_json import sales_document
from settlement.documents.wording import LANGUAGES, Language
from settlement.errors import SettlementError
from settlement.http.answers import StatementAnswer, WindowsAnswer
from settlement.http.problems import refusal_of
from settlement.operations.find_statement import StatementFormat, find_statement, format_statement
from settlement.operations.report_window import PartnerWindow, list_partner_windows

PAGE_DEFAULT = 100
PAGE_MAX = 1000
# The column's limit.
WINDOW_MAX = 2_147_483_647

_CONTENT_TYPES: Final[Mapping[StatementFormat, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


async def get_windows(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the windows after a number, oldest first, with the caller's own net in each."""
    after = number_in_range(request.query.get("after", "0"), "after", least=0, most=WINDOW_MAX)
    limit = number_in_range(request.query.get("limit", str(PAGE_DEFAULT)), "limit", least=1, most=PAGE_MAX)
    # One more than asked for tells whether there is a next page.
    windows = await list_partner_windows(request.app[POOL], call.partner, after=after, count_max=limit + 1)
    page = windows[:limit]
    document = {
        "windows": [_window_document(partner_window) for partner_window in page],
        "next": page[-1].window.window_no if len(windows) > limit else None,
    }
    return Answer(200, json.dumps(document).encode())


async def get_statement(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's statement of a window, byte for byte as it was calculated."""
    return await _statement_answer(request, call, "json")


async def get_statement_csv(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's statement for spreadsheets."""
    return await _statement_answer(request, call, "csv")


async def get_statement_xlsx(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's statement as a workbook."""
    return await _statement_answer(request, call, "xlsx")


async def get_statement_pdf(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's statement as a letter."""
    return await _statement_answer(request, call, "pdf")


async def _statement_answer(request: web.Request, call: PartnerCall, statement_format: StatementFormat) -> Answer:
    window_no = number_in_range(request.match_info["window"], "window", least=1, most=WINDOW_MAX)
    language = _language(request.query.get("language", "en"))
    try:
        content = await find_statement(request.app[POOL], window_no, call.partner)
    except SettlementError as error:
        raise refusal_of(error) from error
    # Off the event loop, which has tills waiting for it.
    body = await asyncio.to_thread(format_statement, content, statement_format, language)
    return Answer(200, body, _CONTENT_TYPES[statement_format], _headers(window_no, call.partner, statement_format))


def _headers(window_no: int, partner: int, statement_format: StatementFormat) -> dict[str, str]:
    if statement_format == "json":
        return {}
    return {"Content-Disposition": f'attachment; filename="statement-{window_no}-{partner}.{statement_format}"'}


def _window_document(partner_window: PartnerWindow) -> dict[str, object]:
    window, share = partner_window.window, partner_window.share
    return {
        "window": window.window_no,
        "state": window.state,
        "opened_at": window.opened_at.isoformat(),
        "closed_at": window.closed_at.isoformat() if window.closed_at else None,
        **sales_document(partner_window.sales),
        "currency": partner_window.currency.code,
        "net": str(share.net) if share else None,
        "share_state": share.state if share else None,
        "payable": str(share.payable) if share else None,
        "unpaid": str(share.unpaid) if share else None,
        "due_on": share.due_on.isoformat() if share and share.due_on else None,
    }


def number_in_range(text: str, field: str, *, least: int, most: int) -> int:
    """Return a whole number of a query or an address; raises RequestRefusedError for anything else."""
    # Digits of ASCII only, and few: int() takes much more, slowly.
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    raise refused_field(field, "number_out_of_range", f"a whole number from {least} to {most}", text)


def _language(text: str) -> Language:
    for language in LANGUAGES:
        if text == language:
            return language
    raise refused_field("language", "language_unknown", " or ".join(LANGUAGES), text)


def refused_field(field: str, code: str, expected: str, got: str) -> RequestRefusedError:
    """Return the refusal of one field of a question."""
    fault = FieldFault(field, code, expected, shortened(got))
    return RequestRefusedError(
        status=422, code=code, detail=f"{field}: expected {expected}, got {shortened(got)}", faults=(fault,)
    )


_LANGUAGE = {"language": "de or en; en without it"}

ROUTES = [
    Route(
        "GET",
        "/v1/windows",
        "partner",
        get_windows,
        "Clearing windows with your own nets.",
        answers=WindowsAnswer,
        parameters={"after": "the number of the last window you have seen", "limit": f"1 to {PAGE_MAX}"},
    ),
    Route(
        "GET",
        "/v1/windows/{window}/statement",
        "partner",
        get_statement,
        "Your statement of a window; 404 before it is calculated, or without a share in it.",
        answers=StatementAnswer,
    ),
    Route(
        "GET",
        "/v1/windows/{window}/statement.csv",
        "partner",
        get_statement_csv,
        "Your statement for spreadsheets.",
        content_type="text/csv",
        parameters=_LANGUAGE,
    ),
    Route(
        "GET",
        "/v1/windows/{window}/statement.xlsx",
        "partner",
        get_statement_xlsx,
        "Your statement as a workbook.",
        content_type=_CONTENT_TYPES["xlsx"],
        parameters=_LANGUAGE,
    ),
    Route(
        "GET",
        "/v1/windows/{window}/statement.pdf",
        "partner",
        get_statement_pdf,
        "Your statement as a letter.",
        content_type="application/pdf",
        parameters=_LANGUAGE,
    ),
]
