"""GET /openapi.json: valid, complete, and in agreement with what the hub really answers."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from coalition.http import certificates, events, messages, proofs, reads, reconciliations, service, step_up
from coalition.http.problems import problem_answer
from coalition.lanes.close_window import close_window
from settlement.http import routes as settlement_routes
from tests.contract.conftest import whole_hub as whole_hub
from tests.http.conftest import RunningHub, now
from tests.shop import Shop, operation


async def openapi_of(hub: RunningHub) -> dict[str, Any]:
    async with hub.session.get(f"http://{hub.authority}/openapi.json") as answer:
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
        return document


def schema_of(document: dict[str, Any], method: str, path: str, status: int) -> tuple[str, dict[str, Any]]:
    """Return (content type, schema) of an answer, or fail: an answer that is not described."""
    responses = document["paths"][path][method.lower()]["responses"]
    assert str(status) in responses, f"{method} {path} answers {status}, which is not described"
    ((content_type, content),) = responses[str(status)]["content"].items()
    return content_type, {**content["schema"], "components": document["components"]}


def assert_as_described(document: dict[str, Any], method: str, path: str, answer: Any) -> None:
    content_type, schema = schema_of(document, method, path, answer.status)
    assert answer.headers["Content-Type"].partition(";")[0] == content_type
    if content_type.endswith("json"):
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(answer.document)]
        assert errors == [], answer.body


async def test_the_description_is_valid_openapi_3_1(whole_hub: RunningHub) -> None:
    document = await openapi_of(whole_hub)
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


async def test_every_route_is_described_and_every_description_is_a_route(whole_hub: RunningHub) -> None:
    document = await openapi_of(whole_hub)
    routes = [*messages.ROUTES, *reads.ROUTES, *events.ROUTES, *step_up.ROUTES, *certificates.ROUTES, *service.ROUTES]
    routes += [*reconciliations.ROUTES, *proofs.ROUTES, *settlement_routes]
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in routes} | {("GET", "/openapi.json")}
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)


async def test_query_parameters_are_described(whole_hub: RunningHub) -> None:
    document = await openapi_of(whole_hub)
    for route in settlement_routes:
        described = document["paths"][route.path][route.method.lower()]["parameters"]
        assert {one["name"]: one["description"] for one in described if one["in"] == "query"} == dict(route.parameters)


async def test_limits_are_told(whole_hub: RunningHub) -> None:
    """A partner's developer reads them off the description."""
    schemas = (await openapi_of(whole_hub))["components"]["schemas"]
    assert schemas["Message"]["properties"]["operations"]["maxItems"] == 1_000
    points = schemas["Burn"]["properties"]["points"]
    assert (points["minimum"], points["maximum"]) == (1, 1_000_000_000)
    assert schemas["Earn"]["additionalProperties"] is False


async def test_answers_to_messages_are_as_described(whole_hub: RunningHub) -> None:
    document, shop, card = await openapi_of(whole_hub), await whole_hub.shop(), await whole_hub.card()
    earn = operation("earn", card, points=100)
    answers = [
        await shop.send(earn),
        await shop.send(
            operation("burn", card, points=1_000),
            operation("burn", card, points=10),
            {**earn, "points": 101},
            operation("earn", "404404404", points=1),
            operation("reverse", card, operation_id=earn["id"], points=101),
            operation("reverse", card, operation_id="never"),
            operation("reverse", card, operation_id=earn["id"]),
        ),
        await shop.send(operation("earn", card, points=0)),
        await shop.post(b"no json"),
        await shop.post(b" " * 1_048_577),
        await shop.post(b"{}", headers={"Content-Type": "text/plain"}),
        await shop.post(b"{}", headers={"Signature": None}),
        await shop.send(*(operation("earn", card, points=1) for _ in range(1_001))),
    ]
    assert [answer.status for answer in answers] == [200, 200, 422, 400, 413, 415, 401, 413]
    for answer in answers:
        assert_as_described(document, "POST", "/v1/messages", answer)
    verdicts = [result.get("code", "booked") for result in answers[1].results]
    assert verdicts == [
        "insufficient_points",
        "booked",
        "operation_id_reused",
        "unknown_card",
        "more_than_left",
        "unknown_original",
        "booked",
    ]


async def test_answers_to_questions_are_as_described(whole_hub: RunningHub) -> None:
    document, shop, card = await openapi_of(whole_hub), await whole_hub.shop(), await whole_hub.card()
    booked, refused = await shop.earn(card, 10), await shop.burn(card, 11)
    await close_window(whole_hub.pool, clock=now, actor="test")
    asked = [
        ("/v1/cards/{card}", f"/v1/cards/{card}", 200),
        ("/v1/cards/{card}", "/v1/cards/404404", 404),
        ("/v1/cards/{card}", "/v1/cards/x", 422),
        ("/v1/operations/{operation_id}", f"/v1/operations/{booked['id']}", 200),
        ("/v1/operations/{operation_id}", f"/v1/operations/{refused['id']}", 200),
        ("/v1/operations/{operation_id}", "/v1/operations/none", 404),
        ("/v1/operations/{operation_id}", "/v1/operations/%00", 404),
        ("/v1/operations/{operation_id}", "/v1/operations/%FF", 404),
        ("/v1/cards/{card}", "/v1/cards/123%00", 422),
        ("/v1/events", "/v1/events", 200),
        ("/v1/events", "/v1/events?limit=1", 200),
        ("/v1/events", "/v1/events?after=none", 422),
        ("/v1/reconciliations", "/v1/reconciliations", 200),
        ("/v1/checkpoint", "/v1/checkpoint", 200),
        ("/v1/proofs/inclusion", "/v1/proofs/inclusion?lane=0&leaf=0&size=1", 200),
        ("/v1/proofs/inclusion", "/v1/proofs/inclusion?lane=0&leaf=77&size=77", 422),
        ("/v1/proofs/inclusions", "/v1/proofs/inclusions?lane=0&leaves=0,0&size=1", 200),
        ("/v1/proofs/inclusions", "/v1/proofs/inclusions?lane=0&leaves=0,x&size=1", 422),
        ("/v1/proofs/consistency", "/v1/proofs/consistency?lane=0&from=1&to=1", 200),
        ("/v1/proofs/consistency", "/v1/proofs/consistency?lane=0&from=0&to=1", 422),
        ("/v1/windows", "/v1/windows", 200),
        ("/v1/windows", "/v1/windows?limit=1", 200),
        ("/v1/windows", "/v1/windows?limit=none", 422),
        ("/v1/windows/{window}/statement", "/v1/windows/1/statement", 404),
        ("/v1/windows/{window}/statement", "/v1/windows/none/statement", 422),
        ("/v1/windows/{window}/statement.csv", "/v1/windows/77/statement.csv", 404),
        ("/v1/windows/{window}/statement.xlsx", "/v1/windows/77/statement.xlsx", 404),
        ("/v1/windows/{window}/statement.pdf", "/v1/windows/77/statement.pdf", 404),
        ("/v1/windows/{window}/items.csv", "/v1/windows/77/items.csv", 404),
        ("/v1/windows/{window}/items.jsonl", "/v1/windows/none/items.jsonl", 422),
    ]
    for path, address, status in asked:
        answer = await shop.get(address)
        assert answer.status == status, (address, answer.body)
        assert_as_described(document, "GET", path, answer)


async def test_answers_to_reconciliations_are_as_described(whole_hub: RunningHub) -> None:
    document, shop, card = await openapi_of(whole_hub), await whole_hub.shop(), await whole_hub.card()
    await shop.earn(card, 10)
    await shop.burn(card, 11, id="refused")
    today = now().astimezone(whole_hub.clearing.registry.programme.zone).date().isoformat()
    asked = [
        ({"from": today, "until": today, "days": []}, 200),
        ({"day": today, "lines": [{"id": "refused", "type": "burn", "points": 11}]}, 200),
        ({"day": today}, 422),
        ({"window": 77, "days": []}, 422),
    ]
    for content, status in asked:
        answer = await shop.request("POST", "/v1/reconciliations", json.dumps(content).encode())
        assert answer.status == status, answer.body
        assert_as_described(document, "POST", "/v1/reconciliations", answer)


@pytest.mark.parametrize("path", ["/v1/keys", "/healthz", "/readyz", "/openapi.json"])
async def test_open_answers_are_as_described(whole_hub: RunningHub, path: str) -> None:
    answer = await Shop(whole_hub.session, whole_hub.authority).get(path)
    assert answer.status == 200
    assert_as_described(await openapi_of(whole_hub), "GET", path, answer)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ConnectionRefusedError("no database")])
async def test_faults_are_as_described(whole_hub: RunningHub, error: Exception) -> None:
    document = await openapi_of(whole_hub)
    answer = problem_answer(error, request_id="0123456789abcdef")
    _, schema = schema_of(document, "POST", "/v1/messages", answer.status)
    assert [one.message for one in Draft202012Validator(schema).iter_errors(json.loads(answer.body))] == []
