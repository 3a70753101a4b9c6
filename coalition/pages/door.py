"""The door of every page: language, session, forged forms kept out, errors told as pages, headers that protect.

A form is taken only with the token that this browser's forms carry, and never from another origin: the session's
token, or before signing in that of a cookie.
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlencode, urlsplit

import asyncpg
import structlog
from aiohttp import web

from coalition.errors import OverloadedError, WindowArchivedError
from coalition.http.routes import BODY_BYTES_MAX
from coalition.operations.sign_in import choose_language, find_signed_in
from coalition.pages.errors import PageRefusedError
from coalition.pages.language import Language, accepted_language, known_language
from coalition.pages.site import SITE
from coalition.pages.visit import Visit
from coalition.stores.sessions import Area, StoredSession

log = structlog.get_logger()

PageHandler = Callable[[Visit], Awaitable[web.StreamResponse]]

SESSION_COOKIES: dict[Area, str] = {"member": "coalition_member", "finance": "coalition_finance"}
LANGUAGE_COOKIE = "coalition_language"
# There from the choice on until the member who made it signs in: from then on it is his own language.
CHOSEN_LANGUAGE_COOKIE = "coalition_language_chosen"
FORM_COOKIE = "coalition_form"
LANGUAGE_MAX_AGE_S = 365 * 24 * 3600
CHOSEN_LANGUAGE_MAX_AGE_S = 24 * 3600
TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{43}")
FORM_TIMEOUT_S = 30
FORM_FIELD_CHARS_MAX = 2_000

# Styles and pictures come from this origin alone, scripts from nowhere.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}


def add_page(
    app: web.Application,
    method: Literal["GET", "POST"],
    path: str,
    handler: PageHandler,
    *,
    area: Area,
    is_open: bool = False,
) -> None:
    """Add a page; without `is_open` it is for those who are signed in to its area."""

    async def answer(request: web.Request) -> web.StreamResponse:
        visit = await _visit_of(request, area)
        response = await _told_as_pages(visit, handler, is_open=is_open)
        return _finished(visit, response)

    app.router.add_route(method, path, answer)
    if method == "GET":
        app.router.add_route("HEAD", path, answer)


async def show_nothing(visit: Visit) -> web.StreamResponse:
    """Say that an address leads nowhere."""
    raise PageRefusedError(status=404, key="not_found")


async def _told_as_pages(visit: Visit, handler: PageHandler, *, is_open: bool) -> web.StreamResponse:
    try:
        return await _answered(visit, handler, is_open=is_open)
    except PageRefusedError as error:
        log.info("page.refused", path=visit.request.rel_url.raw_path, status=error.status, reason=error.key)
        return _problem(visit, error)
    except WindowArchivedError as error:
        page = visit.frame.window
        back = None if page is None else page.format(window=error.window_no)
        return _problem(visit, PageRefusedError(status=409, key="window_archived", back=back, window=error.window_no))
    except OverloadedError as error:
        return _problem(visit, PageRefusedError(status=503, key="overloaded", retry_after_s=error.retry_after_s))
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        log.warning("page.database_unreachable", path=visit.request.rel_url.raw_path, error=str(error))
        return _problem(visit, PageRefusedError(status=503, key="overloaded", retry_after_s=5))
    except web.HTTPRequestEntityTooLarge:
        # Every form's address leads back to it when it is asked for.
        back, most_mib = visit.request.rel_url.raw_path, BODY_BYTES_MAX // 2**20
        return _problem(visit, PageRefusedError(status=413, key="too_large", back=back, most_mib=most_mib))
    except web.HTTPException as error:
        return _problem(visit, PageRefusedError(status=error.status, key="not_found" if error.status == 404 else "bad"))
    except Exception as error:
        request_id = secrets.token_hex(8)
        log.error("page.bug", path=visit.request.rel_url.raw_path, request_id=request_id, exc_info=error)
        return _problem(visit, PageRefusedError(status=500, key="bug", request_id=request_id))


async def _answered(visit: Visit, handler: PageHandler, *, is_open: bool) -> web.StreamResponse:
    request = visit.request
    if "\0" in request.path or "\0" in request.query_string:
        # What PostgreSQL keeps in no text; so no address of ours has it.
        raise PageRefusedError(status=404, key="not_found")
    visit.session = await _session_of(visit)
    if request.method != "POST":
        chosen = known_language(request.query.get("language"))
        if chosen is not None:
            visit.set_cookie(LANGUAGE_COOKIE, chosen, max_age_s=LANGUAGE_MAX_AGE_S)
            if visit.area == "member":
                await _keep_language(visit, chosen)
            return visit.redirect(_without_language(request))
    if visit.session is not None:
        visit.csrf_token = visit.session.csrf_token
    if request.method == "POST":
        visit.form = await _checked_form(visit, is_open=is_open)
    if visit.session is None and not is_open:
        return visit.redirect(visit.frame.sign_in)
    return await handler(visit)


async def _keep_language(visit: Visit, chosen: Language) -> None:
    """Make a choice the member's own: now, or when he signs in."""
    if visit.session is None:
        visit.set_cookie(CHOSEN_LANGUAGE_COOKIE, chosen, max_age_s=CHOSEN_LANGUAGE_MAX_AGE_S)
    else:
        await choose_language(visit.site.pool, int(visit.session.subject), chosen)


async def _visit_of(request: web.Request, area: Area) -> Visit:
    site = request.app[SITE]
    language = known_language(request.cookies.get(site.cookie_name(LANGUAGE_COOKIE)))
    visit = Visit(
        request=request,
        site=site,
        area=area,
        language=language or accepted_language(request.headers.get("Accept-Language", "")),
        session=None,
        csrf_token=request.cookies.get(site.cookie_name(FORM_COOKIE), ""),
    )
    if not TOKEN_PATTERN.fullmatch(visit.csrf_token):
        visit.csrf_token = secrets.token_urlsafe(32)
        visit.set_cookie(FORM_COOKIE, visit.csrf_token, max_age_s=24 * 3600)
    return visit


async def _session_of(visit: Visit) -> StoredSession | None:
    token = session_token(visit)
    if token is None:
        return None
    return await find_signed_in(visit.site.pool, token, visit.area, now=visit.now)


async def _checked_form(visit: Visit, *, is_open: bool) -> Mapping[str, str]:
    request = visit.request
    if not _is_own_origin(request.headers.get("Origin"), request.host, visit.site.public_host):
        raise PageRefusedError(status=403, key="forged")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise PageRefusedError(status=403, key="forged")
    try:
        async with asyncio.timeout(FORM_TIMEOUT_S):
            posted = await request.post()
        # All of them: of a name that comes twice, some pages read both.
        typed = "".join([value for value in posted.values() if isinstance(value, str)])
        # Some charsets make halves of characters, which no page can show and no database keep.
        typed.encode()
    except TimeoutError as error:
        raise PageRefusedError(status=408, key="bad") from error
    except (LookupError, ValueError, ConnectionError, web.RequestPayloadError) as error:
        # An unknown charset, half a character, a multipart body without its parts, a body that ended early.
        raise PageRefusedError(status=400, key="bad") from error
    if "\0" in typed:
        # What PostgreSQL keeps in no text, and no browser sends.
        raise PageRefusedError(status=400, key="bad")
    form = {name: value[:FORM_FIELD_CHARS_MAX] for name, value in posted.items() if isinstance(value, str)}
    if not hmac.compare_digest(form.get("csrf_token", "").encode(), visit.csrf_token.encode()):
        if visit.session is None and not is_open:
            # The form is that of a session that has ended since: by its time, in another tab, with the operator.
            raise PageRefusedError(status=403, key="signed_out", back=visit.frame.sign_in)
        raise PageRefusedError(status=403, key="forged")
    return form


def _is_own_origin(origin: str | None, *hosts: str | None) -> bool:
    """Say whether a form comes from a page of ours; a browser that names no origin is judged by the token alone."""
    if origin is None:
        return True
    try:
        # "null" has no host: what a browser sends from a frame without an origin is never ours.
        return urlsplit(origin).netloc in hosts
    except ValueError:
        return False


def _problem(visit: Visit, error: PageRefusedError) -> web.Response:
    response = visit.render(
        "problem.html",
        status=error.status,
        title=_title_of(visit, error),
        text=visit.word(f"problem.{error.key}", **error.values),
        back=error.back or visit.frame.home,
        back_text=visit.word("back" if error.back is None else f"problem.{error.key}.back", **error.values),
    )
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _title_of(visit: Visit, error: PageRefusedError) -> str:
    if visit.has_word(f"problem.{error.key}.title"):
        return visit.word(f"problem.{error.key}.title")
    return HTTPStatus(error.status).phrase if visit.language == "en" else visit.word("problem.title")


def _finished(visit: Visit, response: web.StreamResponse) -> web.StreamResponse:
    site = visit.site
    response.headers.update(SECURITY_HEADERS)
    if site.is_secure:
        response.headers.update(TLS_HEADERS)
    for cookie in visit.cookies:
        response.set_cookie(
            site.cookie_name(cookie.name),
            cookie.value,
            max_age=cookie.max_age_s,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=site.is_secure,
        )
    return response


def session_token(visit: Visit) -> str | None:
    """Return the token that the browser holds for this area."""
    token = visit.cookie(SESSION_COOKIES[visit.area])
    return token if TOKEN_PATTERN.fullmatch(token) else None


def _without_language(request: web.Request) -> str:
    kept = [(name, value) for name, value in request.query.items() if name != "language"]
    # The path as it came, so that no part of it is read as a host: //evil.example is a path here, with \ for / as well.
    path = "/" + request.rel_url.raw_path.lstrip("/\\")
    return f"{path}?{urlencode(kept)}" if kept else path
