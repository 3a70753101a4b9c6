"""The mail when prepaid points run low; sent by a running hub, beside the pages, whose mail server it uses."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from aiohttp import web

from coalition.cli.session import Session
from coalition.mail import Outcome
from coalition.pages.formats import Formats
from coalition.pages.language import Language
from coalition.pages.site import Site, site_of
from settlement.operations.warn_of_low_blocks import LowBlocksMail, send_warnings

log = structlog.get_logger()

# As often as the calendar notices it.
PAUSE_S = 60.0

SUBJECTS: Final[dict[Language, str]] = {
    "en": "Prepaid points of {partner}: {points} left",
    "de": "Vorausbezahlte Punkte von {partner}: noch {points}",
}
OWN_TEXTS: Final[dict[Language, str]] = {
    "en": "Hello\n\nOf the points that {partner} has bought ahead in {programme}, {points} are left: less than "
    "{level}, at which you are warned. The operator sells you the next block.\n",
    "de": "Guten Tag\n\nVon den Punkten, die {partner} bei {programme} vorausbezahlt hat, sind noch {points} übrig: "
    "weniger als {level}, ab denen Sie gewarnt werden. Den nächsten Block verkauft Ihnen der Betreiber.\n",
}
OPERATOR_TEXTS: Final[dict[Language, str]] = {
    "en": "Hello\n\nOf the points that {partner} has bought ahead in {programme}, {points} are left: less than "
    "{level}, its warning level. A new block is sold with:\n\n    coalition prepaid buy \"{partner}\" POINTS{link}\n",
    "de": "Guten Tag\n\nVon den Punkten, die {partner} bei {programme} vorausbezahlt hat, sind noch {points} übrig: "
    "weniger als {level}, seine Warnschwelle. Einen neuen Block verkauft:\n\n    coalition prepaid buy \"{partner}\" "
    "PUNKTE{link}\n",
}  # fmt: skip


def mount_prepaid_mail(app: web.Application, session: Session) -> None:
    """Let the hub warn of low blocks, where it has a mail server."""
    site = site_of(app, session)

    async def warning(_: web.Application) -> AsyncIterator[None]:
        work = asyncio.create_task(_keep_warning(site), name="prepaid-warnings")
        yield
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    if site.post is not None:
        app.cleanup_ctx.append(warning)


async def send_low_blocks_mails(site: Site) -> int:
    """Send what waits to be sent; return how many mails were taken."""
    return await send_warnings(site.pool, lambda mail: _send(site, mail))


async def _keep_warning(site: Site) -> None:
    while True:
        try:
            sent = await send_low_blocks_mails(site)
            if sent:
                log.info("prepaid_warnings.sent", sent=sent)
        except Exception as error:
            log.warning("prepaid_warnings.not_sent", reason=f"{type(error).__name__}: {error}")
        await asyncio.sleep(PAUSE_S)


async def _send(site: Site, mail: LowBlocksMail) -> Outcome:
    assert site.post is not None, "warnings are sent only where there is a mail server"
    language: Language = mail.language
    formats = Formats(language, site.programme)
    address = site.settings.public_url
    values = {
        "partner": mail.partner_name,
        "programme": site.programme.name,
        "points": formats.number(mail.points_left),
        "level": formats.number(mail.warn_below),
        "link": f"\n\n{address}/finance" if address else "",
    }
    texts = OWN_TEXTS if mail.is_own else OPERATOR_TEXTS
    return await site.post.deliver(
        to=mail.email, subject=SUBJECTS[language].format(**values), text=texts[language].format(**values)
    )
