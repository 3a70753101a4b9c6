"""Partner and operator are warned when prepaid points run low: once for each time, whoever sends."""

import asyncio
from typing import Any

from coalition.database.pool import Pool
from settlement.operations.follow_calendar import follow_calendar
from settlement.operations.manage_legal_party import set_legal_party
from settlement.operations.manage_prepaid import buy_block, set_prepaid_rule
from settlement.pages.prepaid_mail import send_low_blocks_mails
from settlement.stores.prepaid import PrepaidRule
from tests.http.conftest import now
from tests.pages.conftest import RunningSite


async def write_party(pool: Pool, partner: int | None, name: str, **more: Any) -> None:
    fields = {"legal_name": name, "street": "Ring 1", "post_code": "50667", "town": "Köln", "country": "DE", **more}
    await set_legal_party(pool, partner, fields, now=now(), actor="test")


async def test_a_crossing_is_told_once_and_the_next_one_again(site: RunningSite) -> None:
    """By the calendar's minute, from two hubs at once; who has no address yet is told when it has one."""
    hub, pool = site.hub, site.hub.pool
    shop, card = await hub.shop("Bakery", funding="prepaid"), await hub.card()
    await write_party(pool, 1, "Bakery GmbH", email="kasse@bakery.example", language="de")
    await buy_block(pool, 1, 10_000, now=now(), actor="test")
    await set_prepaid_rule(pool, 1, PrepaidRule("billed", 5_000), now=now(), actor="test")

    async def minute() -> int:
        """Two hubs notice, and tell."""
        await asyncio.gather(*(follow_calendar(pool, clock=hub.clock) for _ in range(2)))
        return sum(await asyncio.gather(*(send_low_blocks_mails(site.pages) for _ in range(2))))

    assert await minute() == 0
    await shop.earn(card, 5_000)
    assert await minute() == 0
    earned = await shop.earn(card, 1)
    assert await minute() == 1
    mail = await site.mailbox.next()
    assert (mail["To"], mail["Subject"]) == ("kasse@bakery.example", "Vorausbezahlte Punkte von Bakery: noch 4.999")
    assert "weniger als 5.000, ab denen Sie gewarnt werden" in mail.get_content()
    await write_party(pool, None, "Coalition GmbH", email="finance@coalition.example")
    await shop.earn(card, 100)
    assert await minute() == 1
    mail = await site.mailbox.next()
    assert (mail["To"], mail["Subject"]) == ("finance@coalition.example", "Prepaid points of Bakery: 4,999 left")
    assert 'coalition prepaid buy "Bakery" POINTS' in mail.get_content()
    assert await minute() == 0

    await shop.reverse(card, earned["id"])
    await buy_block(pool, 1, 100, now=now(), actor="test")
    assert await minute() == 0
    assert await pool.fetchval("SELECT count(*) FROM prepaid_warning WHERE ended_at IS NOT NULL") == 1
    await shop.earn(card, 1)
    assert await minute() == 2
    assert {(await site.mailbox.next())["To"] for _ in range(2)} == {
        "kasse@bakery.example",
        "finance@coalition.example",
    }
