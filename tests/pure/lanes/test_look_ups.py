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
    await asyncio.sleep(0)
    assert loads == [{1}]
    go_on.set()
    assert await before == {1: 10}
    assert await asyncio.gather(*after) == [{1: 11}, {2: 20}, {}]
    assert loads == [{1}, {1, 2, 3}]


async def test_who_has_left_takes_nobody_with_him_and_an_error_is_told_to_those_who_asked_for_it() -> None:
    """A request that is cut off in a look-up, be it one that fails, leaves the others theirs; the next look-up goes
    on."""
    may_load = asyncio.Semaphore(0)

    async def load(accounts: set[int]) -> Mapping[int, int]:
        await may_load.acquire()
        if 13 in accounts:
            raise ConnectionError("gone")
        return {account: account * 10 for account in accounts}

    reads = LookUps(load)
    # The first of each is on its way when the others ask, who are answered together.
    for accounts, answers in (({2, 3}, [{2: 20}, {3: 30}]), ({13, 4}, ["gone", "gone"]), ({5, 6}, [{5: 50}, {6: 60}])):
        first = asyncio.create_task(reads.find({1}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        left, *stay = [asyncio.create_task(reads.find({account})) for account in (7, *sorted(accounts))]
        await asyncio.sleep(0)
        left.cancel()
        may_load.release()
        may_load.release()
        async with asyncio.timeout(10):
            assert await first == {1: 10}
            found = await asyncio.gather(*stay, return_exceptions=True)
        assert [str(one) if isinstance(one, Exception) else one for one in found] == answers
