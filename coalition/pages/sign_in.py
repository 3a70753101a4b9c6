"""Signing in with a code that is mailed, and signing out."""

import secrets
from datetime import timedelta
from math import ceil
from typing import Final
from urllib.parse import quote, unquote

import structlog
import typer
from aiohttp import web

from coalition.operations.sign_in import (
    CODE_LIFE_MINUTES,
    KNOWN_BROWSER_DAYS,
    SESSION_LIFE_HOURS,
    CodeAsked,
    IssuedCode,
    OpenedSession,
    ask_code,
    normalised_email,
    sign_in_member,
    sign_out,
)
from coalition.pages.door import (
    CHOSEN_LANGUAGE_COOKIE,
    LANGUAGE_COOKIE,
    LANGUAGE_MAX_AGE_S,
    SESSION_COOKIES,
    TOKEN_PATTERN,
    session_token,
)
from coalition.pages.errors import PageRefusedError
from coalition.pages.language import Language, known_language
from coalition.pages.throttle import Throttle
from coalition.pages.visit import Visit

log = structlog.get_logger()

# The ticket says whose code is tried; the address is only what the page names.
TICKET_COOKIE: Final = "coalition_ticket"
EMAIL_COOKIE: Final = "coalition_email"
# It opens nothing; a browser that has it is asked for a code as any other.
KNOWN_COOKIE: Final = "coalition_known"
CODE_PATH: Final = "/sign-in/code"
# By address of the browser; a whole company may be behind one, hence the large number.
ASKED_PER_MINUTE_MAX = 300
# So many codes of a member's hour go to one address of browsers that are not known: a stranger leaves some for the
# member himself. With several addresses he leaves none, but for the browsers in which the member has signed in.
CODES_FOR_A_BROWSER_PER_HOUR_MAX = 3
# By address of the browser, over all members: who knows many of them guesses no faster than who knows one.
WRONG_CODES_PER_HOUR_MAX = 100


class MemberSignIn:
    """The pages of signing in, with the counters of codes asked for, and of wrong ones, by browser address."""

    def __init__(self) -> None:
        self._asked = Throttle("code", ASKED_PER_MINUTE_MAX, timedelta(minutes=1))
        self._asked_for = Throttle("code-for-address", CODES_FOR_A_BROWSER_PER_HOUR_MAX, timedelta(hours=1))
        self._wrong = Throttle("wrong-code", WRONG_CODES_PER_HOUR_MAX, timedelta(hours=1))

    async def ask_code(self, visit: Visit) -> web.StreamResponse:
        """Send a code; the answer is the same whether the address is a member's or not."""
        remote = visit.counted_remote
        await refuse_too_many(self._asked, remote, visit)
        if not visit.site.sends_codes:
            raise PageRefusedError(status=503, key="mail_missing")
        typed = visit.form.get("email", "")
        email = normalised_email(typed)
        if email is None:
            return visit.render("sign_in.html", status=422, email=typed, fault=visit.word("sign_in.email_wrong"))
        asked = await self._code_for(visit, email, by=f"{remote}\n{email}")
        if asked.issued is not None:
            _hand_over(visit, asked.issued)
        visit.set_cookie(TICKET_COOKIE, asked.ticket, max_age_s=CODE_LIFE_MINUTES * 60)
        visit.set_cookie(EMAIL_COOKIE, quote(email), max_age_s=CODE_LIFE_MINUTES * 60)
        return visit.redirect(CODE_PATH)

    async def _code_for(self, visit: Visit, email: str, *, by: str) -> CodeAsked:
        """Make a code, as long as this address of browsers has not had its share of this e-mail address's."""
        pool = visit.site.pool
        asked = await ask_code(
            pool,
            email,
            # That of a session is in the database, where nothing may be that leads to a code.
            browser=visit.csrf_token if visit.session is None else secrets.token_urlsafe(32),
            known_token=_known_token(visit),
            held_ticket=_ticket(visit) or "",
            now=visit.now,
            is_allowed=not await self._asked_for.wait_s(pool, by, now=visit.now),
        )
        if asked.is_new:
            await self._asked_for.take(pool, by, now=visit.now)
        return asked

    async def show_code(self, visit: Visit) -> web.StreamResponse:
        email = _asked_for(visit)
        if email is None:
            return visit.redirect(visit.frame.sign_in)
        return visit.render("code.html", email=email, fault=None)

    async def take_code(self, visit: Visit) -> web.StreamResponse:
        """Sign the member in, or say that the code is wrong; five wrong tries void it."""
        email, ticket = _asked_for(visit), _ticket(visit)
        if email is None or ticket is None:
            return visit.redirect(visit.frame.sign_in)
        await refuse_while_full(self._wrong, visit.counted_remote, visit)
        code = "".join(visit.form.get("code", "").split())
        chosen = _chosen_language(visit)
        opened = await sign_in_member(
            visit.site.pool,
            ticket,
            code,
            known_token=_known_token(visit),
            chosen=chosen,
            language=visit.language,
            now=visit.now,
        )
        if opened is None:
            await self._wrong.take(visit.site.pool, visit.counted_remote, now=visit.now)
            return visit.render("code.html", status=422, email=email, fault=visit.word("code.wrong"))
        visit.set_cookie(TICKET_COOKIE, "", max_age_s=0)
        visit.set_cookie(EMAIL_COOKIE, "", max_age_s=0)
        visit.set_cookie(CHOSEN_LANGUAGE_COOKIE, "", max_age_s=0)
        visit.set_cookie(KNOWN_COOKIE, opened.known_token, max_age_s=KNOWN_BROWSER_DAYS * 24 * 3600)
        language = known_language(opened.language)
        if language is not None:
            # Also where the cookie has another one: that is of whoever signed in here before.
            visit.set_cookie(LANGUAGE_COOKIE, language, max_age_s=LANGUAGE_MAX_AGE_S)
        set_session(visit, opened)
        return visit.redirect("/")


async def show_sign_in(visit: Visit) -> web.StreamResponse:
    """Lead back to the form: where a browser lands that changes the language after a fault."""
    return visit.redirect(visit.frame.sign_in)


def set_session(visit: Visit, opened: OpenedSession) -> None:
    """Give the browser its token for the area."""
    visit.set_cookie(SESSION_COOKIES[visit.area], opened.token, max_age_s=SESSION_LIFE_HOURS[visit.area] * 3600)


async def leave(visit: Visit) -> web.StreamResponse:
    """Sign out of the area; the token is void from now on, also where it was copied."""
    token = session_token(visit)
    if token is not None:
        await sign_out(visit.site.pool, token)
    visit.set_cookie(SESSION_COOKIES[visit.area], "", max_age_s=0)
    return visit.redirect(visit.frame.sign_in)


async def refuse_too_many(throttle: Throttle, key: str, visit: Visit) -> None:
    """Count a try; raises PageRefusedError while a key has to wait."""
    _refuse_for(await throttle.take(visit.site.pool, key, now=visit.now))


async def refuse_while_full(throttle: Throttle, key: str, visit: Visit) -> None:
    """Raise PageRefusedError while a key has to wait, without counting."""
    _refuse_for(await throttle.wait_s(visit.site.pool, key, now=visit.now))


def _refuse_for(wait_s: int) -> None:
    if wait_s:
        raise PageRefusedError(status=429, key="too_many", retry_after_s=wait_s, minutes=ceil(wait_s / 60))


def _hand_over(visit: Visit, issued: IssuedCode) -> None:
    site = visit.site
    if site.settings.print_codes:
        typer.echo(f"sign-in code for {issued.email}: {issued.code}")
        return
    assert site.post is not None, "codes are made only where they can be sent"
    language = _chosen_language(visit) or known_language(issued.language) or visit.language
    values = {"code": issued.code, "programme": site.programme.name}
    site.post.send(
        to=issued.email,
        subject=site.word(language, "mail.subject", **values),
        text=site.word(language, "mail.text", **values),
    )


def _chosen_language(visit: Visit) -> Language | None:
    """Return what was chosen in this browser since anybody signed in here; None: nothing."""
    return known_language(visit.cookie(CHOSEN_LANGUAGE_COOKIE))


def _ticket(visit: Visit) -> str | None:
    """Return the ticket of the code that this browser asked for."""
    ticket = visit.cookie(TICKET_COOKIE)
    return ticket if TOKEN_PATTERN.fullmatch(ticket) else None


def _known_token(visit: Visit) -> str:
    """Return what this browser was given when a member signed in with it; empty: nothing."""
    token = visit.cookie(KNOWN_COOKIE)
    return token if TOKEN_PATTERN.fullmatch(token) else ""


def _asked_for(visit: Visit) -> str | None:
    """Return the address that this browser asked a code for."""
    return normalised_email(unquote(visit.cookie(EMAIL_COOKIE)))
