"""The hub's HTTP application: routes, their doors, and what opens and closes with it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from http.client import REQUEST_TIMEOUT
from typing import cast

from aiohttp import web

from coalition import __version__
from coalition.http import certificates, events, messages, proofs, reads, reconciliations, service, step_up
from coalition.http.hub_key import SIGNER, VOUCHER, Signer, refuse_unusable_keys
from coalition.http.listener import IDLE_TIMEOUT_S, SILENT, Silent
from coalition.http.openapi import build_openapi, openapi_route
from coalition.http.partner_calls import (
    BODY_PATIENCE,
    BODY_TIMEOUT_S,
    CLAIMED_KEYID,
    expect_nothing_yet,
    partner_door,
    request_id_of,
    unsigned_response,
    waits_to_be_asked,
)
from coalition.http.problems import problem_answer
from coalition.http.routes import BODY_BYTES_MAX, CLEARING, POOL, OpenHandler, Route
from coalition.http.runner import Runner
from coalition.lanes.clearing import Clearing

SHUTDOWN_TIMEOUT_S = 20.0
LINGER_S = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(
    clearing: Clearing,
    signer: Signer,
    *,
    voucher: Signer | None = None,
    more_routes: Sequence[Route] = (),
    body_timeout_s: float = BODY_TIMEOUT_S,
) -> web.Application:
    """Return the application; it opens and closes the clearing with itself. `voucher` signs the list of the hub's keys;
    None: the hub's key, as everything."""
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[answer_errors])
    app[POOL], app[CLEARING], app[SIGNER] = clearing.pool, clearing, signer
    app[VOUCHER] = signer if voucher is None else voucher
    app[SILENT], app[BODY_PATIENCE] = Silent(), body_timeout_s
    app.cleanup_ctx.append(_clearing_context)
    app[reconciliations.COMPARING] = set()
    routes = [*messages.ROUTES, *reads.ROUTES, *events.ROUTES, *step_up.ROUTES, *certificates.ROUTES, *service.ROUTES]
    routes += [*reconciliations.ROUTES, *proofs.ROUTES, *more_routes]
    routes.append(openapi_route(build_openapi(tuple(routes), version=__version__)))
    for route in routes:
        handler = partner_door(route) if route.access == "partner" else cast(OpenHandler, route.handler)
        app.router.add_route(route.method, route.path, handler, expect_handler=expect_nothing_yet)
        if route.access == "open" and route.method == "GET":
            # What watches a service asks so; the answer is the same, but for its body.
            app.router.add_route("HEAD", route.path, handler)
    return app


def make_runner(app: web.Application, *, linger_s: float = LINGER_S) -> Runner:
    """Return what serves the application: no access log (metrics tell it), and bodies as they were sent.

    Who is answered before its body is through may go on sending for `linger_s`, so that the answer reaches it.
    A body that is unpacked before its signature is verified would let anyone send a megabyte for a gigabyte's work."""
    return Runner(
        app,
        access_log=None,
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        keepalive_timeout=IDLE_TIMEOUT_S,
        auto_decompress=False,
        lingering_time=linger_s,
    )


async def _clearing_context(app: web.Application) -> AsyncIterator[None]:
    async with app[POOL].acquire() as connection:
        await app[SIGNER].publish(connection, now=app[CLEARING].clock())
        await refuse_unusable_keys(connection, app[SIGNER], app[VOUCHER])
    await app[CLEARING].open()
    yield
    await app[CLEARING].close()


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what goes wrong before a partner is known into problem details; leave redirects and pages' answers alone."""
    request.app[SILENT].heard(request.protocol)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type != "text/plain":
            raise
        answer = problem_answer(error, request_id=request_id_of(request), keyid=request.get(CLAIMED_KEYID))
    except Exception as error:
        answer = problem_answer(error, request_id=request_id_of(request), keyid=request.get(CLAIMED_KEYID))
    response = unsigned_response(request, answer)
    if answer.status == REQUEST_TIMEOUT or waits_to_be_asked(request):
        # The rest of the body would be taken for the next request (RFC 9110 section 15.5.9), or the next for the body.
        response.force_close()
    return response
