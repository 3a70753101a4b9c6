"""No answer is believed without the hub's signature over this answer to this very request."""

import dataclasses
import json
from datetime import timedelta

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import ContentDigest

from partner_sdk import (
    AnswerNotUnderstoodError,
    Earn,
    HubKeyChangedError,
    ReceiptInvalidError,
    UnknownOperationError,
    thumbprint,
)
from partner_sdk.signing import receipt_components

CARD = "2760 0000 0001 8"


def change_body(answer):
    answer.body = answer.body.replace(b'"booked"', b'"Booked"')


def change_body_and_digest(answer):
    change_body(answer)
    answer.headers["Content-Digest"] = ContentDigest.create(answer.body)


def change_status(answer):
    answer.status_code = 201


def drop_signature(answer):
    del answer.headers["Signature"]


def drop_all_headers(answer):
    answer.headers.clear()


def cover_less(answer):
    answer.headers["Signature-Input"] = answer.headers["Signature-Input"].replace('"@status" ', "")


def other_tag(answer):
    answer.headers["Signature-Input"] = answer.headers["Signature-Input"].replace("receipt-v1", "receipt-v2")


EDITS = [
    change_body,
    change_body_and_digest,
    change_status,
    drop_signature,
    drop_all_headers,
    cover_less,
    other_tag,
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
async def test_a_tampered_answer_is_no_answer(connect, signing_hub, edit):
    """The hub booked it, but we cannot know: the operation waits, goes again, and gets the same answer once."""
    signing_hub.edits.append(edit)
    async with connect() as hub:
        with pytest.raises(ReceiptInvalidError):
            await hub.earn(card=CARD, points=5)
        flushed = await hub.flush()
    assert (flushed.booked, flushed.waiting) == (1, 0)
    assert signing_hub.balances == {CARD: 5}


async def test_an_unsigned_200_is_no_answer(connect, signing_hub):
    signing_hub.plain.append(web.json_response({"results": []}))
    async with connect() as hub:
        with pytest.raises(ReceiptInvalidError, match="without the hub's signature"):
            await hub.earn(card=CARD, points=5)
        assert (await hub.flush()).booked == 1


async def test_the_answer_to_another_request_is_no_answer(connect, signing_hub):
    """A true signed answer, replayed to a later request."""
    kept = []
    signing_hub.edits.append(lambda answer: kept.append(dataclasses.replace(answer)))

    def replay(answer):
        answer.status_code, answer.headers, answer.body = kept[0].status_code, kept[0].headers, kept[0].body

    async with connect() as hub:
        await hub.earn(card=CARD, points=5)
        signing_hub.edits.append(replay)
        with pytest.raises(ReceiptInvalidError):
            await hub.earn(card=CARD, points=5)


async def test_a_signed_answer_to_other_operations_is_not_understood(connect, signing_hub):
    signing_hub.problems.append((200, {"message": "", "results": []}))
    async with connect() as hub:
        with pytest.raises(AnswerNotUnderstoodError):
            await hub.earn(card=CARD, points=5)
        assert (await hub.flush()).booked == 1


async def test_a_kept_receipt_verifies_offline_and_says_what_was_booked(connect, signing_hub):
    hub_key = signing_hub.key.public_key()
    async with connect() as hub:
        earned = await hub.earn(card=CARD, points=5)
        receipt = hub.receipt(earned.id)
    assert receipt.verify(hub_key) == thumbprint(hub_key)
    assert receipt.result_of(earned.id) == earned
    assert json.loads(receipt.request.body)["operations"][0]["id"] == earned.id
    with pytest.raises(ReceiptInvalidError):
        receipt.verify(Ed25519PrivateKey.generate().public_key())
    with pytest.raises(UnknownOperationError):
        receipt.result_of("another")


async def test_a_receipt_with_another_request_does_not_verify(connect, signing_hub):
    """What was asked is part of the evidence, to the byte."""
    async with connect() as hub:
        receipt = hub.receipt((await hub.earn(card=CARD, points=5)).id)
    inflated = receipt.request.body.replace(b'"points":5', b'"points":50')
    forged = dataclasses.replace(receipt, request=dataclasses.replace(receipt.request, body=inflated))
    with pytest.raises(ReceiptInvalidError):
        forged.verify(signing_hub.key.public_key())


async def test_there_is_no_receipt_before_the_answer(connect):
    async with connect() as hub:
        operation_id = hub.put(Earn(card=CARD, points=5))
        with pytest.raises(UnknownOperationError):
            hub.receipt(operation_id)


async def test_a_changed_hub_key_is_an_error_also_after_a_restart(connect, signing_hub):
    async with connect() as hub:
        await hub.earn(card=CARD, points=5)
    signing_hub.key = Ed25519PrivateKey.generate()
    async with connect() as hub:
        with pytest.raises(HubKeyChangedError):
            await hub.earn(card=CARD, points=5)


async def test_a_new_hub_key_that_the_pinned_one_vouches_for_is_taken(connect, signing_hub):
    async with connect() as hub:
        await hub.earn(card=CARD, points=5)
    signing_hub.retired_key, signing_hub.key = signing_hub.key, Ed25519PrivateKey.generate()
    async with connect() as hub:
        assert (await hub.earn(card=CARD, points=5)).balance == 10
    signing_hub.retired_key = None
    async with connect() as hub:
        assert (await hub.earn(card=CARD, points=5)).balance == 15


async def test_a_named_hub_key_is_the_only_one_trusted(connect, signing_hub, tmp_path):
    public = signing_hub.key.public_key()
    path = tmp_path / "hub.pub.pem"
    path.write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    async with connect(hub_key=path) as hub:
        assert (await hub.earn(card=CARD, points=5)).is_booked
    async with connect(hub_key=Ed25519PrivateKey.generate().public_key()) as hub:
        with pytest.raises(ReceiptInvalidError):
            await hub.earn(card=CARD, points=5)


async def test_a_till_whose_clock_is_late_still_takes_the_answer(connect, signing_hub):
    """The answer's time is the hub's; the answer is bound to our request, so our clock has no say."""
    signing_hub.edits.append(lambda answer: signing_hub.sign(answer, late=timedelta(days=1)))
    async with connect() as hub:
        assert (await hub.earn(card=CARD, points=5)).is_booked
    assert len(signing_hub.bodies) == 1


@pytest.mark.parametrize("component", receipt_components(has_body=True))
async def test_a_true_signature_that_covers_less_is_not_enough(connect, signing_hub, component):
    """What is not covered can be exchanged on the way, with the hub's own signature left intact."""
    signing_hub.edits.append(lambda answer: signing_hub.sign(answer, without=component))
    async with connect() as hub:
        with pytest.raises(ReceiptInvalidError):
            await hub.earn(card=CARD, points=5)
