"""Forms without a browser: reads the token from the page before, as a browser would carry it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import ClientSession, CookieJar

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Seen:
    """A page as it came, after redirects."""

    status: int
    path: str
    text: str
    headers: Mapping[str, str]
    cookies: Mapping[str, Any]

    def without_token(self, forms: "Forms") -> str:
        return self.text.replace(forms.token, "TOKEN")


@dataclass
class Forms:
    """A visitor with cookies of his own; `post` sends the token of the page that he saw last."""

    url: str
    token: str = ""
    client: ClientSession = field(init=False)

    async def __aenter__(self) -> "Forms":
        # Cookies of an address, since the hub of a test has no name.
        self.client = ClientSession(cookie_jar=CookieJar(unsafe=True))
        await self.get("/")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.close()

    async def get(self, path: str, **options: Any) -> Seen:
        return await self._send("GET", path, **options)

    async def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> Seen:
        """Post a form; `csrf_token` among the fields replaces the right one."""
        return await self._send("POST", path, data={"csrf_token": self.token, **fields}, headers=headers)

    def cookie(self, name: str) -> str:
        return next((cookie.value for cookie in self.client.cookie_jar if cookie.key == name), "")

    async def _send(self, method: str, path: str, **options: Any) -> Seen:
        async with self.client.request(method, f"{self.url}{path}", **options) as response:
            text = await response.text() if response.content_type.startswith("text/") else ""
            found = TOKEN.search(text)
            if found is not None:
                self.token = found[1]
            cookies = {
                name: cookie for answer in (*response.history, response) for name, cookie in answer.cookies.items()
            }
            return Seen(response.status, response.url.path, text, response.headers, cookies)
