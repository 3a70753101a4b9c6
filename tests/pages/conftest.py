"""A hub with its pages, a mail server that keeps what it gets, and a real browser."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiosmtpd.smtp import SMTP, Envelope
from argon2 import PasswordHasher
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from coalition.cli.session import Session
from coalition.config import Settings
from coalition.database.pool import Pool
from coalition.http.app import build_app
from coalition.http.hub_key import load_signer
from coalition.lanes.clearing import Clearing
from coalition.ledger.expiry import RuleName
from coalition.operations.add_members import NewMember, add_members
from coalition.pages.mount import mount_member_pages
from coalition.pages.site import SITE, Site
from coalition.stores.operators import Role, add_operator
from coalition.stores.programme import load_programme
from settlement.http import routes as settlement_routes
from settlement.pages.mount import mount_finance_pages
from tests.http.conftest import Clock, RunningHub, now

# The first is the same engine without the windows of a desktop: a third of the work for each page.
BROWSER_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"


@dataclass
class Mailbox:
    """A mail server on a port of its own; `next` waits for the next mail that it gets."""

    port: int = 0
    mails: asyncio.Queue[EmailMessage] = field(default_factory=asyncio.Queue)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.put_nowait(mail)
        return "250 OK"

    async def next(self) -> EmailMessage:
        return await self.mails.get()

    async def next_code(self) -> str:
        found = re.search(r"^ +([0-9]{6})\s*$", (await self.next()).get_content(), re.MULTILINE)
        assert found is not None
        return found[1]


@dataclass
class RunningSite:
    """A hub with all that is mounted on it; `member` opens an account that can sign in."""

    hub: RunningHub
    url: str
    mailbox: Mailbox
    app: web.Application

    @property
    def pages(self) -> Site:
        return self.app[SITE]

    async def member(
        self, email: str = "erika@shop.example", *, name: str = "Erika", language: str | None = "en"
    ) -> str:
        """Return the new member's card."""
        return (await add_members(self.hub.pool, [NewMember(email, name, language)], now=now()))[0].card

    async def operator(self, name: str, *roles: Role) -> None:
        """Take an operator in whose password is quick to check; `coalition operator add` makes none that is."""
        password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        async with self.hub.pool.acquire() as connection:
            await add_operator(connection, name=name, password_hash=password_hash, roles=roles, now=now())

    async def set_expiry(self, rule: RuleName, *, months: int | None, day: str) -> None:
        """Give the pages another rule of expiry; what is booked keeps the days that it has."""
        await self.hub.pool.execute(
            "UPDATE programme SET expiry_rule = $1, expiry_months = $2, expiry_day = $3", rule, months, day
        )
        async with self.hub.pool.acquire() as connection:
            self.pages.programme = await load_programme(connection)

    async def sign_in(self, page: Page, email: str = "erika@shop.example") -> None:
        """Sign a member in with the code that is mailed to him."""
        await page.goto(self.url)
        await page.fill("#email", email)
        await submit(page)
        await page.fill("#code", await self.mailbox.next_code())
        await submit(page)
        await page.wait_for_selector("#balance")

    async def sign_in_operator(self, page: Page, name: str) -> None:
        await page.goto(f"{self.url}/finance")
        await page.fill("#name", name)
        await page.fill("#password", PASSWORD)
        await submit(page)
        await page.wait_for_selector("#windows")


async def submit(page: Page, button: str = "main button") -> None:
    """Send a form and wait for the page after it."""
    async with page.expect_navigation():
        await page.click(button)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.example", loop=loop), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()


@pytest.fixture
def settings(tmp_path: Path, mailbox: Mailbox) -> Settings:
    return Settings(
        data_dir=tmp_path,
        smtp_url=f"smtp://127.0.0.1:{mailbox.port}",
        mail_from="points@coalition.example",
        trusted_proxies="127.0.0.1",
    )


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
async def site(
    pool: Pool, database_url: str, settings: Settings, mailbox: Mailbox, compiled_templates: BytecodeCache
) -> AsyncIterator[RunningSite]:
    clock = Clock()
    clearing = Clearing(pool, clock=clock)
    app = build_app(clearing, load_signer(settings.hub_key_path), more_routes=settlement_routes)
    session = Session(settings, pool, database_url)
    mount_member_pages(app, session)
    mount_finance_pages(app, session)
    app[SITE].clock = clock
    app[SITE].environment.bytecode_cache = compiled_templates
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    host, port = runner.addresses[0]
    async with ClientSession() as client:
        hub = RunningHub(f"{host}:{port}", pool, client, clearing, clock)
        yield RunningSite(hub, f"http://{host}:{port}", mailbox, app)
    await runner.cleanup()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSER_NAMES)), None)
    if path is None:
        pytest.skip("no browser here; to run the page tests: apt-get install chromium-headless-shell")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser of its own for each test, English, at a desk."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page on which the browser has nothing to complain about: no refused style or script, no failed file."""
    page = await context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # An answer of 4xx is a page of ours, and tests ask for it.
        if message.type in ("error", "warning") and "responded with a status of 4" not in message.text:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []
