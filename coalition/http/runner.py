"""Serve an application without a word of what serves it.

What is no HTTP never reaches the application; it is answered here, as all that is refused.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from coalition.errors import RequestRefusedError
from coalition.http.partner_calls import request_id_of, unsigned_response
from coalition.http.problems import problem_answer, shortened


class Runner(web.AppRunner):
    """Serves an application by connections of ours; `options` are those of aiohttp's `RequestHandler`."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float, **options: Any) -> None:
        super().__init__(app, shutdown_timeout=shutdown_timeout, **options)
        self._options = options
        app.on_response_prepare.extend([_name_no_versions, _open_no_tunnels])

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._options)


async def _name_no_versions(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Whoever looks for a version with a known fault is not told."""
    response.headers.pop("Server", None)


async def _open_no_tunnels(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """What comes after CONNECT is for the tunnel: taken for the next request, it could be one that a proxy took for a
    body, whose answer would then be somebody else's."""
    if request.method == "CONNECT":
        response.headers["Connection"] = "close"
        response.force_close()


class _Server(web.Server):
    def __init__(self, server: web.Server, options: dict[str, Any]) -> None:
        super().__init__(server.request_handler, request_factory=server.request_factory)
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the problem document for what could not be read, or for a fault behind the application's own answers.

        Raises ConnectionError once an answer has begun: it can only be cut off."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        error = exc if isinstance(exc, Exception) else RuntimeError(f"aiohttp answers {status}: {message}")
        if isinstance(exc, HttpProcessingError):
            told = shortened(exc.message.partition("\n")[0].rstrip(":"))
            error = RequestRefusedError(status=400, code="http_malformed", detail=f"This is no valid HTTP/1.1: {told}")
        assert isinstance(request, web.Request)
        response = unsigned_response(request, problem_answer(error, request_id=request_id_of(request)))
        # The application, which takes aiohttp's name and version away, does not see this answer.
        response.headers["Server"] = "coalition"
        response.force_close()
        return response
