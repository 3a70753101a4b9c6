"""One request of a browser: who it is, in which language, and what it gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from coalition.http.remote import client_address, counted_as
from coalition.pages.formats import Formats
from coalition.pages.language import LANGUAGES, NAMES, Language
from coalition.pages.site import Frame, Site
from coalition.stores.sessions import Area, StoredSession


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to be set; `max_age_s` 0 removes it."""

    name: str
    value: str
    max_age_s: int


@dataclass(slots=True)
class Visit:
    """`session` None: not signed in. `form` holds what was posted, its token checked. `cookies` are set at the end."""

    request: web.Request
    site: Site
    area: Area
    language: Language
    session: StoredSession | None
    csrf_token: str
    form: Mapping[str, str] = field(default_factory=dict)
    cookies: list[Cookie] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.site.clock()

    @property
    def remote(self) -> str:
        """The browser's address."""
        named = self.request.headers.getall("X-Forwarded-For", [])
        return client_address(self.request.remote, named, trusted=self.site.settings.trusted_networks)

    @property
    def counted_remote(self) -> str:
        """As whom the browser's address is counted where tries are limited."""
        return counted_as(self.remote)

    @property
    def subject(self) -> str:
        """Who is signed in; only for pages that need it."""
        assert self.session is not None, "the door lets only those in who are signed in"
        return self.session.subject

    @property
    def frame(self) -> Frame:
        return self.site.frames[self.area]

    @property
    def formats(self) -> Formats:
        return Formats(self.language, self.site.programme)

    @property
    def menu_place(self) -> str | None:
        """The entry of the menu under which this page lies, by its path; None: under none."""
        path = self.request.path
        above = [place for place, _ in self.frame.menu if path == place or path.startswith(f"{place}/")]
        return max(above, key=len, default=None)

    def word(self, key: str, **values: object) -> str:
        return self.site.word(self.language, key, **values)

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return the words for a number of things: `key.one` or `key.other`."""
        form = "one" if abs(count) == 1 else "other"
        return self.word(f"{key}.{form}", count=self.formats.number(count), **values)

    def has_word(self, key: str) -> bool:
        return key in self.site.words[self.language]

    def render(self, template: str, *, status: int = 200, **values: object) -> web.Response:
        """Return a page."""
        site = self.site
        text = site.environment.get_template(template).render(
            visit=self,
            word=self.word,
            counted=self.counted,
            has_word=self.has_word,
            formats=self.formats,
            programme=site.programme,
            assets={name: asset.address for name, asset in site.assets.items()},
            languages=[(code, NAMES[code]) for code in LANGUAGES],
            **values,
        )
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

    def redirect(self, path: str) -> web.Response:
        """Send the browser on with a GET."""
        return web.Response(status=303, headers={"Location": path})

    def cookie(self, name: str) -> str:
        """Return what the browser sent; empty: nothing."""
        return self.request.cookies.get(self.site.cookie_name(name), "")

    def in_language(self, language: Language) -> str:
        """Return the address of this page in a language."""
        query = [(name, value) for name, value in self.request.query.items() if name != "language"]
        return f"?{urlencode([*query, ('language', language)])}"

    def set_cookie(self, name: str, value: str, *, max_age_s: int) -> None:
        self.cookies.append(Cookie(name, value, max_age_s))
