"""`coalition-partner` as a partner runs it: a process of its own."""

import asyncio
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_sdk import Earn, Outbox, thumbprint
from partner_sdk.keys import load_private_key, load_public_key, make_key_pair

CARD = "2760 0000 0001 8"


async def run(*arguments, stdin=""):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "partner_sdk",
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin.encode())
    return process.returncode, out.decode(), err.decode()


async def run_json(*arguments, stdin=""):
    code, out, err = await run(*arguments, "--json", stdin=stdin)
    assert out, err
    return code, json.loads(out)


@pytest.fixture
def key_path(tmp_path, signing_hub):
    public_path, keyid = make_key_pair(tmp_path / "shop.pem")
    signing_hub.partners[keyid] = load_public_key(public_path)
    return tmp_path / "shop.pem"


@pytest.fixture
def send(signing_hub, key_path):
    return ["send", "--url", signing_hub.url, "--key", key_path, "--give-up-after", "0.2"]


async def test_keygen_keeps_the_private_key_private_and_never_overwrites(tmp_path):
    key_path = tmp_path / "shop.pem"
    code, told = await run_json("keygen", "--out", key_path)
    assert (code, told["keyid"]) == (0, thumbprint(load_public_key(told["public_key"])))
    assert told["keyid"] == thumbprint(load_private_key(key_path).public_key())
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    code, _, err = await run("keygen", "--out", key_path)
    assert (code, "key_unusable" in err) == (2, True)


async def test_one_operation_from_flags(send, signing_hub):
    code, told = await run_json(*send, "earn", "--card", CARD, "--points", "120", "--reference", "4711")
    assert (code, told["results"][0]["verdict"], told["results"][0]["balance"]) == (0, "booked", 120)
    code, out, _ = await run(*send, "burn", "--card", CARD, "--points", "500")
    told = "refused  insufficient_points, available 120: burn or reserve at most what is available, and take"
    assert (code, told in out) == (1, True)
    assert signing_hub.balances == {CARD: 120}


async def test_what_a_refusal_carries_is_printed_with_what_to_do_next(send, signing_hub):
    """Each figure by its name; of a message that was refused for an operation, the field and what came."""
    told = {"verdict": "refused", "code": "burn_day_limit", "limit": 750, "used": 700, "until": "2026-11-22T23:00:00Z"}
    signing_hub.told["burn"] = told
    _, out, _ = await run(*send, "burn", "--card", CARD, "--points", "60")
    figures = "limit 750, used 700, until 2026-11-22 23:00:00+00:00"
    advice = "burn no more than what `used` leaves of `limit`, or a new operation after `until`"
    assert out.endswith(f"refused  burn_day_limit, available 0, {figures}: {advice}\n")
    signing_hub.told["burn"] = {"verdict": "refused", "code": "of_another_day"}
    _, out, _ = await run(*send, "burn", "--card", CARD, "--points", "60")
    assert out.endswith("refused  of_another_day, available 0\n")
    signing_hub.unknown_cards.add(CARD)
    _, out, _ = await run(*send, "earn", "--card", CARD, "--points", "5")
    assert "unknown_card: it waits in the outbox" in out
    signing_hub.bad_ids.add("old")
    _, out, _ = await run(*send, "earn", "--card", "another", "--points", "5", "--id", "old")
    named = "occurred_at: expected at most 400 days back, got 2020-01-01"
    assert f"old  rejected  message_invalid: {named}; send what is mended as a new operation" in out


@pytest.mark.parametrize("form", ["list", "message", "lines", "stdin"])
async def test_a_file_of_operations_counts_once(send, signing_hub, tmp_path, form):
    operations = [json.loads(Earn(card=CARD, points=points).to_json()) for points in (1, 2, 3)]
    texts = {
        "list": json.dumps(operations),
        "message": json.dumps({"operations": operations}),
        "lines": "\n".join(map(json.dumps, operations)),
    }
    text = texts.get(form, texts["lines"])
    (tmp_path / "day.json").write_text(text)
    source = "-" if form == "stdin" else tmp_path / "day.json"
    for _ in range(2):
        code, told = await run_json(*send, source, stdin=text)
        assert (code, [one["verdict"] for one in told["results"]]) == (0, ["booked"] * 3)
    assert signing_hub.balances == {CARD: 6}
    assert len(signing_hub.bodies) == 1


async def test_a_file_without_ids_is_refused_as_a_whole(send, signing_hub, tmp_path):
    (tmp_path / "day.jsonl").write_text(
        '{"type":"earn","card":"card","points":1}\n{"type":"earn","card":"card","points":0}'
    )
    code, told = await run_json(*send, tmp_path / "day.jsonl")
    assert (code, told["error"]) == (2, "invalid_operation")
    assert "1.id" in told["text"]
    code, told = await run_json(*send, tmp_path / "day.jsonl", "--new-ids")
    assert (code, "2.points" in told["text"]) == (2, True)
    code, told = await run_json(*send, tmp_path / "day.jsonl", "--card", CARD)
    assert (code, "card: flags are for one operation" in told["text"]) == (2, True)
    code, told = await run_json(*send, "sell", "--card", CARD)
    assert (code, told["text"].startswith("sell: expected earn, burn, ")) == (2, True)
    code, _, err = await run(*send, "gone.jsonl")
    assert (code, "expected earn, burn, reserve, capture, release, reverse, or a file" in err) == (2, True)
    assert signing_hub.bodies == []


async def test_an_outbox_is_looked_at_flushed_and_retried(send, signing_hub, key_path):
    flush = ["outbox", "flush", *send[1:]]
    kept = ["--outbox", key_path.with_name("shop.outbox.sqlite")]
    signing_hub.unknown_cards.add(CARD)
    code, told = await run_json(*send, "earn", "--card", CARD, "--points", "5")
    assert (code, told["results"][0]["code"]) == (1, "unknown_card")
    _, listed = await run_json("outbox", "list", *kept)
    assert listed["counts"] == {"waiting": 1}
    saved_by = thumbprint(load_private_key(key_path).public_key())
    assert listed["operations"][0]["saved_by"] == saved_by
    assert f"waiting    saved by {saved_by}  unknown_card\n1 waiting\n" in (await run("outbox", "list", *kept))[1]
    _, shown = await run_json("outbox", "show", listed["operations"][0]["id"], *kept)
    assert (shown["operation"]["points"], shown["answer"]["code"]) == (5, "unknown_card")
    signing_hub.unknown_cards.clear()
    assert await run_json("outbox", "retry", *kept) == (0, {"due": 1})
    code, figures = await run_json(*flush)
    assert (code, figures["booked"], figures["waiting"]) == (0, 1, 0)
    nothing = f"no waiting operation in {kept[1]}; it holds 1 booked\n"
    assert await run("outbox", "export", *kept) == (0, "", nothing)
    assert await run("outbox", "retry", "typo", *kept) == (
        2,
        "",
        f"unknown_operation: no operation typo in {kept[1]}\n",
    )


async def test_what_is_wrong_is_told_once(send, signing_hub):
    """The hub's sentence and the field at fault say the same; the field tells besides what came."""
    fault = {"field": "after", "expected": "the cursor of an earlier answer", "got": "zzz"}
    problem = {
        "code": "cursor_invalid",
        "detail": "after: expected the cursor of an earlier answer.",
        "errors": [fault],
    }
    signing_hub.problems.append((422, problem))
    code, _, err = await run("events", *send[1:], "--after", "zzz")
    told = "422 cursor_invalid: after: expected the cursor of an earlier answer, got zzz\n"
    assert (code, err) == (2, told)


async def test_verify_checks_every_receipt_and_finds_a_changed_one(send, key_path):
    for points in ("5", "6"):
        await run(*send, "earn", "--card", CARD, "--points", points)
    await run(*send, "burn", "--card", CARD, "--points", "99")
    verify = ["verify", "--key", key_path]
    code, told = await run_json(*verify)
    figures = {
        "receipts": 3,
        "receipts_valid": 3,
        "booked": 2,
        "refused": 1,
        "rejected": 0,
        "unproved": 3,
        "faults": [],
    }
    assert (code, {name: told[name] for name in figures}) == (0, figures)
    with sqlite3.connect(key_path.with_name("shop.outbox.sqlite")) as outbox:
        outbox.execute("UPDATE receipt SET status = 201 WHERE receipt = 1")
        outbox.execute("UPDATE operation SET state = 'booked' WHERE state = 'refused'")
    outbox.close()
    code, told = await run_json(*verify)
    assert (code, told["receipts_valid"], len(told["faults"])) == (1, 2, 2)


async def test_a_hub_that_is_away_is_exit_code_3_and_the_operation_waits(send, key_path):
    send[2] = "http://127.0.0.1:9"
    code, told = await run_json(*send, "earn", "--card", CARD, "--points", "5")
    assert (code, told["error"], told["retryable"]) == (3, "hub_unreachable", True)
    _, listed = await run_json("outbox", "list", "--key", key_path)
    assert listed["counts"] == {"waiting": 1}
    # Who runs the command again instead would book twice.
    asked, saved = told["notes"]
    assert asked == "http://127.0.0.1:9/v1/keys did not tell the hub's keys: is this the hub's address?"
    assert saved.startswith(f"operation {listed['operations'][0]['id']} is saved in the outbox: `outbox flush` sends")


async def test_who_stops_it_is_told_what_is_saved(send, key_path):
    """No traceback, and a code of its own."""
    send[2], send[-1] = "http://127.0.0.1:9", "600"
    command = [sys.executable, "-m", "partner_sdk", *send, "earn", "--card", CARD, "--points", "5", "--id", "stopped"]
    process = await asyncio.create_subprocess_exec(*map(str, command), stderr=asyncio.subprocess.PIPE)
    while "stopped" not in (await run("outbox", "export", "--key", key_path))[1]:
        pass
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    told = "stopped\noperation stopped is saved in the outbox: `outbox flush` sends what waits; do not `send` anew\n"
    assert (process.returncode, err.decode()) == (130, told)


async def test_a_reader_that_has_gone_is_no_fault(send):
    """As `head` does: it has enough."""
    await run(*send, "earn", "--card", CARD, "--points", "5")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "partner_sdk", "outbox", "list", "--key", str(send[4])]
    listed = await asyncio.create_subprocess_exec(*command, stdout=writing, stderr=asyncio.subprocess.PIPE)
    os.close(writing)
    _, err = await listed.communicate()
    assert (listed.returncode, err) == (1, b"")


async def test_what_waits_in_one_outbox_goes_by_another_and_counts_once(send, signing_hub, key_path, tmp_path):
    """As it was saved, id and moment too: of a damaged file what can still be read."""
    away = [*send[:2], "http://127.0.0.1:9", *send[3:]]
    for points in ("5", "6"):
        await run(*away, "earn", "--card", CARD, "--points", points)
    code, lines, _ = await run("outbox", "export", "--key", key_path)
    (tmp_path / "rescued.jsonl").write_text(lines)
    for outbox in ("one.sqlite", "two.sqlite"):
        code, told = await run_json(*send, "--outbox", tmp_path / outbox, tmp_path / "rescued.jsonl")
        assert (code, [one["points"] for one in told["results"]]) == (0, [5, 6])
    assert signing_hub.balances == {CARD: 11}

    outbox = key_path.with_name("shop.outbox.sqlite")
    outbox.write_bytes(b"damaged " * 1_000)
    code, _, err = await run("outbox", "export", "--key", key_path)
    assert (code, "file is not a database\nthe file is damaged: put it away" in err) == (2, True)


async def test_a_key_named_for_the_hub_that_is_not_its_own_is_told(send, tmp_path):
    make_key_pair(tmp_path / "other.pem")
    _, _, err = await run(*send, "--hub-key", tmp_path / "other.pub.pem", "earn", "--card", CARD, "--points", "5")
    named = thumbprint(load_public_key(tmp_path / "other.pub.pem"))
    assert f"only the key that you named as the hub's counts, {named}" in err


async def test_a_clock_that_is_off_and_a_key_that_has_ended_are_told(send, signing_hub):
    told = {"code": "signature_stale", "title": "Unauthorized", "detail": "created: expected at most 300 s before"}
    signing_hub.problems.append((401, told))
    code, _, err = await run(*send, "earn", "--card", CARD, "--points", "5")
    assert (code, "this machine's clock is further from the hub's than the hub allows: set it" in err) == (2, True)
    # The code once, beside the status.
    assert err.startswith("401 signature_stale: created: expected at most 300 s before\n")
    signing_hub.problems.append((401, told | {"code": "key_not_valid"}))
    _, _, err = await run(*send, "earn", "--card", CARD, "--points", "5")
    assert "have the next key registered; it goes on with the same outbox" in err


def test_the_sdk_imports_nothing_but_a_plain_install():
    """The hub's packages and its extras must not be needed on a till."""
    script = "import sys, partner_sdk.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert not set(loaded.stdout.split()) & {
        "coalition",
        "settlement",
        "typer",
        "rich",
        "asyncpg",
        "structlog",
        "uvloop",
    }


async def test_the_hubs_key_is_fetched_as_pem_and_checks_receipts(send, signing_hub, key_path, tmp_path):
    """A file of another key is never overwritten, and where several are shown one has to be named."""
    out = tmp_path / "hub.pub.pem"
    code, told = await run_json("keys", "--url", signing_hub.url, "--out", out)
    assert (code, told["thumbprint"], told["keyid"]) == (0, thumbprint(load_public_key(out)), told["thumbprint"])
    assert load_public_key(out) == signing_hub.key.public_key()
    assert (await run_json(*send, "--hub-key", out, "earn", "--card", CARD, "--points", "1"))[0] == 0
    assert (await run_json("verify", "--key", key_path, "--hub-key", out))[0] == 0
    code, told = await run_json("keys", "--url", signing_hub.url, "--out", out)
    assert (code, told["error"]) == (2, "key_unusable")

    signing_hub.retired_key = Ed25519PrivateKey.generate()
    code, told = await run_json("keys", "--url", signing_hub.url, "--out", tmp_path / "other.pem")
    assert (code, told["error"]) == (2, "key_unusable")
    assert not (tmp_path / "other.pem").exists()
    keyid = thumbprint(signing_hub.retired_key.public_key())
    code, _ = await run_json("keys", "--url", signing_hub.url, "--out", tmp_path / "other.pem", "--keyid", keyid)
    assert (code, thumbprint(load_public_key(tmp_path / "other.pem"))) == (0, keyid)
    code, told = await run_json("keys", "--url", "http://127.0.0.1:1", "--out", tmp_path / "none.pem")
    assert (code, told["error"]) == (3, "hub_unreachable")
    code, told = await run_json("keys", "--url", "hub.example:8431", "--out", tmp_path / "none.pem")
    assert (code, told["error"]) == (2, "address_invalid")


@pytest.mark.parametrize("beginning", ["-", "--"])
async def test_a_keyid_that_begins_like_an_option_is_taken_as_it_is_printed(tmp_path, signing_hub, key_path, beginning):
    """One of 64 thumbprints begins with a dash; `outbox list` and the notes of errors name it as it is."""
    keyid, kept = beginning.ljust(43, "x"), tmp_path / "shop.outbox.sqlite"
    with closing(Outbox(kept)) as outbox:
        outbox.put([Earn(card=CARD, points=120)], now=datetime.now(UTC), keyid=keyid)
    code, out, _ = await run("outbox", "export", "--outbox", kept, "--saved-by", keyid)
    assert (code, out.count('"earn"')) == (0, 1)
    where = ["--url", signing_hub.url, "--key", key_path]
    code, _, told = await run("outbox", "adopt", "no-such-key", *where)
    assert (code, "`outbox list`" in told, keyid in told) == (2, True, True)
    assert await run_json("outbox", "adopt", keyid, *where) == (0, {"adopted": 1})
    assert "nothing waits of any other key" in (await run("outbox", "adopt", keyid, *where))[2]
