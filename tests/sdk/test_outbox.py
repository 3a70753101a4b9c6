"""What the outbox keeps, and for whom."""

import errno
import sqlite3
import stat
from datetime import UTC, datetime, timedelta

import pytest

from partner_sdk import Coalition, Earn, OperationIdReusedError, Outbox, OutboxError, UnknownOperationError
from partner_sdk.outbox_fault import _READ_ONLY, not_opened
from partner_sdk.outbox_rows import Answered
from partner_sdk.receipt import Receipt
from partner_sdk.signing import SignedRequest

CARD = "2760 0000 0001 8"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RECEIPT = Receipt(
    request=SignedRequest("POST", "http://hub/v1/messages", b"asked", {"Signature": "a"}),
    status=200,
    headers={"Signature": "b"},
    body=b"answered",
    received_at=NOW,
)


@pytest.fixture
def outbox(outbox_path):
    outbox = Outbox(outbox_path)
    yield outbox
    outbox.close()


def due(outbox, *, now=NOW):
    return [one.id for one in outbox.due(after=0, up_to=10**9, stream=0, streams=1, now=now, operations_max=100)]


def answer(outbox, operation_id, state, *, code=None, retry_at=None):
    waiting = outbox.waiting_of_card(CARD, after=0, up_to=outbox.youngest_of_card(CARD), operations_max=100)
    [place] = [one.place for one in waiting if one.id == operation_id]
    outbox.record(RECEIPT, [Answered(place=place, state=state, code=code, retry_at=retry_at)])


def test_the_file_is_readable_by_its_owner_alone(outbox):
    assert stat.S_IMODE(outbox.path.stat().st_mode) == 0o600


def test_each_commit_waits_for_the_disk(outbox):
    """Else a power cut takes back what `put` has returned from, and with it sales that nobody knows of any more."""
    with outbox.transaction() as connection:
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
    assert level == 2  # FULL


def test_what_was_saved_is_there_after_opening_again(outbox, outbox_path):
    operations = [Earn(card=CARD, points=number) for number in (3, 1, 2)]
    outbox.put(operations, now=NOW)
    outbox.close()
    reopened = Outbox(outbox_path)
    assert [entry.body for entry in reopened.entries()] == [operation.to_json() for operation in operations]
    assert due(reopened) == [operation.id for operation in operations]
    reopened.close()


@pytest.mark.parametrize("first", ["2026-11-21T18:04:11+01:00", "2026-11-21T17:04:11.5Z", None])
def test_a_repeated_call_without_a_moment_means_that_of_the_first_time(outbox, first):
    """As after a crash, by the id kept with the sale: what was saved stays. Any other difference is another operation,
    and so is a moment that is given and differs."""
    told = {"card": CARD, "points": 5, "shop": "0042", "id": "sale-1"}
    outbox.put([Earn(**told, **({} if first is None else {"occurred_at": first}))], now=NOW)
    (saved,) = outbox.bodies()
    outbox.put([Earn(**told)], now=NOW)
    for change in ({"points": 6}, {"shop": None}, {"card": "other"}, {"occurred_at": "2026-11-21T18:04:12+01:00"}):
        with pytest.raises(OperationIdReusedError):
            outbox.put([Earn(**(told | change))], now=NOW)
    assert list(outbox.bodies()) == [saved]


def test_each_card_belongs_to_one_stream(outbox):
    operations = [Earn(card=f"card-{number}", points=1) for number in range(50)]
    outbox.put(operations, now=NOW)
    streams = [
        {one.id for one in outbox.due(after=0, up_to=99, stream=stream, streams=3, now=NOW, operations_max=99)}
        for stream in range(3)
    ]
    assert all(streams)
    assert sum(map(len, streams)) == 50
    assert set().union(*streams) == {operation.id for operation in operations}


def test_a_deferred_operation_is_due_at_its_time(outbox):
    [operation_id] = outbox.put([Earn(card=CARD, points=1)], now=NOW)
    answer(outbox, operation_id, "waiting", code="unknown_original", retry_at=NOW + timedelta(seconds=30))
    assert due(outbox) == []
    assert due(outbox, now=NOW + timedelta(seconds=30)) == [operation_id]


def test_a_verdict_is_not_undone_by_a_late_not_yet(outbox):
    """Two processes may send the same operation; the slower one's answer changes nothing."""
    [operation_id] = outbox.put([Earn(card=CARD, points=1)], now=NOW)
    [waiting] = outbox.waiting_of_card(CARD, after=0, up_to=outbox.youngest_of_card(CARD), operations_max=1)
    answer(outbox, operation_id, "booked")
    outbox.record(RECEIPT, [Answered(place=waiting.place, state="waiting", code="unknown_card", retry_at=NOW)])
    assert (outbox.entry(operation_id).state, due(outbox)) == ("booked", [])


def test_retry_undoes_no_verdict(outbox):
    ids = outbox.put([Earn(card=CARD, points=number) for number in range(1, 6)], now=NOW)
    for operation_id, state in zip(ids, ["booked", "refused", "rejected", "set_aside"], strict=False):
        answer(outbox, operation_id, state)
    assert outbox.retry() == 1
    assert due(outbox) == [ids[3], ids[4]]
    assert [outbox.retry(operation_id) for operation_id in ids[:3]] == [0, 0, 1]
    assert outbox.counts() == {"booked": 1, "refused": 1, "waiting": 3}


def test_a_receipt_comes_back_as_it_was_kept(outbox):
    [operation_id] = outbox.put([Earn(card=CARD, points=1)], now=NOW)
    answer(outbox, operation_id, "booked")
    assert outbox.receipt(operation_id) == RECEIPT
    assert list(outbox.receipts()) == [(RECEIPT, {operation_id: "booked"})]


def test_an_operation_that_is_not_there(outbox):
    with pytest.raises(UnknownOperationError):
        outbox.entry("nothing")


def test_a_folder_that_takes_no_outbox(tmp_path):
    """Told without the system's numbers; where it may only be read, with what to do."""
    with pytest.raises(OutboxError, match=r"gone/outbox\.sqlite: No such file or directory$"):
        Outbox(tmp_path / "gone" / "outbox.sqlite")
    error = not_opened(tmp_path, OSError(errno.EROFS, "Read-only file system"))
    assert (error.args, error.__notes__) == ((f"cannot open outbox {tmp_path}: Read-only file system",), [_READ_ONLY])


def test_a_file_that_is_no_outbox(tmp_path):
    path = tmp_path / "letter.sqlite"
    path.write_text("Dear hub, " * 100)
    with pytest.raises(OutboxError, match=r"letter\.sqlite"):
        Outbox(path)


def test_an_outbox_of_a_later_layout_is_left_alone(outbox, outbox_path):
    outbox.close()
    with sqlite3.connect(outbox_path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutboxError, match="99"):
        Outbox(outbox_path)


def test_a_key_in_memory_needs_an_outbox_by_name(partner_key):
    with pytest.raises(OutboxError, match="outbox"):
        Coalition("http://hub.example", partner_key)
