"""What is looked up for many at once is as fresh as if each had looked alone."""

import asyncio
from collections.abc import Mapping

from coalition.lanes.look_ups import LookUps


async def test_who_asks_while_a_look_up_is_on_its_way_gets_what_was_committed_before_the_question() -> None:
    """A till that has just been told of a booking reads a balance with it, however many others read at that moment."""
    balances = {1: 10, 2: 20}
    loads: list[set[int]] = []
    go_on = asyncio.Event()

    async def load(accounts: set[int]) -> Mapping[int, int]:
        loads.append(accounts)
        seen = {account: balances[account] for account in accounts if account in balances}
        await go_on.wait()
        return seen

    reads = LookUps(load)
    before = asyncio.create_task(reads.find({1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    balances[1] = 11
    after = [asyncio.create_task(reads.find({account})) for account in (1, 2, 3)]
    await asyncio.sleep(0)
    go_on.set()
    assert await before == {1: 10}
    assert await asyncio.gather(*after) == [{1: 11}, {2: 20}, {}]
    assert loads == [{1}, {1, 2, 3}]
