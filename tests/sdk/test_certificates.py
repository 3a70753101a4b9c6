"""Burns without a network: verified, numbered, on disk before the till goes on; what does not fit is never saved."""

import asyncio
import json
import signal
import sqlite3
import sys
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_sdk import (
    Backoff,
    Burn,
    CertificateUnusableError,
    Coalition,
    MessageRejectedError,
    OperationIdReusedError,
    RefusedError,
)
from partner_sdk.testing import FakeHub
from tests.sdk.test_command_line import run
from tests.sdk.test_fake_hub import guide_code, run_in_a_till

HOUR_S = 3600


@pytest.fixture
def shop_key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
async def fake(shop_key):
    async with FakeHub(partner_public_key=shop_key.public_key()) as fake:
        yield fake


@pytest.fixture
def open_till(fake, shop_key, outbox_path):
    """Opens the till, and again after it was shut."""
    backoff = Backoff(first_s=0.001, pause_max_s=0.01)
    return lambda: Coalition(fake.url, shop_key, outbox=outbox_path, backoff=backoff, give_up_after_s=0.2)


def bodies(till):
    return [json.loads(entry.body) for entry in till._parts()[0].entries()]


async def test_burns_are_numbered_and_sent_later(fake, open_till):
    card = fake.add_card(points=500)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
    async with open_till() as till:
        ids = [till.burn_offline(card=card, points=points, certificate=certificate) for points in (150, 200)]
        [kept] = till.certificates(card)
        assert (kept.id, kept.left, kept.next_counter) == (certificate.id, 50, 2)
        assert (await till.balance(card)).balance == 500
        fake.advance(5 * HOUR_S)
        assert (await till.flush()).booked == 2
        assert [till.receipt(one).result_of(one).balance for one in ids] == [350, 150]
        assert [(one["counter"], one["till"]) for one in bodies(till)] == [(0, "3"), (1, "3")]


async def test_what_does_not_fit_is_not_saved(fake, open_till):
    card = fake.add_card(points=500)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
        with pytest.raises(CertificateUnusableError) as fault:
            till.burn_offline(card=card, points=401, certificate=certificate)
        assert (fault.value.code, fault.value.left) == ("certificate_spent", 400)
        with pytest.raises(CertificateUnusableError, match="another card"):
            till.burn_offline(card=fake.add_card(), points=1, certificate=certificate)
        with pytest.raises(CertificateUnusableError) as fault:
            till.burn_offline(card=card, points=1, certificate="made-up")
        assert fault.value.code == "certificate_unknown"
        assert (bodies(till), till.certificates()[0].next_counter) == ([], 0)


async def test_it_ends_by_the_hubs_clock_as_measured(fake, open_till):
    """The till's own clock does not move in this test: the burn occurs by the hub's, and so does the end."""
    card = fake.add_card(points=500)
    fake.advance(12 * HOUR_S)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
        till.burn_offline(card=card, points=1, certificate=certificate)
        assert (await till.flush()).booked == 1
        fake.advance(2 * HOUR_S)
        # Not measured yet.
        till.burn_offline(card=card, points=1, certificate=certificate)
        await till.balance(card)
        with pytest.raises(CertificateUnusableError) as fault:
            till.burn_offline(card=card, points=1, certificate=certificate)
        assert fault.value.code == "certificate_expired"
        assert abs(till.clock_offset_s - 14 * HOUR_S) < 30


async def test_a_repeated_id_keeps_its_counter(fake, open_till):
    """A till that was killed before it heard of the id's being saved asks again, even for the last points."""
    card = fake.add_card(points=500)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
        for _ in range(2):
            assert till.burn_offline(card=card, points=400, certificate=certificate, id="sale-1") == "sale-1"
        assert (len(bodies(till)), till.certificates()[0].next_counter) == (1, 1)
        with pytest.raises(OperationIdReusedError):
            till.burn_offline(card=card, points=399, certificate=certificate, id="sale-1")


async def test_points_spent_elsewhere_meanwhile(fake, open_till):
    card = fake.add_card(points=500)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
        burned = till.burn_offline(card=card, points=400, certificate=certificate)
        with pytest.raises(RefusedError):
            # Sent behind the burn that waits.
            await till.burn(card=card, points=200)
        assert till.receipt(burned).result_of(burned).is_booked
        with pytest.raises(MessageRejectedError) as rejection:
            await till.certificate(card=card, till="3", points=101, valid_s=HOUR_S)
        assert rejection.value.code == "insufficient_points"


async def test_a_forged_certificate_is_noticed(fake, open_till, outbox_path):
    """More points, a longer life: whoever changes what lies on the till has no signature for it."""
    card = fake.add_card(points=500)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
        text = certificate.signed.text.replace('"points":400', '"points":900')
        with sqlite3.connect(outbox_path) as connection:
            connection.execute("UPDATE certificate SET points = 900, text = ?", (text,))
        connection.close()
        for read in (till.certificates, lambda: till.burn_offline(card=card, points=1, certificate=certificate)):
            with pytest.raises(CertificateUnusableError) as fault:
                read()
            assert fault.value.code == "certificate_forged"
        assert bodies(till) == []


TILL = """
import asyncio, sys
from partner_sdk import Coalition

async def main(url, key, outbox, card, certificate):
    async with Coalition(url, key, outbox=outbox) as hub:
        while True:
            print(hub.burn_offline(card=card, points=1, certificate=certificate), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_till_never_gives_a_counter_twice(fake, open_till, shop_key, outbox_path):
    """Killed in the middle of burning, twice: each burn that it told of is there, and the hub books all that are."""
    card = fake.add_card(points=5_000)
    key_path = outbox_path.with_name("till.pem")
    key_path.write_bytes(
        shop_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=5_000, valid_s=HOUR_S)
    told = []
    for _ in range(2):
        arguments = [fake.url, str(key_path), str(outbox_path), card, certificate.id]
        burning = await asyncio.create_subprocess_exec(
            sys.executable, "-c", TILL, *arguments, stdout=asyncio.subprocess.PIPE
        )
        told += [(await burning.stdout.readline()).decode().strip() for _ in range(10)]
        burning.send_signal(signal.SIGKILL)
        await burning.communicate()
    async with open_till() as till:
        [kept] = till.certificates(card)
        saved = bodies(till)
        assert [one["counter"] for one in saved] == list(range(len(saved)))
        assert (kept.next_counter, kept.spent) == (len(saved), len(saved))
        assert set(told) <= {one["id"] for one in saved}
        figures = await till.flush()
        assert (figures.booked, figures.refused) == (len(saved), 0)


async def test_on_the_command_line(tmp_path):
    await run("keygen", "--out", tmp_path / "shop.pem")
    async with FakeHub(partner_public_key=tmp_path / "shop.pub.pem") as fake:
        card = fake.add_card(points=500)
        online = ["--url", fake.url, "--key", tmp_path / "shop.pem"]
        asked = ["--card", card, "--till", "3", "--points", "400", "--valid-s", "60", "--json"]
        code, out, _ = await run("certificate", "get", *online, *asked)
        certificate = json.loads(out)["id"]
        burn = ["certificate", "burn", *online, "--card", card, "--certificate", certificate, "--points"]
        assert code == 0
        assert (await run(*burn, "300"))[0] == 0
        code, _, err = await run(*burn, "300")
        assert (code, err.startswith("certificate_spent: ")) == (1, True)
        # Which ask nobody, and so need no address.
        code, out, _ = await run("certificate", "list", "--key", tmp_path / "shop.pem")
        assert (code, "till 3  100 of 400 left" in out) == (0, True)
        assert (await run("outbox", "flush", *online))[0] == 0


async def test_the_guide_tells_what_happens(fake, open_till, capsys):
    card = fake.add_card(points=2_000)
    async with open_till() as till:
        await run_in_a_till(guide_code("hub.burn_offline"), hub=till, CARD=card)
        assert (await till.balance(card)).balance == 1_500
    assert capsys.readouterr().out == "1500 points left\n"


async def test_the_fake_refuses_what_the_hub_refuses(fake, open_till):
    card = fake.add_card(points=500)
    async with open_till() as till:
        certificate = await till.certificate(card=card, till="3", points=400, valid_s=HOUR_S)
        burns = {
            "certificate_unknown": {"certificate": "made-up"},
            "certificate_other": {"till": "4"},
            "certificate_expired": {"occurred_at": certificate.not_before - timedelta(seconds=1)},
            "certificate_counter_used": {"counter": 0},
            "certificate_spent": {"points": 400},
        }
        till.burn_offline(card=card, points=1, certificate=certificate)
        assert (await till.flush()).booked == 1
        fields = {"card": card, "points": 1, "till": "3", "certificate": certificate.id, "counter": 7}
        fields["occurred_at"] = certificate.not_after
        fake.advance(HOUR_S)
        results = await till.send([Burn(**fields | changes) for changes in burns.values()])
        assert [result.code for result in results] == list(burns)
        assert results[-1].left == 399
