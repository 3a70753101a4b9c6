"""One batch, operation by operation: results to the byte, since they are hashed, and what is to be written."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coalition.journal.record import record_hash, timestamp
from coalition.ledger.account import Account
from coalition.ledger.batch import Calendar, Command, JournalRecord, KnownOperation
from coalition.ledger.book import Book
from coalition.ledger.entries import close_record
from coalition.ledger.expiry import ExpiryRule
from coalition.ledger.operation import Burn, Earn, Reverse
from coalition.ledger.participant import Participant
from coalition.ledger.result import reused_result, unknown_card_result
from tests.pure.ledger.ledger_examples import (
    burn,
    earn,
    make_account,
    make_lot,
    make_original,
    make_partner,
    make_use,
    reverse,
)

BOOKED_AT = datetime(2026, 11, 21, 18, 4, 11, 120, tzinfo=UTC)
AT = '"window":7,"booked_at":"2026-11-21T18:04:11.000120Z"}'
MESSAGE = bytes(range(32))


def make_book(*accounts: Account, **loaded: Any) -> Book:
    """Return a book of lane 3, window 7, whose journal has 90 leaves."""
    return Book(
        lane=3,
        window_no=7,
        size=90,
        booked_at=BOOKED_AT,
        calendar=Calendar(ZoneInfo("Europe/Berlin"), ExpiryRule("end_of_month", 36)),
        accounts={account.account: account for account in accounts},
        **{"known": {}, "originals": {}, **loaded},
    )


def command(
    operation: Earn | Burn | Reverse,
    *,
    partner: Participant | None = None,
    account: int = 7,
    index: int = 0,
    content: bytes | None = None,
) -> Command:
    same = operation.model_dump_json().encode() if content is None else content
    return Command(partner or make_partner(), operation, account, MESSAGE, index, same)


def rows(book: Book, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(record, column) for column in columns) for record in book.changes.records]


def test_a_booked_result_to_the_byte() -> None:
    result = make_book(make_account(make_lot(1, 30), held=10)).book(command(earn(120)))
    assert (
        result
        == f'{{"id":"earn-1","verdict":"booked","points":120,"balance":150,"available":140,"lane":3,"leaf":90,{AT}'
    )


def test_a_refused_result_to_the_byte() -> None:
    result = make_book(make_account(make_lot(1, 30))).book(command(burn(31)))
    assert result == (
        f'{{"id":"burn-1","verdict":"refused","code":"insufficient_points","available":30,"lane":3,"leaf":90,{AT}'
    )


def test_a_refusal_with_a_figure_to_the_byte() -> None:
    account = make_account(make_lot(3, 40, points=100))
    book = make_book(account, originals={(1, "earn-1"): make_original(reversed_points=60)})
    assert book.book(command(reverse(41))) == (
        '{"id":"reverse-1","verdict":"refused","code":"more_than_left","available":40,"left":40,"lane":3,"leaf":90,'
        + AT
    )


def test_refusals_without_a_place_to_the_byte() -> None:
    """They have no leaf: the card or the original may still come, or the id's place is taken."""
    book = make_book(make_account())
    assert book.book(command(reverse(5))) == (
        '{"id":"reverse-1","verdict":"refused","code":"unknown_original","retryable":true}'
    )
    assert unknown_card_result("x.1:2_3-4") == (
        '{"id":"x.1:2_3-4","verdict":"refused","code":"unknown_card","retryable":true}'
    )
    assert reused_result("x", KnownOperation(b"", 2, 17, "")) == (
        '{"id":"x","verdict":"refused","code":"operation_id_reused","lane":2,"leaf":17}'
    )
    assert (book.changes.records, book.changes.contents) == ([], [])


def test_a_close_record_to_the_byte() -> None:
    record = close_record(lane=3, window_no=7, leaf=90, booked_at=BOOKED_AT)
    assert record.result == f'{{"verdict":"closed","lane":3,"leaf":90,{AT}'


@pytest.mark.parametrize("column", JournalRecord._fields)
def test_a_close_record_column_by_column(column: str) -> None:
    """The hub's own record belongs to no partner, member or message, and moves no points."""
    expected = {"lane": 2, "leaf": 11, "window_no": 5, "kind": "close", "points": 0, "booked_at": BOOKED_AT}
    expected["result"] = '{"verdict":"closed","lane":2,"leaf":11,"window":5,"booked_at":"2026-11-21T18:04:11.000120Z"}'
    record = close_record(lane=2, window_no=5, leaf=11, booked_at=BOOKED_AT)
    assert getattr(record, column) == expected.get(column)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "2026-12-31T23:59:59.999999Z"),
    ],
)
def test_moments_always_have_six_decimals(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text
    assert datetime.fromisoformat(text) == moment


def test_leaves_follow_each_other_and_only_what_is_journalled_takes_one() -> None:
    book = make_book(make_account())
    results = [
        book.book(command(earn(10, id="a"), index=0)),
        book.book(command(reverse(id="b", operation_id="not-yet"), index=1)),
        book.book(command(burn(11, id="c"), index=2)),
        book.book(command(burn(10, id="d"), index=3)),
    ]
    assert rows(book, "leaf", "operation_id", "kind", "code", "points", "message_index") == [
        (90, "a", "earn", None, 10, 0),
        (91, "c", "burn", "insufficient_points", 11, 2),
        (92, "d", "burn", None, 10, 3),
    ]
    hashed = [record_hash(message=MESSAGE, index=index, result=results[index]) for index in (0, 2, 3)]
    assert book.changes.hashed_leaves == hashed


def test_a_journal_record_column_by_column() -> None:
    book = make_book(make_account())
    asked = earn(5, shop="0042", till="3", reference="4711")
    result = book.book(command(asked, partner=make_partner(9), index=6))
    assert book.changes.records == [
        JournalRecord(
            lane=3,
            leaf=90,
            window_no=7,
            kind="earn",
            code=None,
            partner=9,
            operation_id="earn-1",
            account=7,
            points=5,
            terms_version=1,
            original_leaf=None,
            shop="0042",
            till="3",
            reference="4711",
            occurred_at=asked.occurred_at,
            booked_at=BOOKED_AT,
            message=MESSAGE,
            message_index=6,
            result=result,
        )
    ]


def test_what_is_known_is_answered_not_booked() -> None:
    """From an earlier batch, or twice in this one: the same answer, and one booking."""
    account = make_account()
    known = KnownOperation(b"as before", 3, 5, "the first answer")
    book = make_book(account, known={(1, "earn-1"): known})
    assert book.book(command(earn(10), content=b"as before")) == "the first answer"

    first = book.book(command(earn(10, id="again")))
    assert book.book(command(earn(10, id="again"))) == first
    assert (account.balance, len(book.changes.records)) == (10, 1)


def test_an_id_with_other_content_names_the_place_of_the_first() -> None:
    book = make_book(make_account())
    book.book(command(earn(10)))
    refused = book.book(command(earn(11)))
    assert refused == '{"id":"earn-1","verdict":"refused","code":"operation_id_reused","lane":3,"leaf":90}'
    assert len(book.changes.records) == 1


def test_a_refusal_is_known_as_well() -> None:
    account = make_account()
    book = make_book(account)
    first = book.book(command(burn(10)))
    book.book(command(earn(10)))
    assert book.book(command(burn(10))) == first
    assert account.balance == 10


def test_an_id_is_a_partners_own() -> None:
    account = make_account()
    book = make_book(account)
    for partner in (1, 2):
        book.book(command(earn(10), partner=make_partner(partner)))
    assert account.balance == 20
    refused = book.book(command(reverse(operation_id="earn-1", id="r"), partner=make_partner(3)))
    assert '"code":"unknown_original"' in refused


@pytest.mark.parametrize(
    ("original", "code"),
    [
        (burn(1_000, id="original"), "original_refused"),
        (reverse(operation_id="first", id="original"), "not_reversible"),
        (reverse(11, operation_id="first", id="original"), "original_refused"),
    ],
)
def test_an_original_of_the_same_batch_is_found_whatever_became_of_it(original: Burn | Reverse, code: str) -> None:
    """Where the batch was cut must not show: a refused original or a reversal is known at once, not "unknown"."""
    book = make_book(make_account())
    book.book(command(earn(10, id="first")))
    book.book(command(original))
    assert f'"code":"{code}"' in book.book(command(reverse(id="r", operation_id="original")))
    assert book.changes.records[-1].original_leaf == 91


def test_totals_are_by_partner_kind_terms_and_rate() -> None:
    """What settlement bills; the operations of an earn of two rates count once."""
    book = make_book(make_account(), make_account(account=8))
    vat = [{"rate": "19", "points": 6}, {"rate": "7.0", "points": 4}]
    book.book(command(earn(10, id="a", vat=vat)))
    book.book(command(earn(5, id="b"), account=8))
    book.book(command(burn(3, id="c"), partner=make_partner(2)))
    book.book(command(reverse(8, id="d", operation_id="a")))
    book.book(command(reverse(1, id="e", operation_id="c"), partner=make_partner(2)))
    book.book(command(burn(99, id="f")))
    assert {key: (total.points, total.operations) for key, total in book.changes.totals.items()} == {
        (1, "issued", 1, "19"): (6, 1),
        (1, "issued", 1, "7"): (4, 0),
        (1, "issued", 1, ""): (5, 1),
        (2, "redeemed", 1, ""): (3, 1),
        (1, "issue_reversed", 1, "19"): (6, 1),
        (1, "issue_reversed", 1, "7"): (2, 0),
        (2, "redeem_reversed", 1, ""): (1, 1),
    }
    assert book.changes.outstanding == 10 + 5 - 3 - 8 + 1


def test_a_total_knows_when_its_first_and_last_operation_occurred() -> None:
    """In any order of arrival: tills send late."""
    book = make_book(make_account())
    days = [5, 9, 1, 3]
    for day in days:
        book.book(command(earn(1, id=f"e-{day}", occurred_at=BOOKED_AT - timedelta(days=day))))
    [total] = book.changes.totals.values()
    assert total.first_occurred_at == BOOKED_AT - timedelta(days=9)
    assert total.last_occurred_at == BOOKED_AT - timedelta(days=1)
    assert (total.points, total.operations) == (4, 4)


def test_every_point_that_leaves_a_lot_is_accounted_for() -> None:
    lot = make_lot(3, 0, points=10)
    account = make_account(lot, debt=4)
    original = make_original("burn", points=10, uses=[make_use(5, lot, 10)], leaf=5)
    book = make_book(account, originals={(1, "burn-1"): original})

    book.book(command(reverse(6, id="a", operation_id="burn-1")))
    book.book(command(earn(7, id="b")))
    book.book(command(burn(5, id="c")))
    book.book(command(reverse(7, id="d", operation_id="b")))

    assert {key: (use.points, use.restored) for key, use in book.changes.uses.items()} == {
        (5, 3, 0): (10, 6),
        (90, 3, 0): (4, 0),
        (92, 3, 0): (2, 0),
        (92, 91, 0): (3, 0),
        (93, 91, 0): (4, 0),
    }
    assert book.changes.reversals == [(3, 5, 90, 6), (3, 91, 93, 7)]
    assert [(account, lot.leaf, lot.remaining) for account, lot in book.changes.new_lots] == [(7, 91, 0)]
    assert (account.balance, account.debt, lot.remaining) == (-3, 3, 0)


def test_lots_have_the_age_of_the_sale_not_of_the_booking() -> None:
    book = make_book(make_account())
    book.book(command(earn(5, occurred_at=BOOKED_AT - timedelta(days=200), vat=[{"rate": "19", "points": 5}])))
    [(_, lot)] = book.changes.new_lots
    assert (lot.month_of_sale, lot.expires_on, lot.vat_rate) == (date(2026, 5, 1), date(2029, 6, 1), Decimal(19))


def test_partners_without_rights_change_nothing() -> None:
    account = make_account(make_lot(1, 50))
    before = replace(account, lots=[replace(lot) for lot in account.lots])
    book = make_book(account)
    partner = make_partner(may_earn=False, may_burn=False)
    book.book(command(earn(5), partner=partner))
    book.book(command(burn(5), partner=partner))
    assert account == before
    assert rows(book, "code", "terms_version") == [("earn_not_allowed", None), ("burn_not_allowed", None)]
    assert (book.changes.totals, book.changes.outstanding) == ({}, 0)
