"""How long a newcomer would wait, and when that is too long: told by a clock that the test moves."""

from contextlib import AbstractContextManager, ExitStack
from random import Random

import pytest

from coalition.errors import OverloadedError
from coalition.lanes.backlog import (
    CROWD,
    CROWD_WHILE_REFUSING,
    REFUSING_S,
    RETRY_AFTER_MAX_S,
    RETRY_AFTER_UNKNOWN_S,
    SLOW_REQUESTS,
    TELL_EVERY_S,
    WAIT_MAX_S,
    Backlog,
)
from coalition.lanes.shares import Shares


class Hub:
    """Requests of so many operations come to a backlog, and are answered in their order."""

    def __init__(self, operations: int = 1) -> None:
        self.now_s = 1_000.0
        self.backlog = Backlog(seconds=lambda: self.now_s)
        self.waiting: list[ExitStack] = []
        self.refusals: list[OverloadedError] = []
        self._operations = operations

    def come(self, count: int, *, partner: int | None = 1) -> int:
        """Return how many of them were taken, which say that they are this partner's."""
        before = len(self.waiting)
        for _ in range(count):
            try:
                self.backlog.refuse_late(lambda: partner)
            except OverloadedError as error:
                self.refusals.append(error)
                continue
            with ExitStack() as entered:
                assert partner is not None, "who is let in is a partner"
                entered.enter_context(self.backlog.request(partner))
                entered.enter_context(self.backlog.of_operations(self._operations, partner=partner))
                self.waiting.append(entered.pop_all())
        return len(self.waiting) - before

    def answer(self, count: int) -> None:
        for _ in range(min(count, len(self.waiting))):
            self.waiting.pop(0).close()

    def run(self, seconds: float, *, come_per_s: int, answered_per_s: int) -> None:
        """Let time pass in steps of 10 ms."""
        for _ in range(round(seconds * 100)):
            self.now_s += 0.01
            self.come(come_per_s // 100)
            self.answer(answered_per_s // 100)


def test_load_that_can_be_answered_is_never_refused() -> None:
    """Nor is a burst to a hub with little to do, however slow its rate until then was."""
    hub = Hub()
    hub.run(3, come_per_s=900, answered_per_s=1_000)
    hub.run(3, come_per_s=100, answered_per_s=1_000)
    assert hub.come(150) == 150
    hub.run(2, come_per_s=100, answered_per_s=1_000)
    assert hub.refusals == []


@pytest.mark.parametrize("answered_per_s", [1_000, 4_000])
def test_three_times_the_load_is_cut_to_what_can_be_answered_soon(answered_per_s: int) -> None:
    """What is taken waits for 0.06 s, or is a small crowd; the hub never idles; afterwards all is as before."""
    hub = Hub()
    hub.run(3, come_per_s=3 * answered_per_s, answered_per_s=answered_per_s)
    small = CROWD_WHILE_REFUSING
    assert len(hub.waiting) <= max(small.requests, small.wait_max_s * answered_per_s) + 3 * answered_per_s // 100
    assert len(hub.waiting) >= small.requests - answered_per_s // 100
    assert len(hub.refusals) >= 3 * answered_per_s * 1.9

    # What waits when the rush ends is answered first.
    hub.run(0.2, come_per_s=answered_per_s // 2, answered_per_s=answered_per_s)
    refused = len(hub.refusals)
    hub.run(5, come_per_s=answered_per_s // 2, answered_per_s=answered_per_s)
    assert (len(hub.refusals), hub.waiting) == (refused, [])


def test_retry_after_follows_from_what_was_turned_away_and_the_rate() -> None:
    """The first are told to come at once, the later the longer: when as many as were refused can have been answered."""
    hub = Hub()
    hub.run(6, come_per_s=3_000, answered_per_s=1_000)
    told = [refusal.retry_after_s for refusal in hub.refusals]
    assert told[0] == 1
    assert told[::2_000] == sorted(told[::2_000])
    # Six seconds of 2,000 too many a second, and those that wait.
    assert told[-1] in (12, 13)

    hub.run(12, come_per_s=3_000, answered_per_s=1_000)
    assert hub.refusals[-1].retry_after_s in (20, 21)
    hub.run(2, come_per_s=30_000, answered_per_s=1_000)
    assert hub.refusals[-1].retry_after_s == RETRY_AFTER_MAX_S


def test_a_hub_that_answers_nothing_takes_a_crowd_and_no_more() -> None:
    """Whatever holds it up; how long that lasts nobody knows, and nobody is told that he does."""
    hub = Hub()
    hub.run(1, come_per_s=1_000, answered_per_s=0)
    assert CROWD.requests <= len(hub.waiting) < 2 * CROWD.requests
    assert {refusal.retry_after_s for refusal in hub.refusals} == {RETRY_AFTER_UNKNOWN_S}


def test_a_few_full_messages_may_wait_for_longer_but_not_for_ever() -> None:
    """Sixteen outboxes that send 500 operations each are no crowd; where they take 10 s they are too much."""
    hub = Hub(operations=500)
    hub.come(16)
    hub.run(1, come_per_s=0, answered_per_s=0)
    assert hub.come(1) == 1
    hub.now_s += WAIT_MAX_S
    assert hub.come(1) == 0


def test_full_messages_are_a_crowd_by_their_operations() -> None:
    """At 100,000 operations a second two dozen messages of 500 wait for 0.13 s, and go on; a dozen more are too many,
    few requests as they are."""
    hub = Hub(operations=500)
    hub.come(SLOW_REQUESTS)
    hub.run(3, come_per_s=200, answered_per_s=200)
    assert hub.come(18) == 18
    hub.run(1, come_per_s=200, answered_per_s=200)
    assert hub.refusals == []
    assert 0 < hub.come(12) < 12


def test_a_rush_is_measured_by_what_it_is_answered_itself() -> None:
    """Half a second after many quiet ones the hub is no faster for what it did in those."""
    hub = Hub()
    hub.run(3, come_per_s=900, answered_per_s=1_000)
    hub.run(0.5, come_per_s=3_000, answered_per_s=1_000)
    assert len(hub.waiting) <= CROWD.wait_max_s * 1_000 + 30


def test_tills_that_wait_no_longer_than_they_may_are_never_thinned_out() -> None:
    """A hundred that wait 0.13 s each are taken for good; once too many came, fewer are let in until no more do."""
    hub = Hub()
    hub.come(SLOW_REQUESTS)
    hub.run(5, come_per_s=1_000, answered_per_s=1_000)
    hub.come(110)
    hub.run(5, come_per_s=1_000, answered_per_s=1_000)
    assert hub.refusals == []
    assert len(hub.waiting) > CROWD_WHILE_REFUSING.wait_max_s * 1_000

    hub.run(1, come_per_s=2_000, answered_per_s=1_000)
    refused = len(hub.refusals)
    assert refused > 0
    assert len(hub.waiting) <= CROWD_WHILE_REFUSING.wait_max_s * 1_000 + 30
    hub.run(REFUSING_S + 1, come_per_s=900, answered_per_s=1_000)
    assert len(hub.refusals) == refused
    assert hub.come(100) == 100


def test_a_hub_that_stops_answering_is_waited_for_from_its_last_answer_on() -> None:
    """However long it was busy before."""
    hub = Hub()
    hub.come(20)
    hub.run(60, come_per_s=100, answered_per_s=100)
    hub.now_s += WAIT_MAX_S - 1
    assert hub.come(1) == 1
    hub.now_s += 2
    assert hub.come(1) == 0


def test_a_few_slow_requests_are_no_overload() -> None:
    """A reconciliation may take its time: those behind it are answered as ever."""
    hub = Hub()
    slow: list[AbstractContextManager[None]] = [hub.backlog.request(1) for _ in range(SLOW_REQUESTS)]
    for request in slow:
        request.__enter__()
    hub.now_s += 60
    hub.run(5, come_per_s=100, answered_per_s=1_000)
    assert hub.come(CROWD.requests * 2) == CROWD.requests * 2
    assert hub.refusals == []


def test_more_operations_than_may_wait_are_refused_whatever_the_rate() -> None:
    backlog = Backlog(operations_max=1_000)
    with backlog.of_operations(600, partner=1), pytest.raises(OverloadedError), backlog.of_operations(401, partner=2):
        pass
    with backlog.of_operations(1_000, partner=2):
        assert backlog.operations == 1_000
    assert backlog.operations == 0


@pytest.mark.parametrize(("operations", "per_s"), [(1, 1_000), (500, 100)])
def test_one_partners_flood_turns_away_its_own_requests_and_nobody_elses(operations: int, per_s: int) -> None:
    """Single messages or full ones, of a partner that asks for a twentieth of the hub; who is unknown is refused with
    the flood. Who begins a flood of his own is let in as far as a fair share goes."""
    hub = Hub(operations)
    for _ in range(60):
        hub.run(20 / per_s, come_per_s=3 * per_s, answered_per_s=per_s)
        assert hub.come(1, partner=2) == 1
    assert len(hub.refusals) > 1_000
    small = CROWD_WHILE_REFUSING
    assert len(hub.waiting) <= 2 * max(small.requests, small.wait_max_s * per_s)

    hub.come(200)
    assert (hub.come(1, partner=None), hub.come(1, partner=1)) == (0, 0)
    assert 0 < hub.come(200, partner=3) < small.requests
    assert hub.come(1, partner=4) == 1


@pytest.mark.parametrize(("operations", "come", "answered_at_once"), [(1, 30, 50), (500, 2, 3)])
def test_where_all_flood_alike_as_many_wait_as_if_one_did(operations: int, come: int, answered_at_once: int) -> None:
    """By chance some have less in the queue than others: that is no reason to let it grow."""
    longest: list[int] = []
    for partners in (1, 5, 20, 100):
        hub, random, waiting = Hub(operations), Random(1), []
        for step in range(3_000):
            hub.now_s += 0.01
            for _ in range(come):
                hub.come(1, partner=random.randrange(partners))
            waiting.append(len(hub.waiting))
            if step % 5 == 0:
                hub.answer(random.randint(answered_at_once // 2, answered_at_once * 3 // 2))
        longest.append(max(waiting[200:]))
    assert max(longest) <= 1.1 * longest[0]


def test_a_hub_that_answers_nothing_for_long_lets_nobody_in() -> None:
    """However little it has sent."""
    hub = Hub()
    hub.come(CROWD.requests)
    hub.now_s += WAIT_MAX_S - 1
    assert hub.come(1, partner=2) == 1
    hub.now_s += 2
    assert hub.come(1, partner=3) == 0


def test_little_is_a_third_of_an_equal_share() -> None:
    """With the next request, as large as those that wait. Nothing is kept of whom nothing waits."""
    shares = Shares()
    shares.add(1, requests=50, work=1_000)
    shares.add(2, requests=8, work=160)
    # Of 1,160 in 58 requests two have 580 each, three 387.
    assert (shares.has_little(1), shares.has_little(2), shares.has_little(3)) == (False, True, True)
    shares.add(2, requests=1, work=20)
    assert not shares.has_little(2)
    shares.add(2, requests=-9, work=-180)
    assert len(shares) == 1


def test_few_are_as_many_as_have_the_bulk_of_the_work() -> None:
    """Three that share it are few, four are not; nor does it count who has next to nothing."""
    shares = Shares()
    for partner in (1, 2, 3):
        shares.add(partner, requests=10, work=1_000)
    assert shares.are_of_few
    shares.add(4, requests=1, work=20)
    assert shares.are_of_few
    shares.add(4, requests=9, work=980)
    assert not shares.are_of_few
    for partner in (1, 2, 3, 4):
        shares.add(partner, requests=-10, work=-1_000)
    assert not shares.are_of_few
    shares.add(5, requests=1, work=7)
    assert shares.are_of_few


def test_who_fills_the_queue_is_told_once_a_minute() -> None:
    hub = Hub()
    assert hub.backlog.who_fills_it() is None
    hub.come(3)
    hub.come(5, partner=2)
    assert hub.backlog.who_fills_it() == (2, 5)
    hub.now_s += TELL_EVERY_S - 1
    assert hub.backlog.who_fills_it() is None
    hub.answer(8)
    hub.come(1)
    hub.now_s += 1
    assert hub.backlog.who_fills_it() == (1, 1)
