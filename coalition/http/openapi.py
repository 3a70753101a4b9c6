"""OpenAPI 3.1 from the list of routes and the types that the code itself uses."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from coalition.http.answers import Problem
from coalition.http.routes import Route

SIGNED = (
    "Signed by RFC 9421 with Ed25519 and tag coalition-message-v1 over @method, @authority, @path, @query and, with a "
    "body, content-digest; parameters created, keyid, alg. The answer is signed with tag coalition-receipt-v1."
)
PROBLEM_STATUSES = {
    "400": "The body is not JSON, has a key twice in one object, or ended early.",
    "401": "The signature is missing, wrong or stale; unsigned.",
    "403": "The partner is suspended.",
    "404": "There is no such thing.",
    "408": "The body did not arrive within 30 s.",
    "413": "Over 1,048,576 bytes or 1,000 operations.",
    "415": "Not application/json, or with a Content-Encoding.",
    "422": "One or more fields or parameters are wrong; each is named, and nothing was booked or changed.",
    "429": "Too many requests; see Retry-After.",
    "500": "A fault of the hub.",
    "503": "Overloaded, or the database is away; see Retry-After and send the same again.",
}
OPEN_STATUSES = ("500", "503")
POST_STATUSES = tuple(status for status in PROBLEM_STATUSES if status != "404")
GET_STATUSES = ("401", "403", "404", "422", "500", "503")


# Kept, since it takes longer than all else of opening a hub, and a process may open many.
@lru_cache(maxsize=8)
def build_openapi(routes: tuple[Route, ...], *, version: str) -> bytes:
    """Return the description of these routes, and of its own."""
    routes = (*routes, openapi_route(b""))
    models = sorted(
        {model for route in routes for model in (route.takes, route.answers) if model} | {Problem}, key=_name
    )
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "coalition",
            "version": version,
            "description": "The clearing service of a multi-partner loyalty programme.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(routes),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "partnerSignature": {"type": "apiKey", "in": "header", "name": "Signature", "description": SIGNED}
            },
        },
    }
    return json.dumps(document, indent=1).encode()


def openapi_route(document: bytes) -> Route:
    """Return the route that answers the description itself."""

    async def get_openapi(_: web.Request) -> web.Response:
        return web.Response(body=document, content_type="application/json")

    return Route("GET", "/openapi.json", "open", get_openapi, "This description.")


def _paths(routes: Sequence[Route]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "parameters": [
            *(_parameter("path", name) for name in _path_names(route.path)),
            *(_parameter("query", name, description) for name, description in route.parameters.items()),
        ],
        "responses": {str(route.status): _success(route)},
    }
    if route.takes is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.takes)}}}
    if route.access == "partner":
        operation["security"] = [{"partnerSignature": []}]
    problems = {status: PROBLEM_STATUSES[status] for status in _problem_statuses(route)}
    for status, description in (problems | dict(route.problems)).items():
        operation["responses"][status] = {
            "description": description,
            "content": {"application/problem+json": {"schema": _ref(Problem)}},
        }
    for status, description in route.other_statuses.items():
        operation["responses"][status] = {**_success(route), "description": description}
    return operation


def _problem_statuses(route: Route) -> Sequence[str]:
    if route.access == "open":
        return OPEN_STATUSES
    if route.method == "GET":
        return GET_STATUSES
    return (*POST_STATUSES, "404") if _path_names(route.path) else POST_STATUSES


def _parameter(place: str, name: str, description: str = "") -> dict[str, Any]:
    told = {"description": description} if description else {}
    return {"name": name, "in": place, "required": place == "path", **told, "schema": {"type": "string"}}


def _success(route: Route) -> dict[str, Any]:
    schema = _ref(route.answers) if route.answers else {}
    return {"description": route.summary, "content": {route.content_type: {"schema": schema}}}


def _path_names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)", path)


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _name(model: type[BaseModel]) -> str:
    return model.__name__
