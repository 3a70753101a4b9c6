"""An outbox in the hands of another key: of the same partner after a rotation, or of another partner by mistake."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.operations.manage_partner import add_key
from coalition.signatures.keys import public_key_pem
from partner_sdk import Coalition, Earn, Outbox, OutboxError, OutboxKeyError, RefusedError, thumbprint
from tests.contract.conftest import whole_hub as whole_hub
from tests.http.conftest import RunningHub, now


async def test_what_one_partner_saved_never_goes_as_another_and_goes_on_by_its_own_next_key(
    whole_hub: RunningHub, tmp_path: Path
) -> None:
    """Proved by an operation that both keys can look up; ids that two partners share by chance prove nothing."""
    owner, other = await whole_hub.shop("Owner"), await whole_hub.shop("Other")
    card, following = await whole_hub.card(), Ed25519PrivateKey.generate()

    def till(key: Ed25519PrivateKey, outbox: str = "till") -> Coalition:
        return Coalition(f"http://{whole_hub.authority}", key, outbox=tmp_path / f"{outbox}.sqlite")

    async def booked() -> list[str]:
        rows = await whole_hub.pool.fetch("SELECT operation_id FROM journal WHERE partner = 1 ORDER BY leaf")
        return [row["operation_id"] for row in rows]

    async with till(owner.private_key) as hub:
        hub.put(Earn(card=card, points=1, id="before-any-answer"))
    # Nothing has been decided, so that nobody can tell.
    async with till(other.private_key) as hub:
        with pytest.raises(OutboxKeyError, match="has decided nothing by that") as refusal:
            await hub.flush()
        assert not refusal.value.is_other_partner
    async with till(owner.private_key) as hub:
        await hub.earn(card=card, points=1, id="sale-1")
        hub.put(Earn(card=card, points=2, id="sale-2"))
    async with till(other.private_key, "own") as hub:
        await hub.earn(card=card, points=1, id="sale-1")
    async with till(other.private_key) as hub:
        sale = {"card": card, "points": 5, "id": "sale-of-the-other"}
        for send in (
            hub.flush,
            lambda: hub.earn(**sale),
            lambda: hub.adopt(thumbprint(owner.private_key.public_key())),
        ):
            with pytest.raises(OutboxKeyError) as refusal:
                await send()
            assert refusal.value.is_other_partner
        assert refusal.value.saved_by == thumbprint(owner.private_key.public_key())
        assert refusal.value.keyid == thumbprint(other.private_key.public_key())
    assert await booked() == ["before-any-answer", "sale-1"]

    # What both have saved in one file goes on in a file of each.
    mixed = Outbox(tmp_path / "till.sqlite")
    (misplaced,) = mixed.bodies(state="waiting", keyid=refusal.value.keyid)
    assert json.loads(misplaced)["id"] == "sale-of-the-other"
    with mixed.transaction() as connection:
        connection.execute("DELETE FROM operation WHERE id = 'sale-of-the-other'")
    mixed.close()

    await add_key(whole_hub.pool, name="Owner", key_pem=public_key_pem(following.public_key()), valid_from=now())
    await whole_hub.clearing.registry.load()
    async with till(following) as hub:
        assert (await hub.flush()).booked == 1
        hub.put(Earn(card=card, points=3, id="sale-3"))
    async with till(owner.private_key) as hub:
        assert (await hub.earn(card=card, points=4, id="sale-4")).points == 4
    assert await booked() == ["before-any-answer", "sale-1", "sale-2", "sale-3", "sale-4"]


@pytest.mark.parametrize("is_refused", [True, False])
async def test_what_was_saved_before_anything_was_booked_goes_by_the_next_key(
    whole_hub: RunningHub, tmp_path: Path, is_refused: bool
) -> None:
    """A refusal is a decision that the hub tells again; where it has taken none, a person names the earlier key."""
    shop, following = await whole_hub.shop(), Ed25519PrivateKey.generate()
    card, saved_by = await whole_hub.card(), thumbprint(shop.private_key.public_key())

    def till(key: Ed25519PrivateKey) -> Coalition:
        return Coalition(f"http://{whole_hub.authority}", key, outbox=tmp_path / "till.sqlite")

    async with till(shop.private_key) as hub:
        if is_refused:
            with pytest.raises(RefusedError):
                await hub.burn(card=card, points=1)
        hub.put(Earn(card=card, points=5))
    await add_key(whole_hub.pool, name="Shop", key_pem=public_key_pem(following.public_key()), valid_from=now())
    await whole_hub.clearing.registry.load()
    async with till(following) as hub:
        if not is_refused:
            with pytest.raises(OutboxKeyError) as refusal:
                await hub.flush()
            with pytest.raises(OutboxError, match="nothing waits"):
                await hub.adopt(hub.keyid)
            assert await hub.adopt(refusal.value.saved_by) == 1
        assert (await hub.flush()).booked == 1
        with pytest.raises(OutboxError, match="nothing waits"):
            await hub.adopt(saved_by)
        assert (await hub.balance(card)).balance == 5


@pytest.mark.parametrize("moment", ["other_keys", "has_waiting_of"])
@pytest.mark.parametrize("call", ["flush", "earn"])
async def test_what_another_partner_saves_while_its_file_is_looked_at_is_not_sent(
    whole_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, moment: str
) -> None:
    """Two tills of two partners in one file by mistake, each at work: what one saves between the other's question whose
    all of it is and its sending is still nobody else's."""
    owner, other, card = await whole_hub.shop("Owner"), await whole_hub.shop("Other"), await whole_hub.card()
    keyid, path = thumbprint(owner.private_key.public_key()), tmp_path / "till.sqlite"
    look = getattr(Outbox, moment)
    async with Coalition(f"http://{whole_hub.authority}", owner.private_key, outbox=path) as hub:
        await hub.earn(card=card, points=1)

    def save_after(outbox: Outbox, *asked: str) -> object:
        seen = look(outbox, *asked)
        with closing(Outbox(path)) as of_owner:
            of_owner.put([Earn(card=card, points=5, id="owners-sale")], now=now(), keyid=keyid)
        return seen

    async with Coalition(f"http://{whole_hub.authority}", other.private_key, outbox=path) as hub:
        if moment == "other_keys":
            # It finds that nothing of the owner's waits, and looks no more until something does.
            await hub.flush()
        with monkeypatch.context() as patched:
            patched.setattr(Outbox, moment, save_after)
            await (hub.flush() if call == "flush" else hub.earn(card=card, points=7))
        assert await hub.operation("owners-sale") is None
    with closing(Outbox(path)) as kept:
        entry = kept.entry("owners-sale")
        assert (entry.state, entry.saved_by) == ("waiting", keyid)
        assert keyid in kept.other_keys("")
