"""Points are paid for when they are issued, when they are redeemed, or before; and it all adds up."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pypdf import PdfReader

from settlement.documents.statement_csv import write_csv
from settlement.documents.statement_json import read_json, write_json
from settlement.documents.statement_pdf import write_pdf
from settlement.engine.bill import WindowBooks, bill
from settlement.engine.claims import OPERATOR, net_bilaterally, net_of
from settlement.engine.line import Line
from settlement.engine.matrix import matrix_differences
from settlement.engine.netting import Netting, net_out
from settlement.engine.origin import OriginTotal
from settlement.engine.prepaid import Block, account_of, overdrafts_until
from settlement.engine.statement import Statement
from settlement.engine.terms import Terms, funding_of_month, funding_problems
from settlement.engine.total import WindowTotal
from settlement.engine.vat import NOT_SUBJECT, VatTreatment
from settlement.engine.vat_correction import burned_vat, expired_vat
from tests.pure.settlement.examples import EUR, make_rich_statement, make_terms, total

A, B, C = 1, 2, 3
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def origin(payer: int, kind: str, points: int, counterparty: int = 0, **changes: object) -> OriginTotal:
    fields: dict[str, object] = {
        "payer": payer,
        "kind": kind,
        "counterparty": counterparty,
        "terms_version": 1 if counterparty else 0,
        "month_of_sale": OCTOBER,
        "points": points,
    }
    return OriginTotal(**(fields | changes))  # type: ignore[arg-type]


def billed(
    totals: list[WindowTotal], origins: list[OriginTotal], *terms: Terms, **books: object
) -> tuple[dict[int, tuple[Line, ...]], Netting]:
    lines = bill(
        WindowBooks(
            window=1,
            currency=EUR,
            opened_at=datetime(2026, 10, 1, tzinfo=UTC),
            totals=tuple(totals),
            origins=tuple(origins),
            terms=terms,
            **books,  # type: ignore[arg-type]
        )
    )
    assert matrix_differences(lines, origins) == []
    return lines, net_out(lines, EUR, origins)


def told(lines: tuple[Line, ...]) -> list[tuple[str, int | None, str]]:
    return [(line.code, line.counterparty, str(line.amount)) for line in lines]


def test_the_payer_pays_the_redeemer_when_points_are_redeemed() -> None:
    """1,000 points of A are issued for nothing; 300 redeemed at B cost A what B is credited; 200 expire for nothing."""
    issuer, redeemer = make_terms(A, funding="issuer_pays"), make_terms(B, redemption_price=Decimal("0.009"))
    lines, netting = billed(
        [total(A, "issued", 1000), total(B, "redeemed", 300)],
        [origin(A, "issued", 1000, A), origin(A, "redeemed", 300, B), origin(A, "expired", 200)],
        issuer,
        redeemer,
    )
    assert told(lines[A]) == [("issue_deferred", None, "0.00"), ("burn_charge", B, "2.70")]
    assert told(lines[B]) == [("redemption_credit", None, "-2.70")]
    assert netting.operator.total == 0
    assert [(claim.debtor, claim.creditor, str(claim.amount)) for claim in netting.claims] == [(A, B, "2.70")]


def test_a_payer_without_operations_of_its_own_is_billed_for_its_points() -> None:
    lines, _ = billed(
        [total(B, "redeemed", 300), total(B, "redeem_reversed", 100)],
        [origin(A, "redeemed", 300, B), origin(A, "redeem_reversed", 100, B)],
        make_terms(A, funding="issuer_pays", charge_vat=VatTreatment("E", country="DE"),
                   fee_vat=VatTreatment("E", country="DE")),
        make_terms(B),
    )  # fmt: skip
    assert told(lines[A]) == [("burn_charge", B, "3.00"), ("burn_charge_reversed", B, "-1.00")]
    assert {str(line.vat) for line in lines[A]} == {"E DE"}


def test_pool_and_issuer_pays_mix_and_the_fund_covers_the_points_of_the_pool_alone() -> None:
    """A (pool) and B (at burn) issue 1,000 each; C redeems 600 of A and 300 of B: the fund keeps 400 points of A."""
    lines, netting = billed(
        [total(A, "issued", 1000), total(B, "issued", 1000), total(C, "redeemed", 900)],
        [
            *(origin(payer, "issued", 1000, payer) for payer in (A, B)),
            origin(A, "redeemed", 600, C),
            origin(B, "redeemed", 300, C),
        ],
        make_terms(A),
        make_terms(B, funding="issuer_pays"),
        make_terms(C),
    )
    assert [position.net for position in netting.positions] == [Decimal("10.00"), Decimal("3.00"), Decimal("-9.00")]
    assert netting.operator.fund_growth == netting.operator.total == Decimal("4.00")
    assert [(cell.payer, cell.redeemer, cell.points, str(cell.amount)) for cell in netting.matrix] == [
        (A, C, 600, "6.00"),
        (B, C, 300, "3.00"),
    ]
    assert told(lines[B])[1:] == [("burn_charge", C, "3.00")]


@pytest.mark.parametrize("fundings", [("pool", "issuer_pays"), ("issuer_pays", "pool"), ("issuer_pays", "issuer_pays")])
def test_a_return_that_takes_the_points_of_another_is_borne_by_who_had_the_sale(fundings: tuple[str, str]) -> None:
    """100 points of A are spent at C, the sale comes back, and 100 points of B go with it: B bears them, A nothing."""
    _, netting = billed(
        [
            *(total(partner, "issued", 100) for partner in (A, B)),
            total(A, "issue_reversed", 100),
            total(C, "redeemed", 100),
        ],
        [
            *(origin(payer, "issued", 100, payer) for payer in (A, B)),
            origin(A, "redeemed", 100, C),
            origin(B, "issue_reversed", 100, A),
        ],
        make_terms(A, funding=fundings[0]),
        make_terms(B, funding=fundings[1]),
        make_terms(C),
    )
    assert [position.net for position in netting.positions] == [0, Decimal("1.00"), Decimal("-1.00")]
    assert netting.operator.total == 0


def test_a_debt_that_anothers_points_repay_is_borne_by_them() -> None:
    """100 points of A are spent and returned, which the member owes; 100 points of B repay it in a later window."""
    terms = (make_terms(A, funding="issuer_pays"), make_terms(B, funding="issuer_pays"), make_terms(C))
    _, first = billed(
        [total(A, "issued", 100), total(C, "redeemed", 100), total(A, "issue_reversed", 100)],
        [origin(A, "issued", 100, A), origin(A, "redeemed", 100, C)],
        *terms,
    )
    _, second = billed([total(B, "issued", 100)], [origin(B, "issued", 100, B), origin(B, "repaid", 100)], *terms)
    assert (first.operator.fund_growth, second.operator.fund_growth) == (Decimal("-1.00"), Decimal("1.00"))
    assert [position.net for position in second.positions] == [Decimal("1.00")]


def test_another_funding_holds_for_the_months_after_it_began() -> None:
    """A pays at burn from November on: its points of October are paid for, whenever they are redeemed."""
    pool = make_terms(A)
    at_burn = make_terms(A, 2, funding="issuer_pays", valid_from=datetime(2026, 11, 1, tzinfo=UTC))
    assert [funding_of_month((pool, at_burn), month) for month in (OCTOBER, NOVEMBER)] == ["pool", "issuer_pays"]
    lines, _ = billed(
        [total(B, "redeemed", 500)],
        [origin(A, "redeemed", 300, B), origin(A, "redeemed", 200, B, month_of_sale=NOVEMBER)],
        pool,
        at_burn,
        make_terms(B),
    )
    assert told(lines[A]) == [("burn_charge", B, "2.00")]


def test_another_funding_begins_with_a_month() -> None:
    inside = make_terms(A, 2, funding="prepaid", valid_from=datetime(2026, 11, 2, tzinfo=UTC))
    (problem,) = funding_problems(inside, make_terms(A))
    assert str(problem).startswith("funding: goes from pool to prepaid only at the start of a month, not 2026-11-02")
    assert not list(funding_problems(inside, make_terms(A, funding="prepaid")))


def block(number: int, window: int, points: int, price: str = "0.01") -> Block:
    return Block(block=number, window=window, points=points, price=Decimal(price), vat=NOT_SUBJECT, terms_version=1)


def test_blocks_are_drawn_on_oldest_first_and_what_is_beyond_is_billed() -> None:
    blocks = [block(1, 1, 1000), block(2, 2, 500)]
    issued = {1: 700, 2: 600, 3: 400}
    accounts = [account_of(blocks, issued, window=window, warn_below=250) for window in (1, 2, 3)]
    assert [(account.opening, account.bought, account.overdraft, account.closing) for account in accounts] == [
        (0, 1000, 0, 300),
        (300, 500, 0, 200),
        (200, 0, 200, 0),
    ]
    assert [[use.left for use in account.blocks] for account in accounts] == [[300], [0, 200], [0, 0]]
    assert [account.is_low for account in accounts] == [False, True, True]
    assert overdrafts_until(blocks, issued, window=3) == 200


def test_returns_refill_and_overdraft_that_was_paid_stays_paid() -> None:
    """120 of 100 points are issued, 20 are billed; 50 come back and are there to be issued again."""
    issued = {1: 120, 2: -50, 3: 50}
    blocks = [block(1, 1, 100)]
    assert [account_of(blocks, issued, window=window).closing for window in (1, 2, 3)] == [0, 50, 0]
    assert account_of(blocks, issued, window=3).overdraft == 0


def test_a_prepaid_bill_has_blocks_and_overdraft_and_no_issue_charge() -> None:
    bought = (block(1, 1, 1000, "0.0095"),)
    lines, netting = billed(
        [total(A, "issued", 1300), total(A, "issue_reversed", 100)],
        [],
        make_terms(A, funding="prepaid", service_fee=Decimal("0.001")),
        blocks={A: bought},
        accounts={A: account_of(bought, {1: 1200}, window=1)},
    )
    assert told(lines[A]) == [
        ("issue_prepaid", None, "0.00"),
        ("issue_prepaid_reversed", None, "0.00"),
        ("issue_overdraft", None, "2.00"),
        ("block_purchase", None, "9.50"),
        ("service_fee", None, "1.30"),
        ("service_fee_reversed", None, "-0.10"),
    ]
    operator = netting.operator
    assert (operator.prepaid_blocks, operator.fund_growth) == (Decimal("9.50"), Decimal("2.00"))
    assert sum(line.operations for line in lines[A]) == 14


def test_worked_example_1_netted_three_ways() -> None:
    """Gross, bilateral and through the hub: the same nets, in fewer and fewer payments."""
    figures = {A: (1_200_000, 450_000), B: (300_000, 800_000), C: (500_000, 350_000)}
    totals = [total(partner, "issued", issued) for partner, (issued, _) in figures.items()]
    totals += [total(partner, "redeemed", redeemed) for partner, (_, redeemed) in figures.items()]
    # Half of what each redeems is A's, the rest is the next one's.
    origins = [origin(A, "redeemed", redeemed // 2, partner) for partner, (_, redeemed) in figures.items()]
    origins += [
        origin(payer, "redeemed", figures[partner][1] // 2, partner) for payer, partner in ((B, A), (C, B), (B, C))
    ]
    _, netting = billed(totals, origins, *(make_terms(partner) for partner in figures))
    nets = {A: Decimal("7500.00"), B: Decimal("-5000.00"), C: Decimal("1500.00"), OPERATOR: Decimal("-4000.00")}
    assert net_of(netting.claims) == net_of(net_bilaterally(netting.claims)) == nets
    views = netting.views
    assert (views.gross.payments, views.bilateral.payments, views.multilateral.payments) == (8, 6, 3)
    assert views.multilateral.amount == Decimal("14000.00")
    assert (views.gross.amount, views.bilateral.amount) == (Decimal("19750.00"), Decimal("11750.00"))
    assert round(views.saving, 4) == round(1 - Decimal(18_000) / (2 * Decimal(19_750)), 4)


def test_what_rounding_leaves_is_on_the_rounding_account() -> None:
    """Three payers owe a third of 0.01 each, which is nothing, and the redeemer gets the cent."""
    payers = (A, B, C)
    redeemer = make_terms(4, redemption_price=Decimal("0.003333"))
    _, netting = billed(
        [total(4, "redeemed", 3)],
        [origin(payer, "redeemed", 1, 4) for payer in payers],
        *(make_terms(payer, funding="issuer_pays") for payer in payers),
        redeemer,
    )
    assert [position.net for position in netting.positions] == [0, 0, 0, Decimal("-0.01")]
    assert (str(netting.operator.fund_growth), str(netting.operator.rounding)) == ("0.00", "-0.01")
    assert [str(cell.amount) for cell in netting.matrix] == ["0.01", "0.00", "0.00"]


def test_more_redeemed_by_the_book_of_lots_than_by_the_partners_is_told() -> None:
    lines = bill(
        WindowBooks(
            window=1,
            currency=EUR,
            opened_at=datetime(2026, 10, 1, tzinfo=UTC),
            totals=(total(B, "redeemed", 300),),
            origins=(),
            terms=(make_terms(A), make_terms(B)),
        )
    )
    (difference,) = matrix_differences(lines, [origin(A, "redeemed", 301, B)])
    assert str(difference) == "points redeemed at partner 2 by terms 1: expected 300, got 301 (difference +1)"


def test_worked_example_3_vat_to_correct_with_its_trace() -> None:
    """100,000 points of A burned, 60 % from 19 % sales and 40 % from 7 % sales: 95.80 + 26.17 = 121.97."""
    origins = [
        origin(A, "redeemed", 50_000, B, vat_rate=Decimal(19)),
        origin(A, "redeemed", 15_000, C, vat_rate=Decimal(19), month_of_sale=NOVEMBER),
        origin(A, "redeem_reversed", 5_000, B, vat_rate=Decimal(19)),
        origin(A, "redeemed", 40_000, B, vat_rate=Decimal(7)),
        origin(A, "expired", 11_900, vat_rate=Decimal(19)),
        origin(B, "redeemed", 77_777, A, vat_rate=Decimal(19)),
    ]
    standard, reduced = burned_vat(origins, A, point_value=Decimal("0.01"), currency=EUR)
    assert (standard.rate, standard.points, standard.vat) == (Decimal(19), 60_000, Decimal("95.80"))
    assert (reduced.rate, reduced.points, reduced.vat) == (Decimal(7), 40_000, Decimal("26.17"))
    assert standard.vat + reduced.vat == Decimal("121.97")
    assert [(part.month, part.points, str(part.vat)) for part in standard.months] == [
        (OCTOBER, 45_000, "71.85"),
        (NOVEMBER, 15_000, "23.95"),
    ]
    (expired,) = expired_vat(origins, A, point_value=Decimal("0.01"), currency=EUR)
    assert (expired.points, expired.value, expired.vat) == (11_900, Decimal("119.00"), Decimal("19.00"))


def test_points_of_no_stated_rate_have_no_vat_and_are_told_last() -> None:
    origins = [origin(A, "redeemed", 100, B), origin(A, "redeemed", 119, B, vat_rate=Decimal(19))]
    rates = burned_vat(origins, A, point_value=Decimal("0.01"), currency=EUR)
    assert [(rate.rate, str(rate.vat)) for rate in rates] == [(Decimal(19), "0.19"), (None, "0.00")]


def test_every_format_tells_whose_points_were_redeemed_where_and_the_vat_behind_them() -> None:
    statement = full_statement()
    content = write_json(statement)
    assert read_json(content) == statement
    assert write_json(read_json(content)) == content
    text = " ".join(
        page.extract_text().replace("\n", " ") for page in PdfReader(io.BytesIO(write_pdf(content, "de"))).pages
    )
    for told_there in (
        "Ihre Punkte, eingelöst bei Auenmarkt",
        "USt 19 % DE",
        "Rechnung 19 % DE 40,00 7,60",
        "Auenmarkt 4.000 40,00",
        "19 % Oktober 2026 4.000 6,39",
        "Es ist weniger übrig als Ihre Warnschwelle von 1.000 Punkten.",
    ):
        assert told_there in text
    rows = list(csv.reader(io.StringIO(write_csv(statement, "en").decode("utf-8-sig")), delimiter=";"))
    assert ["Auenmarkt", "4000", "40.00"] in rows
    assert ["19%", "October 2026", "1190", "1.90"] in rows
    assert ["Invoice", "19% DE", "40.00", "7.60"] in rows


def full_statement() -> Statement:
    """A statement of a payer at burn, which has prepaid once."""
    vat = VatTreatment("S", Decimal(19), "DE")
    terms = make_terms(A, funding="issuer_pays", charge_vat=vat, fee_vat=vat, redemption_vat=vat)
    totals = [total(A, "issued", 9000, vat="19"), total(B, "redeemed", 4000)]
    origins = [
        origin(A, "issued", 9000, A, vat_rate=Decimal(19)),
        origin(A, "redeemed", 4000, B, vat_rate=Decimal(19)),
        origin(A, "expired", 1190, vat_rate=Decimal(19)),
    ]
    lines, netting = billed(totals, origins, terms, make_terms(B))
    return make_rich_statement(
        partner=A,
        lines=lines[A],
        totals=totals[:1],
        origins=origins,
        matrix=netting.matrix,
        names={A: "Bakery", B: "Auenmarkt"},
        point_value=Decimal("0.01"),
        blocks=account_of((block(1, 1, 1000),), {1: 100}, window=2, warn_below=1000),
    )


def test_a_line_with_a_long_name_is_written_smaller_and_not_cut() -> None:
    """The end of the text says what the line is."""
    name = "Drogerie Morgentau am Kirchplatz"
    content = write_json(full_statement()).replace(b"Auenmarkt", name.encode())
    text = " ".join(
        page.extract_text().replace("\n", " ") for page in PdfReader(io.BytesIO(write_pdf(content, "en"))).pages
    )
    assert f"Your points redeemed at {name}" in text
    assert "…" not in text
