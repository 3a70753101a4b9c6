"""What must hold for any window: it adds up to zero, in any order, and no remainder is lost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement.documents.statement_json import read_json, write_json
from settlement.engine.money import split_by_largest_remainder
from settlement.engine.netting import net_out
from settlement.engine.terms import Terms
from settlement.engine.tie_out import LaneGrowth, tie_out
from settlement.engine.total import KINDS, WindowTotal
from tests.pure.settlement.examples import EUR, make_rich_statement, make_terms, priced

PARTNERS = range(1, 5)

# A busy machine is slow, not wrong.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

prices = st.decimals(0, 10, places=6)
fractions = st.decimals(0, 1, places=6)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any)


def minutes_after_new_year(minutes: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)


@st.composite
def all_terms(draw: st.DrawFn) -> tuple[Terms, ...]:
    """Two versions for each partner, so that reversals may be of other prices than the rest."""
    return tuple(
        make_terms(
            partner,
            version,
            issue_price=draw(prices),
            service_fee=draw(prices),
            redemption_price=draw(prices),
            commission=draw(fractions),
            platform_fee=draw(st.decimals(0, 1000, places=2)),
        )
        for partner in PARTNERS
        for version in (1, 2)
    )


window_totals = st.builds(
    WindowTotal,
    partner=st.sampled_from(PARTNERS),
    kind=st.sampled_from(KINDS),
    terms_version=st.sampled_from((1, 2)),
    points=st.integers(0, 10**15),
    operations=st.integers(0, 10**6),
    first_occurred_at=st.integers(-(10**6), 0).map(minutes_after_new_year),
    last_occurred_at=st.integers(0, 10**6).map(minutes_after_new_year),
    vat_rate=st.sampled_from((None, Decimal(7), Decimal(19))),
)


@unhurried
@given(st.lists(window_totals, max_size=30), all_terms())
def test_partners_nets_less_the_operators_share_are_zero(totals: list[WindowTotal], terms: tuple[Terms, ...]) -> None:
    """And the payments are those nets, each partner at most once."""
    netting = net_out(priced(totals, *terms, platform=True), EUR)
    assert sum(position.net for position in netting.positions) - netting.operator.total == 0
    signed = {pay.partner: pay.amount if pay.direction == "to_operator" else -pay.amount for pay in netting.payments}
    assert len(signed) == len(netting.payments)
    assert signed == {position.partner: position.net for position in netting.positions if position.net}


@unhurried
@given(st.lists(window_totals, max_size=30), all_terms(), st.randoms(use_true_random=False))
def test_the_order_of_totals_changes_nothing(
    totals: list[WindowTotal], terms: tuple[Terms, ...], random: Random
) -> None:
    shuffled = random.sample(totals, len(totals))
    assert priced(shuffled, *terms) == priced(totals, *terms)


@unhurried
@given(st.lists(window_totals, max_size=30), all_terms())
def test_a_net_is_the_formula_within_half_a_cent_a_line(totals: list[WindowTotal], terms: tuple[Terms, ...]) -> None:
    """An auditor with exact fractions and no notion of lines comes to the same."""
    terms_of = {(version.partner, version.version): version for version in terms}
    exact = dict.fromkeys(PARTNERS, Fraction(0))
    for total in totals:
        version = terms_of[total.partner, total.terms_version]
        issue = Fraction(version.issue_price) + Fraction(version.service_fee)
        redemption = Fraction(version.redemption_price) * (1 - Fraction(version.commission))
        each = {"issued": issue, "issue_reversed": -issue, "redeemed": -redemption, "redeem_reversed": redemption}
        exact[total.partner] += total.points * each[total.kind]
    lines = priced(totals, *terms)
    for position in net_out(lines, EUR).positions:
        most = Fraction(1, 200) * len(lines[position.partner])
        assert abs(Fraction(position.net) - exact[position.partner]) <= most


@unhurried
@given(st.lists(window_totals, max_size=30), all_terms())
def test_every_operation_is_on_exactly_one_line(totals: list[WindowTotal], terms: tuple[Terms, ...]) -> None:
    counted = sum(line.operations for lines in priced(totals, *terms).values() for line in lines)
    assert counted == sum(total.operations for total in totals)


@unhurried
@given(st.lists(window_totals, max_size=30), all_terms())
def test_what_is_issued_and_taken_back_costs_nothing(totals: list[WindowTotal], terms: tuple[Terms, ...]) -> None:
    """A reversal of everything, at its originals' prices, brings every net to zero without a cent left over."""
    undone = {"issued": "issue_reversed", "redeemed": "redeem_reversed"}
    originals = [total for total in totals if total.kind in undone]
    reversals = [
        WindowTotal(
            partner=total.partner,
            kind=undone[total.kind],
            terms_version=total.terms_version,
            points=total.points,
            operations=1,
            first_occurred_at=total.first_occurred_at,
            last_occurred_at=total.last_occurred_at,
        )
        for total in originals
    ]
    assert all(position.net == 0 for position in net_out(priced(originals + reversals, *terms), EUR).positions)


@unhurried
@given(st.decimals(-(10**9), 10**9, places=2), weights)
def test_a_split_drops_no_remainder(amount: Decimal, ratio: list[int]) -> None:
    """The parts add up, each is within a minor unit of its due, and no weight means no part."""
    parts = split_by_largest_remainder(amount, ratio, EUR)
    assert sum(parts) == amount
    for part, weight in zip(parts, ratio, strict=True):
        assert abs(Fraction(part) - Fraction(amount) * weight / sum(ratio)) < Fraction(1, 100)
        assert weight or part == 0


@unhurried
@given(st.lists(st.tuples(st.integers(0, 3), window_totals), max_size=20), st.integers(0, 10**15), prices)
def test_a_window_ties_out_with_balances_kept_by_another_book(
    booked: list[tuple[int, WindowTotal]], before: int, point_value: Decimal
) -> None:
    signs = {"issued": 1, "redeemed": -1, "issue_reversed": -1, "redeem_reversed": 1}
    after = dict.fromkeys(range(4), before)
    totals: dict[int, list[WindowTotal]] = {lane: [] for lane in range(4)}
    for lane, total in booked:
        after[lane] += signs[total.kind] * total.points
        totals[lane].append(total)
    growths = [LaneGrowth(lane=lane, points_before=before, points_after=after[lane]) for lane in range(4)]
    assert tie_out(1, totals, growths, point_value=point_value).points == sum(after.values()) - 4 * before


@unhurried
@given(st.lists(window_totals, max_size=12), all_terms())
def test_a_statement_reads_back_from_its_json(totals: list[WindowTotal], terms: tuple[Terms, ...]) -> None:
    own = [total for total in totals if total.partner == 1]
    statement = make_rich_statement(partner=1, lines=priced(own, *terms).get(1, ()), totals=own)
    content = write_json(statement)
    assert read_json(content) == statement
    assert write_json(read_json(content)) == content
