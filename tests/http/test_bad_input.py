"""Input is hostile: each kind of it gets an answer that names the field, and nothing is booked."""

import gzip
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from structlog.testing import capture_logs

from coalition.http.bodies import FAULTS_MAX
from coalition.http.metrics import unverified_total
from tests.http.conftest import RunningHub
from tests.shop import Answered, Shop, operation


async def assert_nothing_booked(hub: RunningHub) -> None:
    assert await hub.pool.fetchval("SELECT count(*) FROM journal") == 0
    assert await hub.pool.fetchval("SELECT count(*) FROM message") == 0


def assert_problem(answer: Answered, status: int, *, field: str | None = None, code: str | None = None) -> None:
    problem = answer.document
    assert answer.status == status, problem
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    if code is not None:
        assert code == problem["code"]
    if field is not None:
        assert field in [fault["field"] for fault in problem["errors"]]
        assert all(fault["expected"] and fault["got"] for fault in problem["errors"])


@pytest.mark.parametrize("points", [0, -1, 1.5, "7", True, 1_000_000_001, 2**53 + 1, 2**63, 2**64, 1e400, [], {}])
async def test_points_must_be_whole_and_within_limits(hub: RunningHub, points: Any) -> None:
    shop, card = await hub.shop(), await hub.card()

    answer = await shop.send(operation("earn", card, points=points))

    if points == float("inf"):
        assert answer.status in (400, 422)
    else:
        assert_problem(answer, 422, field="operations.0.points", code="message_invalid")
    await assert_nothing_booked(hub)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "operations.0.id"),
        ({"id": ""}, "operations.0.id"),
        ({"id": "x" * 65}, "operations.0.id"),
        ({"id": 'a"b'}, "operations.0.id"),
        ({"id": 7}, "operations.0.id"),
        ({"type": None}, "operations.0.type"),
        ({"type": "gift"}, "operations.0.type"),
        ({"card": None}, "operations.0.card"),
        ({"card": ""}, "operations.0.card"),
        ({"card": "9" * 41}, "operations.0.card"),
        ({"card": "'; DROP TABLE card; --"}, "operations.0.card"),
        ({"occurred_at": None}, "operations.0.occurred_at"),
        ({"occurred_at": "2026-11-21T18:04:11"}, "operations.0.occurred_at"),
        ({"occurred_at": "2026-11-21"}, "operations.0.occurred_at"),
        ({"occurred_at": 1_763_000_000}, "operations.0.occurred_at"),
        ({"occurred_at": "yesterday"}, "operations.0.occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "operations.0.occurred_at"),
        ({"shop": "s" * 65}, "operations.0.shop"),
        ({"shop": "a\u0000b"}, "operations.0.shop"),
        ({"reference": 4711}, "operations.0.reference"),
        ({"colour": "red"}, "operations.0.colour"),
        ({"operation_id": "x"}, "operations.0.operation_id"),
        ({"purchase": {"amount": 59.9, "currency": "EUR"}}, "operations.0.purchase.amount"),
        ({"purchase": {"amount": "59,90", "currency": "EUR"}}, "operations.0.purchase.amount"),
        ({"purchase": {"amount": "-1", "currency": "EUR"}}, "operations.0.purchase.amount"),
        ({"purchase": {"amount": "59.90"}}, "operations.0.purchase.currency"),
        ({"purchase": {"amount": "59.90", "currency": "USD"}}, "operations.0.purchase.currency"),
        ({"vat": [{"rate": "19", "points": 4}]}, "operations.0.vat"),
        ({"vat": []}, "operations.0.vat"),
        ({"vat": [{"rate": "7", "points": 2}, {"rate": "7.0", "points": 3}]}, "operations.0.vat"),
        ({"vat": [{"rate": "190", "points": 5}]}, "operations.0.vat.0.rate"),
    ],
)
async def test_a_bad_field_is_named(hub: RunningHub, change: dict[str, Any], field: str) -> None:
    shop, card = await hub.shop(), await hub.card()

    answer = await shop.send(operation(**{"kind": "earn", "card": card, "points": 5, **change}))

    assert_problem(answer, 422, field=field, code="message_invalid")
    await assert_nothing_booked(hub)


@pytest.mark.parametrize("offset", [timedelta(days=-401), timedelta(minutes=11), timedelta(days=9_000)])
async def test_a_date_far_off_is_refused_with_its_limits(hub: RunningHub, offset: timedelta) -> None:
    shop, card = await hub.shop(), await hub.card()

    answer = await shop.send(operation("earn", card, points=5, occurred_at=(datetime.now(UTC) + offset).isoformat()))

    assert_problem(answer, 422, field="operations.0.occurred_at")
    assert "400 days" in answer.document["errors"][0]["expected"]
    await assert_nothing_booked(hub)


@pytest.mark.parametrize("offset", [timedelta(days=-399), timedelta(minutes=9)])
async def test_a_slow_or_fast_till_clock_within_limits_is_booked(hub: RunningHub, offset: timedelta) -> None:
    shop, card = await hub.shop(), await hub.card()
    assert (await shop.earn(card, 5, occurred_at=(datetime.now(UTC) + offset).isoformat()))["verdict"] == "booked"


async def test_one_bad_operation_refuses_the_whole_message_and_every_fault_is_named(hub: RunningHub) -> None:
    """Nothing half done: the good one beside the bad ones is not booked either."""
    shop, card = await hub.shop(), await hub.card()

    answer = await shop.send(
        operation("earn", card, points=5),
        operation("earn", card, points=0, colour="red"),
        operation("burn", "", points="x"),
    )

    fields = {fault["field"] for fault in answer.document["errors"]}
    assert answer.status == 422
    assert fields == {"operations.1.points", "operations.1.colour", "operations.2.card", "operations.2.points"}
    await assert_nothing_booked(hub)


@pytest.mark.parametrize("again", [b'"points":5', b'"points" :5', b'"points"\n\t:5', b'"p\\u006fints":5', b'"id":"x"'])
async def test_a_key_twice_in_one_object_is_refused(hub: RunningHub, again: bytes) -> None:
    """Two readers of such evidence could take it for two operations."""
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=5)]}, separators=(",", ":")).encode()

    answer = await shop.post(body.replace(b'"points":5', b'"points":5,' + again))

    assert_problem(answer, 400, field=json.loads(b"{" + again + b"}").popitem()[0], code="key_twice")
    await assert_nothing_booked(hub)


async def test_texts_that_look_like_keys_are_booked(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    assert (await shop.earn(card, 5, reference='"points":5', till='a" : "b'))["verdict"] == "booked"


async def test_one_card_and_one_moment_however_written_are_the_same_content(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    moment = datetime.now(UTC).replace(microsecond=0)
    first = operation("earn", card, points=5, occurred_at=moment.isoformat())
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()

    answers = [
        await shop.send(first),
        await shop.send(first | {"card": f"{card[:4]} {card[4:9]}-{card[9:]}", "occurred_at": elsewhere}),
    ]

    assert answers[0].results == answers[1].results
    assert answers[0].results[0]["verdict"] == "booked"


async def test_an_operation_id_twice_in_one_message_is_refused(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    earn = operation("earn", card, points=5)

    assert_problem(await shop.send(earn, earn), 422, field="operations.1.id")
    await assert_nothing_booked(hub)


async def test_of_very_many_bad_fields_so_many_are_told(hub: RunningHub) -> None:
    """Else a megabyte of them would be a dozen to be written, signed and sent, and nobody else answered meanwhile."""
    shop = await hub.shop()
    unknown = {f"{number:x}": 1 for number in range(FAULTS_MAX - 1_000)}

    answer = await shop.send(*[operation("earn", "2760000000018", points=5) | unknown] * 2)

    assert_problem(answer, 422, field="operations.0.0")
    assert len(answer.document["errors"]) == FAULTS_MAX


async def test_1001_operations_are_too_many_and_1000_are_not(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    operations = [operation("earn", card, points=1) for _ in range(1_001)]

    assert_problem(await shop.send(*operations), 413, code="too_many_operations")
    await assert_nothing_booked(hub)
    assert len((await shop.send(*operations[:1_000])).results) == 1_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b'{"operations": [', 400),
        (b"\xff\xfe{}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"operations": []}', 422),
        (b'{"operations": {}}', 422),
        (b'{"operations": [7]}', 422),
        (b'{"operations": [], "more": 1}', 422),
        (b"[" * 100_000, 400),
        (
            b'{"operations": [{"id": "a", "type": "earn", "card": "2760000000018", "points": 1, "points" : 9, '
            b'"occurred_at": "%(now)s"}]}',
            400,
        ),
        (
            b'{"operations": [{"id": "a", "id": "\\": \\":", "type": "earn", "card": "2760000000018", "points": 1}]}',
            422,
        ),
    ],
)
async def test_a_body_that_is_no_message_is_refused(hub: RunningHub, body: bytes, status: int) -> None:
    shop = await hub.shop()
    answer = await shop.post(body.replace(b"%(now)s", datetime.now(UTC).isoformat().encode()))
    assert_problem(answer, status)
    assert answer.document["errors"]
    await assert_nothing_booked(hub)


async def test_other_content_types_and_huge_bodies_are_refused(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=1)]}).encode()

    assert_problem(await shop.post(body, headers={"Content-Type": "text/plain"}), 415, field="Content-Type")
    assert_problem(await shop.post(body, headers={"Content-Type": None}), 415, field="Content-Type")
    before = unverified().get("body_too_large", 0)
    assert_problem(await shop.post(b" " * 1_048_577), 413, field="body", code="body_too_large")
    assert unverified()["body_too_large"] == before + 1
    await assert_nothing_booked(hub)


async def test_a_packed_body_is_not_unpacked(hub: RunningHub) -> None:
    """A megabyte that unpacks to a gigabyte costs no more than a megabyte: signatures are over what was sent."""
    shop, card = await hub.shop(), await hub.card()
    body = gzip.compress(json.dumps({"operations": [operation("earn", card, points=1)]}).encode())

    answer = await shop.post(body, headers={"Content-Encoding": "gzip"})

    assert_problem(answer, 415, field="Content-Encoding", code="content_encoding_unsupported")
    await assert_nothing_booked(hub)


async def test_a_wrong_or_missing_signature_is_refused(hub: RunningHub) -> None:
    """Each way in which a signature can fail has a code of its own, and no answer to it is signed."""
    shop, stranger, card = await hub.shop(), Shop(hub.session, hub.authority), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=1)]}).encode()
    other_digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    now_s, before = int(time.time()), unverified()

    cases = [
        (await shop.post(body, headers={"Signature": None}), "signature_missing"),
        (await shop.post(body, headers={"Signature-Input": None}), "signature_missing"),
        (await shop.post(body, headers={"Signature-Input": "garbage"}), "signature_malformed"),
        (await shop.post(body, headers={"Content-Digest": None}), "content_digest_missing"),
        (await shop.post(body, headers={"Content-Digest": other_digest}), "signature_wrong"),
        (await shop.request("POST", "/v1/messages", body, signed_body=b"{}"), "content_digest_wrong"),
        (await shop.post(body, created_s=now_s - 301), "signature_stale"),
        (await shop.post(body, created_s=now_s + 90), "signature_from_future"),
        (await shop.post(body, expires_s=now_s - 1), "signature_expired"),
        (await stranger.post(body), "key_unknown"),
    ]

    for answer, code in cases:
        assert_problem(answer, 401, code=code)
        assert "Signature" not in answer.headers
    # A partner that is locked out is seen in the figures, by why.
    counted = {code: int(count - before.get(code, 0)) for code, count in unverified().items()}
    assert Counter(counted) == Counter(code for _, code in cases)
    await assert_nothing_booked(hub)


def unverified() -> dict[str, float]:
    samples = next(iter(unverified_total.collect())).samples
    return {one.labels["code"]: one.value for one in samples if one.name.endswith("_total")}


async def test_a_nonce_counts_once(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=1)]}).encode()

    first, second = await shop.post(body, nonce="n-1"), await shop.post(body, nonce="n-1")

    assert first.status == 200
    assert_problem(second, 401, code="nonce_reused")


async def test_an_expired_key_is_refused_and_its_successor_taken(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    await hub.pool.execute("UPDATE partner_key SET valid_from = now() - interval '2 days'")
    await hub.pool.execute("UPDATE partner_key SET valid_until = now() - interval '1 day'")
    await hub.clearing.registry.load()

    with capture_logs() as logs:
        answer = await shop.send(operation("earn", card, points=1))

    assert_problem(answer, 401, code="key_not_valid")
    # By this the operator knows whom to call.
    assert [one["keyid"] for one in logs if one["event"] == "http.refused"] == [shop.keyid]
    await assert_nothing_booked(hub)


async def test_a_suspended_partner_gets_a_signed_refusal(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    await hub.pool.execute("UPDATE partner SET status = 'suspended'")
    await hub.clearing.registry.load()

    answer = await shop.send(operation("earn", card, points=1))

    assert_problem(answer, 403, code="partner_suspended")
    assert 'tag="coalition-receipt-v1"' in answer.headers["Signature-Input"]
    await assert_nothing_booked(hub)


async def test_addresses_and_methods_that_are_not_there_are_problems_too(hub: RunningHub) -> None:
    shop = await hub.shop()
    assert_problem(await shop.get("/v1/nothing"), 404)
    assert_problem(await shop.get("/v1/messages"), 405)
    assert_problem(await shop.get("/v1/cards/12"), 422, field="card")
    assert_problem(await shop.get("/v1/cards/2760000000000"), 404, code="unknown_card")
    assert_problem(await shop.get("/v1/operations/nothing"), 404)


@pytest.mark.parametrize("character", ["\n", "\x7f", "\u202e", "\u2066"])
async def test_texts_have_no_characters_that_change_how_others_are_read(hub: RunningHub, character: str) -> None:
    """U+202E turns the text after it around: on a statement, shop 12 would read as 21."""
    shop, card = await hub.shop(), await hub.card()
    assert_problem(
        await shop.send(operation("earn", card, points=5, shop=f"{character}12")), 422, field="operations.0.shop"
    )
    await assert_nothing_booked(hub)


async def test_a_text_that_looks_like_a_key_is_a_text(hub: RunningHub) -> None:
    """Only keys given twice are refused, not what merely reads like them."""
    shop, card = await hub.shop(), await hub.card()
    assert (await shop.earn(card, 5, reference='"points": "points":'))["verdict"] == "booked"
