"""The mail with the code for a large burn; mounted beside the pages, whose mail server it uses."""

from typing import Final

import typer
from aiohttp import web

from coalition.cli.session import Session
from coalition.http.step_up import CODE_SENDER, Occasion
from coalition.operations.ask_step_up import IssuedStepUp
from coalition.operations.sign_in import CODE_LIFE_MINUTES
from coalition.pages.language import Language, known_language
from coalition.pages.site import Site, site_of

SUBJECTS: Final[dict[Language, str]] = {
    "en": "{code} is your code to spend {points} points",
    "de": "{code} ist Ihr Code, um {points} Punkte einzulösen",
}
TEXTS: Final[dict[Language, str]] = {
    "en": "Hello\n\n{place} asks to spend up to {points} of your points in {programme}. If you agree, tell the till "
    "this code:\n\n    {code}\n\nIt is valid for {minutes} minutes and works once. If you are not at that till now, "
    "tell it to nobody: without it the points stay yours.\n",
    "de": "Guten Tag\n\n{place} möchte bis zu {points} Ihrer Punkte bei {programme} einlösen. Sind Sie einverstanden, "
    "dann nennen Sie an der Kasse diesen Code:\n\n    {code}\n\nEr gilt {minutes} Minuten und nur einmal. Stehen Sie "
    "gerade nicht an dieser Kasse, dann nennen Sie ihn niemandem: ohne ihn bleiben die Punkte Ihre.\n",
}


def mount_step_up_mail(app: web.Application, session: Session) -> None:
    """Let the hub send codes, where it can."""
    site = site_of(app, session)
    if site.sends_codes:
        app[CODE_SENDER] = lambda issued, occasion: send_code(site, issued, occasion)


def send_code(site: Site, issued: IssuedStepUp, occasion: Occasion) -> None:
    """Send a member his code soon, or print it for a demo."""
    if site.post is None or site.settings.print_codes:
        typer.echo(f"step-up code for {issued.email}: {issued.code}")
        return
    language = known_language(issued.language) or site.settings.mail_language
    place = occasion.partner if occasion.shop is None else f"{occasion.partner} ({occasion.shop})"
    values = {
        "code": issued.code,
        "points": issued.points,
        "place": place,
        "programme": site.programme.name,
        "minutes": CODE_LIFE_MINUTES,
    }
    site.post.send(to=issued.email, subject=SUBJECTS[language].format(**values), text=TEXTS[language].format(**values))
