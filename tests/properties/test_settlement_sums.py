"""What must hold for any window: it adds up to zero, in any order, and no remainder is lost."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement.documents.statement_json import read_json, write_json
from settlement.engine.bill import WindowBooks, bill
from settlement.engine.claims import OPERATOR, net_bilaterally, net_of
from settlement.engine.line import CREDITED_CODES
from settlement.engine.matrix import matrix_differences
from settlement.engine.money import split_by_largest_remainder
from settlement.engine.netting import net_out
from settlement.engine.origin import OriginTotal
from settlement.engine.prepaid import account_of
from settlement.engine.rerate import rerate
from settlement.engine.terms import FUNDINGS, Funding, Terms, funding_of_month, spans_of_funding
from settlement.engine.tie_out import LaneGrowth, tie_out
from settlement.engine.total import KINDS, WindowTotal
from settlement.engine.vat import parse_vat
from settlement.engine.vat_correction import burned_vat
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
    # Half a cent a line at most, and half a cent of their sum.
    assert abs(netting.operator.rounding) <= Decimal("0.005") * (1 + 4 * len(totals))
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
    by_partners = dict.fromkeys(range(4), 0)
    for lane, total in booked:
        after[lane] += signs[total.kind] * total.points
        by_partners[lane] += total.outstanding_growth
    growths = [
        LaneGrowth(lane=lane, points_before=before, points_after=after[lane], points_by_partners=by_partners[lane])
        for lane in range(4)
    ]
    totals = [total for _, total in booked]
    assert tie_out(1, totals, growths, point_value=point_value).points == sum(after.values()) - 4 * before


@unhurried
@given(
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from(FUNDINGS)), min_size=1, max_size=5),
    st.sampled_from(FUNDINGS),
)
def test_spans_of_funding_are_the_months_that_are_paid_for_so(
    changes: list[tuple[int, Funding]], funding: Funding
) -> None:
    """Also where terms begin within a month, or two with the same one; before the first there is the pool."""
    versions = [
        make_terms(version=version, valid_from=minutes_after_new_year(day * 24 * 60), funding=new)
        for version, (day, new) in enumerate(changes, start=1)
    ]
    spans = spans_of_funding(versions, funding)
    for month in (date(2026 + number // 12, number % 12 + 1, 1) for number in range(20)):
        is_within = any(span.first <= month and (span.end is None or month < span.end) for span in spans)
        has_terms = any(terms.valid_from.date() <= month for terms in versions)
        assert is_within == (has_terms and funding_of_month(versions, month) == funding)


@unhurried
@given(st.lists(window_totals, max_size=12), all_terms())
def test_a_statement_reads_back_from_its_json(totals: list[WindowTotal], terms: tuple[Terms, ...]) -> None:
    own = [total for total in totals if total.partner == 1]
    statement = make_rich_statement(partner=1, lines=priced(own, *terms).get(1, ()), totals=own)
    content = write_json(statement)
    assert read_json(content) == statement
    assert write_json(read_json(content)) == content


@st.composite
def windows(draw: st.DrawFn) -> WindowBooks:
    """A window of partners of every funding, whose points are redeemed anywhere, taken by returns, and repay debts."""
    terms = draw(all_terms())
    fundings = {partner: draw(st.sampled_from(("pool", "issuer_pays", "prepaid"))) for partner in PARTNERS}
    vats = st.sampled_from([parse_vat(text, field="vat") for text in ("S 19 DE", "S 7 DE", "E DE", "AE AT")])
    terms = tuple(
        replace(version, funding=fundings[version.partner], charge_vat=draw(vats), fee_vat=draw(vats),
                redemption_vat=draw(vats))
        for version in terms
    )  # fmt: skip
    moved = st.builds(
        OriginTotal,
        payer=st.sampled_from(PARTNERS),
        kind=st.sampled_from(("issued", "issue_reversed", "redeemed", "redeem_reversed", "expired", "repaid")),
        counterparty=st.sampled_from(PARTNERS),
        terms_version=st.sampled_from((1, 2)),
        month_of_sale=st.sampled_from((date(2026, 1, 1), date(2026, 2, 1))),
        points=st.integers(1, 10**9),
        vat_rate=st.sampled_from((None, Decimal(7), Decimal(19))),
    )
    origins = tuple(draw(st.lists(moved, max_size=20)))
    # What partners redeemed is what the book of lots says, over all payers.
    redeemed = [total_of(origin) for origin in origins if origin.kind in ("redeemed", "redeem_reversed")]
    issued = draw(st.lists(window_totals.filter(lambda total: "issue" in total.kind), max_size=8))
    accounts = {
        partner: account_of((), {1: draw(st.integers(-1000, 1000))}, window=1)
        for partner, funding in fundings.items()
        if funding == "prepaid"
    }
    return WindowBooks(
        window=1,
        currency=EUR,
        opened_at=minutes_after_new_year(0),
        totals=(*issued, *redeemed),
        origins=origins,
        terms=terms,
        fee_payers=frozenset(draw(st.sets(st.sampled_from(PARTNERS)))),
        accounts=accounts,
    )


def total_of(origin: OriginTotal) -> WindowTotal:
    return WindowTotal(
        partner=origin.counterparty,
        kind="redeemed" if origin.kind == "redeemed" else "redeem_reversed",
        terms_version=origin.terms_version,
        points=origin.points,
        operations=1,
        first_occurred_at=minutes_after_new_year(0),
        last_occurred_at=minutes_after_new_year(0),
    )


@unhurried
@given(windows())
def test_however_points_are_paid_for_nets_and_the_operators_share_are_zero(books: WindowBooks) -> None:
    """And so are the claims; a party's claims in pairs add up to its net, and no netting takes more than gross."""
    lines = bill(books)
    assert matrix_differences(lines, books.origins) == []
    netting = net_out(lines, EUR, books.origins)
    nets = {position.partner: position.net for position in netting.positions}
    assert sum(nets.values()) - netting.operator.total == 0
    of_claims = net_of(netting.claims)
    assert sum(of_claims.values()) == 0
    for pairs in (of_claims, net_of(net_bilaterally(netting.claims))):
        assert {party: net for party, net in pairs.items() if net and party != OPERATOR} == {
            partner: net for partner, net in nets.items() if net
        }
    views = netting.views
    assert views.multilateral.payments == sum(bool(net) for net in nets.values())
    assert views.gross.amount >= views.bilateral.amount
    assert 0 <= views.saving <= 1
    assert all(claim.amount > 0 for claim in netting.claims)


@unhurried
@given(windows())
def test_the_matrix_adds_up_to_what_redeemers_are_credited(books: WindowBooks) -> None:
    """To the cent and to the point; and payers at burn are charged for just the points of theirs."""
    lines = bill(books)
    matrix = net_out(lines, EUR, books.origins).matrix
    for partner, partner_lines in lines.items():
        credits = [line for line in partner_lines if line.code in CREDITED_CODES]
        cells = [cell for cell in matrix if cell.redeemer == partner]
        assert sum(cell.amount for cell in cells) == -sum(line.amount for line in credits)
        assert sum(cell.points for cell in cells) == sum(line.points or 0 for line in credits)
        charged = sum(line.points or 0 for line in partner_lines if line.code.startswith("burn_charge"))
        is_charged = any(terms.funding == "issuer_pays" for terms in books.terms if terms.partner == partner)
        own = sum(cell.points for cell in matrix if cell.payer == partner)
        assert charged == (own if is_charged else 0)


@unhurried
@given(windows(), prices)
def test_vat_behind_points_adds_up_over_its_months(books: WindowBooks, point_value: Decimal) -> None:
    """Each rate is within half a cent of the exact figure, and months leave no remainder."""
    for partner in PARTNERS:
        for rate in burned_vat(books.origins, partner, point_value=point_value, currency=EUR):
            assert sum(month.vat for month in rate.months) == rate.vat
            assert sum(month.points for month in rate.months) == rate.points
            percent = Fraction(rate.rate or 0)
            exact = Fraction(rate.points) * Fraction(point_value) * percent / (100 + percent)
            assert abs(Fraction(rate.vat) - exact) <= Fraction(1, 200)


@unhurried
@given(windows(), st.integers(0, 3))
def test_a_period_re_rated_by_the_terms_that_held_stays_as_it_was(books: WindowBooks, choice: int) -> None:
    """Each version of a partner's terms says the same, so putting one in the place of both changes nothing."""
    partner = PARTNERS[choice]
    (held, *_) = (terms for terms in books.terms if terms.partner == partner)
    terms = tuple(
        replace(held, version=version.version) if version.partner == partner else version for version in books.terms
    )
    rerating = rerate([replace(books, terms=terms)], held, EUR)
    assert all(line.difference == 0 for line in rerating.lines)
    assert all(net.difference == 0 for net in rerating.nets)
