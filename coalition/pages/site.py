"""What all pages share: settings, templates, words, files, mail, and the counters of what may be tried how often."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

from coalition.cli.session import Session, now
from coalition.config import Settings
from coalition.database.pool import Pool
from coalition.mail import Post, parse_smtp_url
from coalition.pages.language import LANGUAGES, Language
from coalition.pages.wording import WORDS
from coalition.stores.programme import Programme, load_programme
from coalition.stores.sessions import Area

HERE = Path(__file__).parent
ASSET_MAX_AGE_S = 365 * 24 * 3600
ASSET_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages link to; its address changes with its content, so that it may be kept for ever."""

    body: bytes
    content_type: str
    address: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the pages of an area: where they begin, where to sign in and out, and the menu as
    (path, key of the words). `window` is the address of a clearing window's page, with {window} in it."""

    home: str
    sign_in: str
    sign_out: str
    menu: tuple[tuple[str, str], ...]
    window: str | None = None
    stylesheet: str | None = None
    shows_subject: bool = False


@dataclass(slots=True)
class Site:
    """One per application; `programme` is there once the application has started."""

    settings: Settings
    pool: Pool
    clock: Callable[[], datetime]
    post: Post | None
    environment: jinja2.Environment
    loaders: list[jinja2.BaseLoader]
    words: dict[Language, dict[str, str]] = field(default_factory=lambda: {language: {} for language in LANGUAGES})
    assets: dict[str, Asset] = field(default_factory=dict)
    frames: dict[Area, Frame] = field(default_factory=dict)
    programme: Programme = field(init=False)

    @property
    def is_secure(self) -> bool:
        """Whether people come over TLS."""
        return (self.settings.public_url or "").startswith("https://")

    @property
    def public_host(self) -> str | None:
        return urlsplit(self.settings.public_url).netloc if self.settings.public_url else None

    def cookie_name(self, name: str) -> str:
        """Return a cookie's name; over TLS browsers keep one of this prefix from being set by anybody else."""
        return f"__Host-{name}" if self.is_secure else name

    @property
    def sends_codes(self) -> bool:
        """Whether a member can get his code at all."""
        return self.post is not None or self.settings.print_codes

    def add(self, area: Area, frame: Frame, *, folder: Path, words: Mapping[Language, Mapping[str, str]]) -> None:
        """Add the templates, files and words of an area."""
        self.frames[area] = frame
        self.loaders.append(jinja2.FileSystemLoader(folder / "templates"))
        for file in sorted((folder / "static").iterdir()):
            body = file.read_bytes()
            address = f"/assets/{file.name}?v={hashlib.sha256(body).hexdigest()[:12]}"
            self.assets[file.name] = Asset(body, ASSET_TYPES[file.suffix], address)
        for language, added in words.items():
            self.words[language] |= added

    def word(self, language: Language, key: str, **values: object) -> str:
        """Return the words of a key with its values filled in."""
        return self.words[language][key].format(**values)


MEMBER_FRAME = Frame(
    home="/",
    sign_in="/",
    sign_out="/sign-out",
    menu=(("/", "nav.overview"), ("/history", "nav.history"), ("/card", "nav.card")),
)

SITE: web.AppKey[Site] = web.AppKey("site", Site)


def site_of(app: web.Application, session: Session) -> Site:
    """Return the application's site; the first caller makes it."""
    if SITE in app:
        return app[SITE]
    settings = session.settings
    loaders: list[jinja2.BaseLoader] = []
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    post = Post(parse_smtp_url(settings.smtp_url), sender=settings.mail_from) if settings.smtp_url else None
    site = app[SITE] = Site(settings, session.pool, now, post, environment, loaders)
    site.add("member", MEMBER_FRAME, folder=HERE, words=WORDS)
    app.cleanup_ctx.append(_site_context)
    app.router.add_get("/assets/{name}", get_asset)
    return site


async def get_asset(request: web.Request) -> web.Response:
    """Answer a file of the pages."""
    asset = request.app[SITE].assets.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    headers = {"Cache-Control": f"public, max-age={ASSET_MAX_AGE_S}, immutable", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers)


async def _site_context(app: web.Application) -> AsyncIterator[None]:
    site = app[SITE]
    async with site.pool.acquire() as connection:
        site.programme = await load_programme(connection)
    yield
    if site.post is not None:
        await site.post.close()
