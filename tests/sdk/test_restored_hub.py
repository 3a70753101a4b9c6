"""A hub whose database was taken back to an earlier moment: what it signed since is told apart, and sent again."""

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_sdk import CheckedEvidence, Coalition, Earn, Outbox, verify_evidence
from partner_sdk.operation_file import read_operations
from partner_sdk.testing import FakeHub


@pytest.fixture
async def fake() -> AsyncIterator[FakeHub]:
    async with FakeHub(partner_public_key=KEY.public_key()) as fake:
        yield fake


KEY = Ed25519PrivateKey.generate()


def take_back_to(fake: FakeHub) -> Callable[[], None]:
    """Remember what the hub knows now; the function that is returned takes it back there."""
    moment = copy.deepcopy(fake._ledger)

    def take_back() -> None:
        fake._ledger = copy.deepcopy(moment)

    return take_back


def checked(path: Path) -> CheckedEvidence:
    with closing(Outbox(path)) as outbox:
        return verify_evidence(outbox, hub_key=None)


async def test_a_journal_that_lost_records_is_told_by_receipts_alone(fake: FakeHub, tmp_path: Path) -> None:
    """The partner kept no checkpoint after the moment: its receipts name leaves that the journal no longer has."""
    path, card = tmp_path / "shop.outbox.sqlite", fake.add_card()
    async with Coalition(fake.url, KEY, outbox=path) as hub:
        await hub.earn(card=card, points=1)
        take_back = take_back_to(fake)
        lost = await hub.earn(card=card, points=2)
        take_back()
        await hub.gather_evidence()
        # Booked and asked for within seconds: this may be a record that was committed after the checkpoint was read.
        assert (checked(path).unproved, checked(path).faults) == (1, ())
        fake.advance(120)
        await hub.earn(card=fake.add_card(), points=3, id="new")
        await hub.gather_evidence()
    (fault,) = checked(path).faults
    assert fault == f"operation {lost.id}: its result is not what lies at leaf {lost.leaf} of lane {lost.lane}"
    assert checked(path).proved == 2


async def test_a_record_beyond_a_later_checkpoint_is_a_fault(fake: FakeHub, tmp_path: Path) -> None:
    """The journal is still shorter than the receipts: both bear the hub's signature, and contradict each other."""
    path, card = tmp_path / "shop.outbox.sqlite", fake.add_card()
    async with Coalition(fake.url, KEY, outbox=path) as hub:
        await hub.earn(card=card, points=1)
        take_back = take_back_to(fake)
        lost = await hub.earn(card=card, points=2)
        take_back()
        fake.advance(120)
        await hub.gather_evidence()
    (fault,) = checked(path).faults
    assert fault.startswith(f"operation {lost.id}: it was booked at leaf {lost.leaf} of lane 0, and the checkpoint of")
    assert fault.endswith(f"has {lost.leaf} records there")


async def test_another_partners_record_at_the_place_of_ones_own_is_a_fault(fake: FakeHub, tmp_path: Path) -> None:
    """The hub names no message for it; the path is kept, and shows that something else lies there."""
    path, card = tmp_path / "shop.outbox.sqlite", fake.add_card()
    async with Coalition(fake.url, KEY, outbox=path) as hub:
        lost = await hub.earn(card=card, points=2)
        fake._ledger.journal.hashes[lost.leaf] = bytes(32)
        fake._ledger.journal.origins[lost.leaf] = None
        await hub.gather_evidence()
    assert checked(path).faults == (f"operation {lost.id}: its result is not what lies at leaf {lost.leaf} of lane 0",)


async def test_what_was_lost_is_booked_again_by_a_new_outbox(fake: FakeHub, tmp_path: Path) -> None:
    """Sent with the ids of before: what the hub still knows counts once, the rest is booked anew, and all is proved."""
    old, new, card = tmp_path / "before.sqlite", tmp_path / "shop.sqlite", fake.add_card()
    async with Coalition(fake.url, KEY, outbox=old) as hub:
        await hub.send(Earn(card=card, points=10 + number) for number in range(3))
        take_back = take_back_to(fake)
        await hub.send(Earn(card=card, points=20 + number) for number in range(3))
        take_back()
        assert [one.kind for one in (await hub.reconcile()).differences] == ["missing_at_hub"] * 3
    with closing(Outbox(old)) as outbox:
        (tmp_path / "again.jsonl").write_text("\n".join(body.decode() for body in outbox.bodies(state="booked")))
    async with Coalition(fake.url, KEY, outbox=new) as hub:
        again = await hub.send(read_operations(str(tmp_path / "again.jsonl"), new_ids=False, flags={}))
        assert [one.points for one in again] == [10, 11, 12, 20, 21, 22]
        assert (await hub.reconcile()).agrees
        await hub.gather_evidence()
        assert (await hub.balance(card)).available == 96
    assert (checked(new).proved, checked(new).faults) == (6, ())
