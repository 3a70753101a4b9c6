"""What stands behind a figure, a page at a time: a statement's lines, a line's operations, a cohort's lots.

Each leads on to one record of the journal, and that to the message that its partner signed."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from coalition.database.pool import Connection
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from settlement.documents.figures import percent, price
from settlement.documents.statement_json import read_json
from settlement.documents.wording import word
from settlement.engine.item import BURN_CODES
from settlement.engine.line import Line, LineCode
from settlement.errors import UnknownStatementError, UnknownWindowError
from settlement.operations.find_statement import find_statement
from settlement.operations.list_items import load_months_at_burn
from settlement.pages.numbers import number_in_address
from settlement.pages.reports import partner_asked
from settlement.pages.windows import window_number
from settlement.stores.behind import (
    LotsWanted,
    OperationsWanted,
    load_late_operations,
    load_lots_behind,
    load_operations_behind,
)
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.late_items import LateWanted
from settlement.stores.sales_begin import load_sales_begin
from settlement.stores.windows import Window, find_window

PAGE_ROWS: Final = 50
PLACE_PATTERN: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,18}")
LOT_PATTERN: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9]{1,4}")
DAY_PATTERN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SHOP_CHARS_MAX: Final = 200
# The journal's kinds of record behind each kind of total.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "issued": ("earn",),
    "issue_reversed": ("reverse_earn",),
    "redeemed": ("burn", "capture"),
    "redeem_reversed": ("reverse_burn",),
    "expired": ("expire",),
    "moved_out": ("move_out",),
    "moved_in": ("move_in",),
    "operations": ("earn", "reverse_earn", "burn", "capture", "reverse_burn"),
}
KIND_OF_LINE: Final[Mapping[LineCode, str]] = {
    "issue_charge": "issued",
    "service_fee": "issued",
    "issue_deferred": "issued",
    "issue_prepaid": "issued",
    "issue_charge_reversed": "issue_reversed",
    "service_fee_reversed": "issue_reversed",
    "issue_deferred_reversed": "issue_reversed",
    "issue_prepaid_reversed": "issue_reversed",
    "redemption_credit": "redeemed",
    "commission": "redeemed",
    "redemption_credit_reversed": "redeem_reversed",
    "commission_reversed": "redeem_reversed",
}


async def show_lines(visit: Visit) -> web.StreamResponse:
    """Show a partner's statement line by line, each with the operations that it is made of."""
    await signed_in_operator(visit)
    number = window_number(visit.request.match_info["window"])
    partner = number_in_address(visit.request.match_info["partner"])
    try:
        statement = read_json(await find_statement(visit.site.pool, number, partner))
    except (UnknownWindowError, UnknownStatementError) as error:
        raise PageRefusedError(status=404, key="statement_unknown") from error
    return visit.render(
        "finance/lines.html",
        number=number,
        partner=partner,
        statement=statement,
        described=lambda line: word(visit.language, line.description_key, counterparty=statement.counterparty_of(line)),
        # With all of their digits: a fee of 0.0005 is not 0.
        priced=lambda line: price(line.price, visit.language),
        rated=lambda line: percent(line.rate, visit.language),
        behind=lambda line: _address_of(number, partner, line),
    )


async def show_operations(visit: Visit) -> web.StreamResponse:
    """Show the operations behind a figure, in the order of the journal."""
    await signed_in_operator(visit)
    query = visit.request.query
    kind = query.get("kind", "")
    if kind not in KINDS:
        raise PageRefusedError(status=404, key="not_found")
    is_late = "late" in query
    if is_late and query.keys() & {"billed", "payer", "terms", "shop"}:
        # What is late is told by partner and kind, and not further.
        raise PageRefusedError(status=404, key="not_found")
    number, partner, version = window_number(query.get("window", "")), partner_asked(visit), query.get("terms")
    if version is not None and not re.fullmatch(r"[0-9]{1,9}", version):
        raise PageRefusedError(status=404, key="not_found")
    async with visit.site.pool.acquire() as connection:
        try:
            window = await find_window(connection, number)
        except UnknownWindowError as error:
            raise PageRefusedError(status=404, key="window_unknown") from error
        payer = _number(query.get("payer"))
        wanted = OperationsWanted(
            window_no=number,
            kinds=KINDS[kind],
            partner=partner,
            is_billed="billed" in query,
            lots_of=payer,
            months=None if payer is None else await _months_at_burn(connection, number, payer),
            terms_version=None if version is None else int(version),
            shop=query["shop"][:SHOP_CHARS_MAX] if "shop" in query else None,
        )
        lane, leaf = place_asked(visit, PLACE_PATTERN, (0, -1))
        if is_late:
            begin = await _sales_begin(connection, window)
            late = LateWanted(window_no=number, begin=begin, kinds=KINDS[kind], partner=partner)
            found = await load_late_operations(connection, late, after=(lane, leaf), count_max=PAGE_ROWS + 1)
        else:
            found = await load_operations_behind(connection, wanted, after=(lane, leaf), count_max=PAGE_ROWS + 1)
        names = await load_partner_names(connection)
    page = found[:PAGE_ROWS]
    return visit.render(
        "finance/operations.html",
        wanted=wanted,
        is_late=is_late,
        kind=kind,
        partner_name=None if partner is None else names.get(partner, str(partner)),
        operations=page,
        first=turned(visit, None) if "after" in query else None,
        next=turned(visit, f"{page[-1].lane}.{page[-1].leaf}") if len(found) > PAGE_ROWS else None,
    )


async def _months_at_burn(connection: Connection, number: int, payer: int) -> list[date]:
    return await load_months_at_burn(connection, number, payer, await load_programme(connection))


async def _sales_begin(connection: Connection, window: Window) -> datetime:
    lanes = (await load_programme(connection)).lanes
    begin = await load_sales_begin(connection, window.window_no, opened_at=window.opened_at, lanes=lanes)
    # No sale is before this: the first window has no earlier period.
    return begin or datetime.min.replace(tzinfo=UTC)


async def show_lots(visit: Visit) -> web.StreamResponse:
    """Show the lots behind a cohort's figure."""
    await signed_in_operator(visit)
    query = visit.request.query
    never_expires = query.get("expires") == "never"
    # A day alone is a span of one.
    one_day = None if never_expires else query.get("expires")
    wanted = LotsWanted(
        payer=_number(query.get("payer")),
        month=_day(f"{query['month']}-01") if "month" in query else None,
        expires_from=_day(query.get("from", one_day)),
        expires_until=_day(query.get("until", one_day)),
        never_expires=never_expires,
        has_points="left" in query,
    )
    async with visit.site.pool.acquire() as connection:
        lane, account, leaf, part = place_asked(visit, LOT_PATTERN, (0, -1, -1, -1))
        found = await load_lots_behind(connection, wanted, after=(lane, account, leaf, part), count_max=PAGE_ROWS + 1)
        names = await load_partner_names(connection)
    page = found[:PAGE_ROWS]
    last = page[-1] if page else None
    return visit.render(
        "finance/lots.html",
        wanted=wanted,
        payer_name=None if wanted.payer is None else names.get(wanted.payer, str(wanted.payer)),
        lots=page,
        first=turned(visit, None) if "after" in query else None,
        next=turned(visit, f"{last.lane}.{last.account}.{last.leaf}.{last.part}")
        if last is not None and len(found) > PAGE_ROWS
        else None,
    )


def _address_of(number: int, partner: int, line: Line) -> str | None:
    """Return where a line's operations are listed; None: it is not made of any.

    What is paid for at burn are the operations of the other partner that took of this one's lots, or brought back to
    them; cover and overdraft are what all operations come to, each with its part in the list of all items."""
    asked: dict[str, str | int] = {"window": number, "terms": line.terms_version}
    kind = KIND_OF_LINE.get(line.code)
    if kind is not None:
        asked |= {"partner": partner, "kind": kind, "billed": 1}
    elif line.code in BURN_CODES and line.counterparty is not None:
        asked |= {"partner": line.counterparty, "kind": BURN_CODES[line.code], "payer": partner}
    elif line.code in ("cover_charge", "cover_credit", "issue_overdraft"):
        return f"/finance/windows/{number}/items/{partner}.csv"
    else:
        return None
    return f"/finance/operations?{urlencode(asked)}"


def turned(visit: Visit, after: str | None) -> str:
    """Return the address of another page of the list that is visited."""
    query: list[tuple[str, Any]] = [(name, value) for name, value in visit.request.query.items() if name != "after"]
    return f"?{urlencode(query if after is None else [*query, ('after', after)])}"


def place_asked(visit: Visit, pattern: re.Pattern[str], start: tuple[int, ...]) -> tuple[int, ...]:
    """Return after which place the list goes on; raises PageRefusedError where the address names none."""
    text = visit.request.query.get("after")
    if text is None:
        return start
    if not pattern.fullmatch(text):
        raise PageRefusedError(status=404, key="not_found")
    return tuple(int(part) for part in text.split("."))


def _number(text: str | None) -> int | None:
    return None if text is None else number_in_address(text)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if DAY_PATTERN.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise PageRefusedError(status=404, key="not_found")
