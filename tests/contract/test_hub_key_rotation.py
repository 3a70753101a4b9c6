"""The hub's key is replaced, and partners who have pinned the old one go on by themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from coalition.database.pool import Pool
from coalition.errors import NotFoundError, SettingError
from coalition.http.app import build_app, make_runner
from coalition.http.hub_key import load_signer, load_voucher
from coalition.lanes.clearing import Clearing
from coalition.operations.manage_partner import end_key
from partner_sdk import Coalition, HubKeyChangedError, HubKeyEndedError
from partner_sdk.hub_keys import HubKeys
from partner_sdk.outbox import Outbox
from partner_sdk.verify_receipts import verify_receipts
from tests.http.conftest import Clock, RunningHub


@asynccontextmanager
async def hub_with(pool: Pool, key: Path, *, before: Path | None = None, port: int = 0) -> AsyncIterator[RunningHub]:
    clearing = Clearing(pool, clock=Clock())
    voucher = None if before is None else load_voucher(before)
    runner = make_runner(build_app(clearing, load_signer(key), voucher=voucher))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        _, port = runner.addresses[0]
        async with ClientSession() as session:
            yield RunningHub(f"127.0.0.1:{port}", pool, session, clearing, Clock())
    finally:
        # Also when a test fails: a pool waits for connections that are in use.
        await runner.cleanup()


async def test_a_key_that_the_old_one_vouches_for_is_taken_and_another_is_not(pool: Pool, tmp_path: Path) -> None:
    """With the key before, the list of keys is signed by it for who asks signed: the SDK takes the new key. Without it
    nobody vouches, and nothing that the new key signs is believed. Everybody else gets the list as ever."""
    old, new = tmp_path / "old.pem", tmp_path / "new.pem"
    async with hub_with(pool, old) as hub:
        shop, card = await hub.shop(), await hub.card()
        url, port = f"http://{hub.authority}", int(hub.authority.partition(":")[2])
        async with Coalition(url, shop.private_key, outbox=tmp_path / "outbox.sqlite") as till:
            await till.earn(card=card, points=5)
    async with (
        hub_with(pool, new, port=port),
        Coalition(url, shop.private_key, outbox=tmp_path / "outbox.sqlite") as till,
    ):
        with pytest.raises(HubKeyChangedError):
            await till.earn(card=card, points=5, id="kept")
    async with hub_with(pool, new, before=old, port=port) as hub:
        async with Coalition(url, shop.private_key, outbox=tmp_path / "outbox.sqlite") as till:
            assert (await till.earn(card=card, points=5)).balance == 15
        async with (
            hub.session.get(f"{url}/v1/keys") as plain,
            hub.session.get(f"{url}/v1/keys", headers={"Signature": "x=:AAAA:", "Signature-Input": "x=()"}) as unknown,
        ):
            assert (plain.status, unknown.status) == (200, 200)
            assert len((await plain.json())["keys"]) == 2
            assert not {"Signature"} & {*plain.headers, *unknown.headers}
    async with (
        hub_with(pool, new, port=port),
        Coalition(url, shop.private_key, outbox=tmp_path / "outbox.sqlite") as till,
    ):
        assert (await till.earn(card=card, points=5)).balance == 20


async def test_a_stolen_key_is_ended_and_signs_no_more(pool: Pool, tmp_path: Path) -> None:
    """The key in use can't be ended. One that was replaced is ended for the SDK when it next gathers evidence: what
    came before stays a receipt; what comes later is none, even with a signature that says it was made before."""
    old, new, outbox = tmp_path / "old.pem", tmp_path / "new.pem", tmp_path / "outbox.sqlite"
    stolen = load_signer(old).keyid
    async with hub_with(pool, old) as hub:
        shop, card = await hub.shop(), await hub.card()
        url, port = f"http://{hub.authority}", int(hub.authority.partition(":")[2])
        async with Coalition(url, shop.private_key, outbox=outbox) as till:
            await till.earn(card=card, points=5)
        for keyid, hub_key, refused in (
            (stolen, old, "expected a key that was replaced"),
            (stolen, tmp_path / "gone.pem", "expected the key that the hub signs with, no file"),
            ("nobody's", old, "neither a partner nor the hub has key"),
        ):
            with pytest.raises((SettingError, NotFoundError), match=refused):
                await end_key(pool, keyid=keyid, valid_until=datetime.now(UTC), hub_key=hub_key)
    async with hub_with(pool, new, before=old, port=port), Coalition(url, shop.private_key, outbox=outbox) as till:
        await till.earn(card=card, points=5)
    ended_at = await end_key(pool, keyid=stolen, valid_until=datetime.now(UTC), hub_key=new)
    assert await end_key(pool, keyid=stolen, valid_until=ended_at + timedelta(days=1), hub_key=new) == ended_at
    async with pool.acquire() as connection:
        # As a hub does that is started with it once more.
        await load_signer(old).publish(connection, now=ended_at)
    async with hub_with(pool, new, port=port) as hub, Coalition(url, shop.private_key, outbox=outbox) as till:
        await till.gather_evidence()
        async with hub.session.get(f"{url}/v1/keys") as listed:
            ends = {key["kid"]: key["valid_until"] for key in (await listed.json())["keys"]}
        assert ends == {stolen: ended_at.isoformat(), load_signer(new).keyid: None}
    with closing(Outbox(outbox)) as kept:
        assert verify_receipts(kept, hub_key=None).faults == ()
        keys, (receipt, _) = HubKeys(kept, named=None), next(iter(kept.receipts()))
        assert keys.verify(receipt).keyid == stolen
        with pytest.raises(HubKeyEndedError):
            keys.verify(replace(receipt, received_at=ended_at + timedelta(minutes=6)))


async def test_a_hub_does_not_start_with_a_key_that_nobody_believes(pool: Pool, tmp_path: Path) -> None:
    """Ended, or a key before with which the hub never signed: each is told with its variable, what may stand there and
    what came. The key in use may be named as the one before: so a replacement begins."""
    old, new, other = (tmp_path / f"{name}.pem" for name in ("old", "new", "other"))
    async with hub_with(pool, old), hub_with(pool, new, before=old):
        pass
    ended_at = await end_key(pool, keyid=load_signer(old).keyid, valid_until=datetime.now(UTC), hub_key=new)

    async def refusal(key: Path, *, before: Path | None = None) -> str:
        with pytest.raises(SettingError) as refused:
            async with hub_with(pool, key, before=before):
                pass
        return str(refused.value)

    asked = "hub_key_before (COALITION_HUB_KEY_BEFORE): expected the key that this hub signed with before, and that is"
    ended = f"{load_signer(old).keyid}, ended {ended_at.isoformat()}"
    assert await refusal(new, before=old) == f"{asked} not ended, or nothing, got {ended}"
    stranger = f"{load_signer(other).keyid}, with which it has never signed"
    assert await refusal(new, before=other) == f"{asked} not ended, or nothing, got {stranger}"
    assert await refusal(old) == (
        "hub_key (COALITION_HUB_KEY): expected a key that is not ended; make a new one, or name the file of the key "
        f"that replaced it, got {ended}"
    )
    async with hub_with(pool, new, before=new) as hub:
        shop, card = await hub.shop(), await hub.card()
        assert (await shop.earn(card, 5))["balance"] == 5


def test_a_key_file_that_can_not_be_read_is_told_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(
        SettingError, match=r"COALITION_HUB_KEY_BEFORE\): expected the PEM of a key, no file .*gone.pem"
    ):
        load_voucher(tmp_path / "gone.pem")
    with pytest.raises(SettingError, match=r"COALITION_HUB_KEY_BEFORE\): .*Is a directory"):
        load_voucher(tmp_path)
    with pytest.raises(
        SettingError, match=r"COALITION_HUB_KEY\): .*public.pem: .*expected .* got -----BEGIN PUBLIC KEY"
    ):
        load_signer(tmp_path / "public.pem")
