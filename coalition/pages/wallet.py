"""A member's pages: balance, where it comes from, what expires when, history and card."""

import re
from datetime import date, timedelta
from typing import Any, Final

import segno
from aiohttp import web
from markupsafe import Markup

from coalition.database.pool import Connection
from coalition.pages.entries import by_month, show_entry
from coalition.pages.errors import PageRefusedError
from coalition.pages.expiry_rule import told_rule
from coalition.pages.visit import Visit
from coalition.programme.card_number import printed
from coalition.stores.balances import Standing, load_standing
from coalition.stores.history import NEWEST, load_history
from coalition.stores.merges import load_transfer_max
from coalition.stores.wallets import (
    Member,
    find_member,
    find_newest_card,
    load_sources,
)

LATEST_COUNT: Final = 5
PAGE_COUNT: Final = 25
EXPIRIES_SHOWN: Final = 6
LEAF_PATTERN: Final = re.compile(r"[0-9]{1,18}")


async def show_start(visit: Visit) -> web.StreamResponse:
    """Show the overview, or to a stranger where to sign in."""
    if visit.session is None:
        return visit.render("sign_in.html", email="", fault=None)
    async with (
        visit.site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        member = await _member(connection, visit)
        place = member.place
        values: dict[str, Any] = {
            "member": member,
            "standing": await load_standing(
                connection,
                place,
                now=visit.now,
                today=visit.now.astimezone(visit.site.programme.zone).date(),
                rule=visit.site.programme.expiry,
            ),
            "sources": await load_sources(connection, place),
            "entries": [
                show_entry(visit, record) for record in await load_history(connection, place, count_max=LATEST_COUNT)
            ],
            "card": await find_newest_card(connection, member.member),
            "may_give": await load_transfer_max(connection) > 0,
        }
    return visit.render(
        "overview.html",
        rule=told_rule(visit),
        shown_expiries=EXPIRIES_SHOWN,
        soon=_expires_soon(visit, values["standing"]),
        **_card_values(visit, values.pop("card")),
        **values,
    )


def _expires_soon(visit: Visit, standing: Standing) -> tuple[date, int] | None:
    """Return what expires within the days of which members are told: until when it can be spent, and how much."""
    notice_days = visit.site.programme.expiry_notice_days
    if notice_days is None:
        return None
    until = visit.now.astimezone(visit.site.programme.zone).date() + timedelta(days=notice_days)
    soon = [(day, points) for day, points in standing.expiries if day <= until]
    return (soon[-1][0], sum(points for _, points in soon)) if soon else None


async def show_history(visit: Visit) -> web.StreamResponse:
    """Show a page of the history; `before` is the cursor of the page before it."""
    asked = visit.request.query.get("before")
    if asked is not None and not LEAF_PATTERN.fullmatch(asked):
        raise PageRefusedError(status=404, key="not_found")
    before = NEWEST if asked is None else int(asked)
    async with visit.site.pool.acquire() as connection:
        member = await _member(connection, visit)
        entries = await load_history(connection, member.place, count_max=PAGE_COUNT + 1, before=before)
    shown = entries[:PAGE_COUNT]
    return visit.render(
        "history.html",
        member=member,
        months=by_month(visit, shown),
        older=shown[-1].leaf if len(entries) > PAGE_COUNT else None,
        is_newest=asked is None,
    )


async def show_card(visit: Visit) -> web.StreamResponse:
    async with visit.site.pool.acquire() as connection:
        member = await _member(connection, visit)
        card = await find_newest_card(connection, member.member)
    return visit.render("card.html", member=member, **_card_values(visit, card))


async def show_missing(visit: Visit) -> web.StreamResponse:
    """Show why points may be missing, and what to do."""
    return visit.render("missing.html")


async def _member(connection: Connection, visit: Visit) -> Member:
    member = await find_member(connection, int(visit.subject))
    if member is None:
        raise PageRefusedError(status=404, key="not_found")
    return member


def _card_values(visit: Visit, card: str | None) -> dict[str, Any]:
    if card is None:
        return {"card_number": None, "qr": None}
    number = printed(card)
    return {"card_number": number, "qr": qr_code(card, title=visit.word("card.qr", card=number))}


def qr_code(card: str, *, title: str) -> Markup:
    """Return a card's number as a QR code that any camera reads, dark on the light ground that it is laid on."""
    # Error correction Q: a quarter of it may be scratched or in shadow.
    svg = segno.make_qr(card, error="q").svg_inline(title=title, omitsize=True, border=4, svgclass="qr", lineclass=None)
    # segno escapes the title; all else in it is figures.
    return Markup(svg.replace("<svg ", '<svg role="img" ', 1))
