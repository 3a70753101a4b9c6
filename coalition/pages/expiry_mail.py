"""The mail before points expire; sent by a running hub, beside the pages, whose mail server it uses."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from aiohttp import web

from coalition.cli.session import Session
from coalition.lanes.end_task import end_task
from coalition.mail import Outcome
from coalition.operations.send_expiry_notices import Notice, Sent, send_expiry_notices
from coalition.pages.formats import Formats
from coalition.pages.language import Language, known_language
from coalition.pages.site import Site, site_of
from coalition.stores.programme import load_programme

log = structlog.get_logger()

# Days are told, so an hour more or less is nothing.
PAUSE_S = 3_600.0

SUBJECTS: Final[dict[Language, str]] = {
    "en": "{points} of your points in {programme} expire soon",
    "de": "{points} Ihrer Punkte bei {programme} verfallen bald",
}
LINES: Final[dict[Language, str]] = {
    "en": "    {points} points: to be spent by {day}",
    "de": "    {points} Punkte: einlösbar bis {day}",
}
TEXTS: Final[dict[Language, str]] = {
    "en": "Hello\n\nPoints of yours in {programme} can be spent for some days only:\n\n{lines}\n\nThe oldest points "
    "are always spent first.{link}\n",
    "de": "Guten Tag\n\nPunkte von Ihnen bei {programme} sind nur noch einige Tage einlösbar:\n\n{lines}\n\nDie "
    "ältesten Punkte werden immer zuerst eingelöst.{link}\n",
}


def mount_expiry_mail(app: web.Application, session: Session) -> None:
    """Let the hub tell members, where it has a mail server."""
    site = site_of(app, session)

    async def telling(_: web.Application) -> AsyncIterator[None]:
        work = asyncio.create_task(_keep_telling(site), name="expiry-notices")
        yield
        await end_task(work)

    if site.post is not None:
        app.cleanup_ctx.append(telling)


async def send_notices(site: Site) -> Sent:
    """Send what is due now."""
    async with site.pool.acquire() as connection:
        programme = await load_programme(connection)
    return await send_expiry_notices(site.pool, programme, lambda notice: _send(site, notice), now=site.clock())


async def _keep_telling(site: Site) -> None:
    while True:
        try:
            sent = await send_notices(site)
            if sent != Sent():
                log.info("expiry_notices.sent", sent=sent.sent, refused=sent.refused, failed=sent.failed)
        except Exception as error:
            log.warning("expiry_notices.not_sent", reason=f"{type(error).__name__}: {error}")
        await asyncio.sleep(PAUSE_S)


async def _send(site: Site, notice: Notice) -> Outcome:
    assert site.post is not None, "notices are sent only where there is a mail server"
    language = known_language(notice.language) or site.settings.mail_language
    formats = Formats(language, site.programme)
    lines = [
        LINES[language].format(points=formats.number(points), day=formats.last_day(day))
        for day, points in notice.points
    ]
    address = site.settings.public_url
    values = {
        "programme": site.programme.name,
        "points": formats.number(sum(points for _, points in notice.points)),
        "lines": "\n".join(lines),
        "link": f"\n{address}" if address else "",
    }
    subject, text = SUBJECTS[language].format(**values), TEXTS[language].format(**values)
    return await site.post.deliver(to=notice.email, subject=subject, text=text)
