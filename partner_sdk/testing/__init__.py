"""For partners' own tests: a hub in memory that answers over HTTP as the real one does.

async with FakeHub(partner_public_key=key.public_key()) as fake:
    async with Coalition(fake.url, key, outbox=tmp_path / "outbox.sqlite") as hub:
        card = fake.add_card(points=500)
        held = await hub.reserve(card=card, points=300)
        fake.advance(901)  # its clock alone: the hold has timed out
"""

from partner_sdk.testing.fake_hub import FakeHub

__all__ = ["FakeHub"]
