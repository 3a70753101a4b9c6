"""A member's pages for giving points to another member: what and to whom, then the code that is mailed to him."""

import re
from datetime import timedelta
from typing import Final

import structlog
import typer
from aiohttp import web

from coalition.errors import GiftRefusedError, NotFoundError
from coalition.http.routes import CLEARING
from coalition.operations.give_points import IssuedGiftCode, ask_gift, give_points
from coalition.operations.sign_in import CODE_LIFE_MINUTES
from coalition.pages.errors import PageRefusedError
from coalition.pages.language import known_language
from coalition.pages.sign_in import refuse_too_many
from coalition.pages.throttle import Throttle
from coalition.pages.visit import Visit
from coalition.programme.card_number import normalised, printed
from coalition.stores.balances import load_standing
from coalition.stores.gift_codes import find_asked_gift
from coalition.stores.merges import load_transfer_max
from coalition.stores.wallets import Member, find_member

log = structlog.get_logger()

PATH: Final = "/gift"
CODE_PATH: Final = "/gift/code"
CARD_PATTERN: Final = re.compile(r"[0-9A-Za-z]{3,40}")
POINTS_PATTERN: Final = re.compile(r"[1-9][0-9]{0,9}")
# By member: whoever asks for gifts to numbers that he makes up learns little in a day.
ASKED_PER_HOUR_MAX = 20


class Gifts:
    """The pages, with the counter of gifts asked for by each member."""

    def __init__(self) -> None:
        self._asked = Throttle("gift", ASKED_PER_HOUR_MAX, timedelta(hours=1))

    async def ask(self, visit: Visit) -> web.StreamResponse:
        """Check the gift and mail its code; a second one within a minute keeps the first one's code."""
        await refuse_too_many(self._asked, visit.subject, visit)
        if not visit.site.sends_codes:
            raise PageRefusedError(status=503, key="mail_missing")
        card, points = visit.form.get("card", ""), visit.form.get("points", "")
        if not CARD_PATTERN.fullmatch(normalised(card.strip())):
            return await _form(visit, visit.word("gift.card_wrong"))
        if not POINTS_PATTERN.fullmatch(points.strip()):
            return await _form(visit, visit.word("gift.points_wrong"))
        try:
            issued = await ask_gift(
                visit.site.pool,
                int(visit.subject),
                to=normalised(card.strip()),
                points=int(points),
                calendar=visit.request.app[CLEARING].registry.calendar,
                now=visit.now,
            )
        except (GiftRefusedError, NotFoundError) as error:
            return await _form(visit, _told(visit, error))
        if issued is None:
            return await _form(visit, visit.word("gift.pause"))
        await _hand_over(visit, issued)
        return visit.redirect(CODE_PATH)


async def show_gift(visit: Visit) -> web.StreamResponse:
    """Show the form, or that gifts are switched off."""
    return await _form(visit, None)


async def show_gift_code(visit: Visit) -> web.StreamResponse:
    return await _code_page(visit, None)


async def take_gift_code(visit: Visit) -> web.StreamResponse:
    """Make the gift, or say that the code is wrong; five wrong tries void it."""
    code = "".join(visit.form.get("code", "").split())
    try:
        moved = await give_points(
            visit.site.pool,
            int(visit.subject),
            code,
            calendar=visit.request.app[CLEARING].registry.calendar,
            clock=visit.site.clock,
        )
    except (GiftRefusedError, NotFoundError) as error:
        return await _form(visit, _told(visit, error))
    if moved is None:
        return await _code_page(visit, visit.word("code.wrong"))
    log.info("gift.made", member=int(visit.subject), points=moved.points)
    return visit.render("gift_made.html", points=moved.points)


async def _form(visit: Visit, fault: str | None) -> web.Response:
    member = await _member(visit)
    async with visit.site.pool.acquire() as connection:
        limit = await load_transfer_max(connection)
        today = visit.now.astimezone(visit.site.programme.zone).date()
        standing = await load_standing(
            connection, member.place, now=visit.now, today=today, rule=visit.site.programme.expiry
        )
    return visit.render(
        "gift.html",
        status=200 if fault is None else 422,
        fault=fault,
        limit=limit,
        available=max(standing.available, 0),
        card=visit.form.get("card", ""),
        points=visit.form.get("points", ""),
        minutes=CODE_LIFE_MINUTES,
    )


async def _code_page(visit: Visit, fault: str | None) -> web.Response:
    async with visit.site.pool.acquire() as connection:
        asked = await find_asked_gift(connection, int(visit.subject), now=visit.now)
    if asked is None:
        return visit.redirect(PATH)
    status = 200 if fault is None else 422
    card = printed(asked.to_card)
    return visit.render("gift_code.html", status=status, fault=fault, points=asked.points, card=card)


async def _member(visit: Visit) -> Member:
    async with visit.site.pool.acquire() as connection:
        member = await find_member(connection, int(visit.subject))
    if member is None:
        raise PageRefusedError(status=404, key="not_found")
    return member


def _told(visit: Visit, error: GiftRefusedError | NotFoundError) -> str:
    if isinstance(error, NotFoundError):
        return visit.word("gift.unknown_card")
    return visit.word(f"gift.{error.reason}", points=visit.counted("points", error.points))


async def _hand_over(visit: Visit, issued: IssuedGiftCode) -> None:
    site, member = visit.site, await _member(visit)
    if site.settings.print_codes:
        typer.echo(f"gift code for {member.email}: {issued.code}")
        return
    assert site.post is not None, "codes are made only where they can be sent"
    language = known_language(member.language) or visit.language
    values = {
        "code": issued.code,
        "points": issued.points,
        "card": printed(issued.to_card),
        "programme": site.programme.name,
        "minutes": CODE_LIFE_MINUTES,
    }
    subject = site.word(language, "gift.mail.subject", **values)
    site.post.send(to=member.email, subject=subject, text=site.word(language, "gift.mail.text", **values))
