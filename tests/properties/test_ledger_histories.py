"""Whatever shops send, in any order, cut into any batches: the ledger and a naive auditor agree, and the sums hold."""

import json
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from coalition.journal.record import record_hash
from coalition.ledger.batch import Command
from coalition.ledger.decision import shares_between
from coalition.ledger.expiry import ExpiryRule
from partner_sdk import returned_points
from tests.properties.auditor import Auditor
from tests.properties.histories import STEPS, TODAY, History, example_certificates, example_partners, example_promotions
from tests.properties.lane_tables import assert_sums_hold
from tests.properties.memory_lane import MemoryLane
from tests.pure.journal.naive_merkle import tree_hash

ACCOUNTS = [7, 8]
# Points of each promotion: enough for a few earns.
BUDGET = 60


def without_moment(result: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result)
    document.pop("booked_at", None)
    return document


class LedgerHistory(RuleBasedStateMachine):
    """Operations wait, are booked in batches of any size, and windows close in between. A second lane books each
    operation in a batch of its own: where batches are cut must not show."""

    def __init__(self) -> None:
        super().__init__()
        promotions = example_promotions()
        certificates = example_certificates(ACCOUNTS)
        self.auditor = Auditor(lane=0, promotions=promotions, budget=BUDGET, certificates=certificates)
        self.batched, self.single = (
            MemoryLane(ACCOUNTS, promotions=promotions, budget=BUDGET, certificates=certificates) for _ in range(2)
        )
        self.waiting: list[Command] = []
        self.now = TODAY
        self.history = History(
            accounts=ACCOUNTS, partners=example_partners(), promotions=promotions, certificates=certificates
        )

    # By seed, since chance itself mixes operations better than a search that prefers small numbers.
    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 8))
    def operations_arrive(self, seed: int, count: int) -> None:
        self.waiting += self.history.take(count, Random(seed), self.now)

    @precondition(lambda self: self.waiting)
    @rule(step=st.sampled_from(STEPS))
    def a_batch_is_booked(self, step: timedelta) -> None:
        self.now += step
        expected = [self.auditor.expect(command, self.now) for command in self.waiting]
        assert [without_moment(result) for result in self.batched.book(self.waiting, self.now)] == expected
        assert [without_moment(self.single.book([command], self.now)[0]) for command in self.waiting] == expected
        self.waiting = []

    @rule()
    def the_window_is_closed(self) -> None:
        for book in (self.auditor, self.batched, self.single):
            book.close()

    @invariant()
    def the_books_agree_and_the_sums_hold(self) -> None:
        tables = self.batched.tables()
        assert tables == self.auditor.tables(ACCOUNTS)
        assert tables == self.single.tables()
        assert_sums_hold(tables)

    def teardown(self) -> None:
        """The frontier is the root of all records, as whoever has the journal recomputes it."""
        entries = [
            (record.message or bytes(32)) + (record.message_index or 0).to_bytes(4, "big") + record.result.encode()
            for record in self.batched.journal
        ]
        assert self.batched.frontier.root() == tree_hash(entries)


@pytest.mark.parametrize("seed", range(60))
def test_long_histories_agree_with_the_auditor(seed: int) -> None:
    """Long enough for what takes several steps: points that expire while they are on hold, or come back by grace."""
    random = Random(seed)
    promotions = example_promotions() if seed % 2 else []
    certificates = example_certificates(ACCOUNTS)
    history, auditor, lane = (
        History(accounts=ACCOUNTS, partners=example_partners(), promotions=promotions, certificates=certificates),
        Auditor(lane=0, promotions=promotions, budget=BUDGET, certificates=certificates),
        MemoryLane(ACCOUNTS, promotions=promotions, budget=BUDGET, certificates=certificates),
    )
    now = TODAY
    for _ in range(25):
        now += random.choice(STEPS)
        batch = history.take(random.randint(1, 8), random, now)
        expected = [auditor.expect(command, now) for command in batch]
        assert [without_moment(result) for result in lane.book(batch, now)] == expected
    assert lane.tables() == auditor.tables(ACCOUNTS)
    assert_sums_hold(lane.tables())


LedgerHistory.TestCase.settings = settings(max_examples=100, stateful_step_count=24)
TestLedgerHistory = LedgerHistory.TestCase


@given(
    st.integers(1, 10**9),
    st.lists(st.decimals("0.01", "9999", places=2), min_size=1, max_size=12),
)
def test_returns_of_a_whole_sale_undo_exactly_its_points(points: int, pieces: list[Decimal]) -> None:
    """In whatever pieces the goods come back; and never more than the piece's due, rounded up."""
    amount, before, undone = sum(pieces), Decimal(0), []
    for piece in pieces:
        undone.append(returned_points(points, amount=Decimal(amount), returned_before=before, returned_now=piece))
        before += piece
        assert undone[-1] >= 0
        assert abs(sum(undone) * amount - before * points) <= Decimal(amount) / 2
    assert sum(undone) == points


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=8), st.lists(st.integers(0, 8_000), max_size=12))
def test_shares_cut_anywhere_add_up(points: list[int], cuts: list[int]) -> None:
    shares = tuple((str(number), share) for number, share in enumerate(points))
    total = sum(points)
    edges = [0, *sorted(min(cut, total) for cut in cuts), total]
    undone: dict[str, int] = {}
    for start, end in pairwise(edges):
        cut = shares_between(shares, start=start, end=end)
        assert sum(share for _, share in cut) == end - start
        for rate, share in cut:
            undone[rate] = undone.get(rate, 0) + share
    assert undone == dict(shares)


@given(st.dates(), st.integers(1, 240))
def test_points_live_at_least_so_many_months_and_end_with_one(sold_on: Any, months: int) -> None:
    if sold_on.year + 21 > 9999:
        return
    gone = ExpiryRule("end_of_month", months).of_sale(sold_on)
    assert gone is not None
    assert gone.day == 1
    assert (gone.year * 12 + gone.month) - (sold_on.year * 12 + sold_on.month) == months + 1


def test_a_leaf_of_the_journal_is_bound_to_its_record() -> None:
    """The machine above recomputes leaves without our function; both say the same."""
    assert record_hash(message=None, index=None, result="x") == tree_hash([bytes(36) + b"x"])
