"""The hub that partners test their tills with, seen through the SDK over real HTTP."""

import asyncio
import json
import re
import socket
import textwrap
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_sdk import (
    Backoff,
    Coalition,
    Earn,
    HubUnreachableError,
    MessageRejectedError,
    NotAuthorizedError,
    Outbox,
    RefusedError,
    new_operation_id,
    verify_evidence,
)
from partner_sdk.testing import FakeHub
from tests.sdk.test_command_line import run

HOUR_S = 3600
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "partner.md"


@pytest.fixture
def shop_key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
async def fake(shop_key):
    async with FakeHub(partner_public_key=shop_key.public_key()) as fake:
        yield fake


@pytest.fixture
async def till(fake, shop_key, outbox_path):
    backoff = Backoff(first_s=0.001, pause_max_s=0.01)
    async with Coalition(fake.url, shop_key, outbox=outbox_path, backoff=backoff, give_up_after_s=5.0) as till:
        yield till


async def read_events(till, after=None):
    return [event async for event in till.events(after)]


async def test_a_hold_is_captured_in_part_and_the_rest_is_free(fake, till):
    card = fake.add_card(points=500)
    held = await till.reserve(card=card, points=300)
    assert (held.balance, held.available) == (500, 200)
    assert held.expires_at - held.booked_at == timedelta(seconds=900)
    captured = await till.capture(card=card, reserve_id=held.id, points=120)
    assert (captured.points, captured.balance, captured.available) == (120, 380, 380)
    with pytest.raises(RefusedError) as refusal:
        await till.release(card=card, reserve_id=held.id)
    assert (refusal.value.code, refusal.value.state) == ("hold_resolved", "captured")


async def test_a_hold_times_out_by_the_fake_clock(fake, till):
    """To the second: open just before, over at its `expires_at`."""
    card = fake.add_card(points=500)
    held = await till.reserve(card=card, points=300, timeout_s=2 * HOUR_S)
    fake.advance(HOUR_S)
    [still] = (await till.balance(card)).holds
    assert (still.points, still.expires_at, still.reserve_id) == (300, held.expires_at, held.id)
    fake.advance(HOUR_S)
    assert (await till.balance(card)).available == 500
    with pytest.raises(RefusedError) as refusal:
        await till.capture(card=card, reserve_id=held.id)
    assert refusal.value.state == "timed_out"
    assert abs(till.clock_offset_s - 2 * HOUR_S) < 30


async def test_a_failure_is_asked_again_and_counts_once(fake, till):
    card = fake.add_card()
    fake.fail_next(status=503, retry_after_s=0)
    fake.fail_next(status=500)
    fake.drop_next_answer()
    assert (await till.earn(card=card, points=120)).balance == 120
    assert [event.kind for event in await read_events(till)] == ["earn"]


async def test_an_answer_that_is_dropped_was_booked_all_the_same(fake, shop_key, outbox_path):
    card = fake.add_card()
    async with Coalition(fake.url, shop_key, outbox=outbox_path, give_up_after_s=0.0) as till:
        await till.balance(card)
        fake.drop_next_answer()
        with pytest.raises(HubUnreachableError):
            await till.earn(card=card, points=120)
        assert (await till.balance(card)).balance == 120
        assert (await till.flush()).booked == 1
        assert (await till.balance(card)).balance == 120


async def test_a_hub_that_asks_for_much_patience(fake, till):
    fake.fail_next(status=503, retry_after_s=600)
    with pytest.raises(HubUnreachableError) as fault:
        await till.earn(card=fake.add_card(), points=5)
    assert fault.value.retry_after_s == 600
    assert (await till.flush()).booked == 1


async def test_a_final_failure_is_signed(fake, till):
    fake.fail_next(status=403, code="partner_suspended")
    with pytest.raises(NotAuthorizedError) as fault:
        await till.balance(fake.add_card())
    assert fault.value.code == "partner_suspended"
    assert fault.value.receipt.verify(fake.public_key)


async def test_receipts_verify_with_the_key_that_the_fake_shows(fake, shop_key, tmp_path):
    async with Coalition(fake.url, shop_key, outbox=tmp_path / "named.sqlite", hub_key=fake.public_key) as till:
        earned = await till.earn(card=fake.add_card(), points=5)
        assert till.receipt(earned.id).verify(fake.public_key)
        assert await till.operation(earned.id) == earned
        assert await till.operation(new_operation_id()) is None


async def test_what_the_fake_booked_is_proved_by_what_it_showed(fake, till, outbox_path):
    """Its list of keys is signed for its partner: who gathers evidence asks it for ends, and believes no other."""
    await till.earn(card=fake.add_card(), points=5)
    assert (await till.gather_evidence()).proofs == 1
    checked = verify_evidence(Outbox(outbox_path), hub_key=None)
    assert (checked.checkpoints, checked.proved, checked.faults) == (1, 1, ())


async def test_a_journal_that_was_taken_back_is_told_and_no_other_record_blamed(fake, till, outbox_path):
    """A hub that goes on from an old backup signs a second root of the same size; both were its word."""
    card = fake.add_card()
    await till.earn(card=card, points=5)
    of_the_backup = deepcopy(fake._ledger)
    await till.earn(card=card, points=6)
    await till.gather_evidence()
    fake._ledger = of_the_backup
    instead = await till.earn(card=card, points=7)
    await till.gather_evidence()
    checked = verify_evidence(Outbox(outbox_path), hub_key=None)
    assert checked.proved == 2
    assert checked.faults == (
        "lane 0: two roots of the first 2 records were signed",
        f"operation {instead.id}: its result is not what lies at leaf 1 of lane 0",
    )


async def test_a_stranger_is_turned_away(fake, outbox_path):
    async with Coalition(fake.url, Ed25519PrivateKey.generate(), outbox=outbox_path) as till:
        with pytest.raises(NotAuthorizedError, match="key_unknown"):
            await till.balance(fake.add_card())


async def test_keys_of_several_shops_are_one_partners(fake, till, outbox_path, tmp_path):
    """Each shop signs with a key of its own, and one sees what the other booked; so does the next key of one shop."""
    other_key, card = Ed25519PrivateKey.generate(), fake.add_card()
    earned = await till.earn(card=card, points=120)
    till.put(Earn(card=card, points=30))

    async with Coalition(fake.url, other_key, outbox=tmp_path / "other.sqlite") as other:
        with pytest.raises(NotAuthorizedError, match="key_unknown"):
            await other.balance(card)
        fake.add_key(other_key.public_key())
        assert await other.operation(earned.id) == earned
        assert (await other.reverse(operation_id=earned.id, card=card, points=20)).balance == 100
    async with Coalition(fake.url, other_key, outbox=outbox_path) as next_till:
        assert (await next_till.flush()).booked == 1
    assert (await till.balance(card)).balance == 130


async def test_a_till_whose_clock_is_far_off_is_told_which_field(fake, till):
    fake.advance(-HOUR_S)
    with pytest.raises(MessageRejectedError) as rejection:
        await till.earn(card=fake.add_card(), points=5)
    assert [fault.field for fault in rejection.value.faults] == ["operations.0.occurred_at"]


async def test_events_are_read_on_from_the_last_cursor(fake, till):
    """Over many pages each event comes once, and a later reading goes on behind it."""
    card = fake.add_card()
    earns = [Earn(card=card, points=1) for _ in range(250)]
    await till.send(earns)
    events = await read_events(till)
    assert [event.operation_id for event in events] == [earn.id for earn in earns]
    assert await read_events(till, events[-1].cursor) == []
    with pytest.raises(RefusedError):
        await till.burn(card=card, points=251)
    held = await till.reserve(card=card, points=7)
    fake.advance(901)
    refused, reserved, timed_out = await read_events(till, events[-1].cursor)
    assert (refused.kind, refused.verdict, refused.result.code) == ("burn", "refused", "insufficient_points")
    assert reserved.result == held
    assert (timed_out.kind, timed_out.verdict, timed_out.points) == ("time_out", "timed_out", 7)
    assert (timed_out.occurred_at, timed_out.operation_id) == (held.expires_at, held.id)


async def test_an_event_in_the_middle_of_a_page_loses_nothing_when_it_is_the_last_that_was_kept(fake, till):
    card = fake.add_card()
    earns = [Earn(card=card, points=1) for _ in range(150)]
    await till.send(earns)
    # Each page has 100: the kept event is the 21st of the second.
    kept = (await read_events(till))[120]
    again = await read_events(till, kept.cursor)
    assert [event.operation_id for event in again] == [earn.id for earn in earns[100:]]


async def test_a_cursor_of_another_hub_is_refused(till):
    with pytest.raises(MessageRejectedError, match="cursor_invalid"):
        await read_events(till, "AQAA")


async def test_events_on_the_command_line(tmp_path):
    await run("keygen", "--out", tmp_path / "shop.pem")
    async with FakeHub(partner_public_key=tmp_path / "shop.pub.pem") as fake:
        card = fake.add_card(points=500)
        online = ["--url", fake.url, "--key", tmp_path / "shop.pem"]
        code, out, _ = await run("send", *online, "reserve", "--card", card, "--points", "300", "--timeout-s", "60")
        assert (code, ", until 20" in out) == (0, True)
        code, out, _ = await run("events", *online, "--json")
        [event] = map(json.loads, out.splitlines())
        assert (code, event["kind"], event["result"]["points"]) == (0, "reserve", 300)
        code, out, err = await run("events", *online, "--after", event["cursor"])
        assert (code, out, err) == (0, "", "")


async def test_a_dispute_is_opened_and_answered_as_the_guide_says(fake, till):
    await run_in_a_till(guide_code("add_statement"), fake=fake, hub=till, Decimal=Decimal)
    (answered,) = await till.disputes()
    assert (answered.state, answered.held, answered.accepted) == ("ACCEPTED", "2.50", "1.00")
    with pytest.raises(ValueError, match="expected the number of an open dispute, got 1"):
        fake.answer_dispute(1)
    fake.add_statement({("issue_charge", 1): Decimal("5.00")}, window=2, is_invoiced=True)
    later = await till.dispute(window=2, line=("issue_charge", 1), amount="5.00", reason="After the invoice.")
    assert later.held == "0.00"
    with pytest.raises(ValueError, match=r"at most 5\.00, as claimed, got 6"):
        fake.answer_dispute(later.number, accepted=Decimal(6))


async def test_a_refused_dispute_says_why_once(fake, till):
    """Each field, what it may be and what came; the text does not say it twice."""
    fake.add_statement({("issue_charge", 1): Decimal("12.50")})
    with pytest.raises(MessageRejectedError) as refusal:
        await till.dispute(window=1, line=("issue_charge", 1), amount="12.51", reason="Too much.")
    told = "amount: expected at most 12.50, what is owed by it and not disputed yet, got 12.51"
    assert str(refusal.value) == f"422 invalid_dispute: the dispute is not valid: {told}"
    assert list(map(str, refusal.value.faults)) == [told]


async def test_a_promotion_is_run_and_ended_as_the_guide_says(fake, till):
    card = fake.add_card()
    await run_in_a_till(guide_code("add_promotion"), fake=fake, hub=till, card=card)
    codes = []
    for name in ("winter-2026", "winter-2027"):
        with pytest.raises(RefusedError) as refusal:
            await till.earn(card=card, points=1, promotion=name)
        codes.append(refusal.value.code)
    assert codes == ["promotion_not_running", "unknown_promotion"]
    assert (await till.balance(card)).balance == 60


async def test_the_port_is_free_again_when_the_test_is_over(shop_key):
    async with FakeHub(partner_public_key=shop_key.public_key()) as fake:
        port = int(fake.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port))


def guide_code(word):
    """Return the one piece of Python in the partner's guide that holds this word."""
    [code] = [code for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if word in code]
    return code


async def run_in_a_till(code, **names):
    names |= {"RefusedError": RefusedError}
    exec("async def till():\n" + textwrap.indent(code, "    "), names)
    await names["till"]()


async def test_the_test_in_the_partners_guide_passes(tmp_path):
    names = {}
    exec(guide_code("FakeHub"), names)
    await names["test_a_sale_survives_a_bad_line"](tmp_path)


async def test_the_guide_tells_of_a_hold_what_happens(fake, till, capsys):
    card = fake.add_card(points=500)
    await run_in_a_till(guide_code("hub.reserve(card=CARD"), hub=till, CARD=card)
    assert capsys.readouterr().out.endswith("available 0\n")
    assert (await till.balance(card)).available == 20


async def test_the_guide_tells_of_events_what_happens(fake, till, capsys):
    earned = await till.earn(card=fake.add_card(), points=5)
    kept = []
    await run_in_a_till(guide_code("hub.events"), hub=till, load_cursor=lambda: None, save_cursor=kept.append)
    assert capsys.readouterr().out == f"earn booked {earned.id} 5\n"
    assert await read_events(till, kept[-1]) == []
