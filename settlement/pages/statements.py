"""A partner's statement of a window, to be downloaded."""

import asyncio
from typing import Final, get_args

from aiohttp import web

from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from settlement.errors import UnknownStatementError, UnknownWindowError
from settlement.operations.find_statement import StatementFormat, find_statement, format_statement
from settlement.pages.numbers import number_in_address
from settlement.pages.windows import window_number

FORMATS: Final[tuple[StatementFormat, ...]] = get_args(StatementFormat)
CONTENT_TYPES: Final[dict[StatementFormat, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


async def download_statement(visit: Visit) -> web.StreamResponse:
    """Answer the statement as a file; CSV and PDF are in the language of the pages."""
    await signed_in_operator(visit)
    match = visit.request.match_info
    number, partner = window_number(match["window"]), number_in_address(match["partner"])
    statement_format = next((known for known in FORMATS if known == match["format"]), None)
    if statement_format is None:
        raise PageRefusedError(status=404, key="not_found")
    try:
        content = await find_statement(visit.site.pool, number, partner)
    except (UnknownWindowError, UnknownStatementError) as error:
        raise PageRefusedError(status=404, key="statement_unknown") from error
    # Drawing a PDF takes a while, and all else goes on meanwhile.
    body = await asyncio.to_thread(format_statement, content, statement_format, visit.language)
    headers = {
        "Content-Type": CONTENT_TYPES[statement_format],
        "Content-Disposition": f'attachment; filename="statement-{number}-{partner}.{statement_format}"',
    }
    return web.Response(body=body, headers=headers)
