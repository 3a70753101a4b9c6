"""The operations behind a partner's own statement, in pages: each is signed, and all of them together are the file."""

import asyncio
import re
from typing import Final, Literal

from aiohttp import web

from coalition.http.routes import POOL, Answer, PartnerCall, Route
from settlement.documents.items_file import csv_head, csv_rows, json_lines
from settlement.engine.item import ItemPlace
from settlement.errors import SettlementError
from settlement.http.problems import refusal_of
from settlement.http.windows import WINDOW_MAX, number_in_range, refused_field
from settlement.operations.list_items import page_items

ITEMS_DEFAULT: Final = 1_000
ITEMS_MAX: Final = 5_000
_PLACE: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,15})\.([0-9]{1,5})(?:\.([1-9]))?", re.ASCII)


async def get_items_csv(request: web.Request, call: PartnerCall) -> Answer:
    """Answer a page of the operations behind the caller's statement, for spreadsheets."""
    return await _items_answer(request, call, "csv")


async def get_items_jsonl(request: web.Request, call: PartnerCall) -> Answer:
    """Answer a page of the operations behind the caller's statement, one JSON object a line."""
    return await _items_answer(request, call, "jsonl")


async def _items_answer(request: web.Request, call: PartnerCall, items_format: Literal["csv", "jsonl"]) -> Answer:
    window_no = number_in_range(request.match_info["window"], "window", least=1, most=WINDOW_MAX)
    limit = number_in_range(request.query.get("limit", str(ITEMS_DEFAULT)), "limit", least=1, most=ITEMS_MAX)
    after = _place(request.query.get("after"))
    try:
        zone, page = await page_items(request.app[POOL], window_no, call.partner, after=after, count_max=limit)
    except SettlementError as error:
        raise refusal_of(error) from error
    # Off the event loop, which has tills waiting for it.
    if items_format == "jsonl":
        return Answer(200, await asyncio.to_thread(json_lines, page, zone), "application/jsonl")
    # Pages put one after the other are the whole file, so only the first has a heading.
    head = csv_head() if after is None else b""
    return Answer(200, head + await asyncio.to_thread(csv_rows, page, zone), "text/csv; charset=utf-8")


def _place(text: str | None) -> ItemPlace | None:
    if text is None:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise refused_field("after", "cursor_unknown", "the item of the last row that you have, like 3.1024.0", text)
    return ItemPlace(*(int(number) for number in found.groups(default="0")))


_PARAMETERS: Final = {
    "after": "the item of the last row that you have; without it from the first on, and the CSV with its heading",
    "limit": f"1 to {ITEMS_MAX}; {ITEMS_DEFAULT} without it. A page without rows is the end",
}

ROUTES = [
    Route(
        "GET",
        "/v1/windows/{window}/items.csv",
        "partner",
        get_items_csv,
        "Every operation that your statement counts, for spreadsheets; in pages.",
        content_type="text/csv",
        parameters=_PARAMETERS,
    ),
    Route(
        "GET",
        "/v1/windows/{window}/items.jsonl",
        "partner",
        get_items_jsonl,
        "Every operation that your statement counts, one JSON object a line; in pages.",
        content_type="application/jsonl",
        parameters=_PARAMETERS,
    ),
]
