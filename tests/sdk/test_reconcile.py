"""`coalition-partner reconcile`: the outbox, or a file, against the hub, as a partner runs it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_sdk import (
    BookLine,
    BooksInvalidError,
    Coalition,
    InvalidPeriodError,
    OutboxError,
    make_key_pair,
)
from partner_sdk.books_file import parse_books
from partner_sdk.keys import load_public_key
from partner_sdk.statement_check import check_statement
from partner_sdk.testing import FakeHub
from tests.sdk.test_command_line import run, run_json

BERLIN = ZoneInfo("Europe/Berlin")
FILE = Path("books.csv")


def today():
    return datetime.now(BERLIN).date()


@pytest.fixture
async def shop(tmp_path):
    """A partner with a key file, its outbox beside it, and a fake hub; some operations are booked."""
    public_path, _ = make_key_pair(tmp_path / "shop.pem")
    async with FakeHub(partner_public_key=load_public_key(public_path)) as fake:
        card = fake.add_card(points=500)
        async with Coalition(fake.url, tmp_path / "shop.pem") as till:
            await till.earn(card=card, points=120, id="e")
            await till.burn(card=card, points=20, id="b")
            await till.reverse(card=card, operation_id="e", points=40, id="r")
            await till.earn(card=card, points=7, id="before", occurred_at=datetime.now(UTC) - timedelta(days=40))
        yield ["reconcile", "--url", fake.url, "--key", tmp_path / "shop.pem"]


async def test_an_outbox_that_agrees(shop):
    code, told = await run_json(*shop)
    assert (code, told["agrees"], told["differences"]) == (0, True, [])
    assert [(day["partner"]["count"], day["agrees"]) for day in told["days"]] == [(1, True), (3, True)]
    assert (await run_json(*shop, "--window", "1"))[1]["agrees"]
    code, out, _ = await run(*shop, "--from", today(), "--until", today())
    assert (code, "operations at the hub: 3" in out, out.endswith("the books agree\n")) == (0, True, True)


async def test_a_file_is_compared_line_by_line(shop, tmp_path):
    """Exit code 1, and each difference with its class, in words and as JSON."""
    day, early = today(), today() - timedelta(days=40)
    rows = [
        "id;type;points;day",
        f"e;earn;121;{day}",
        f"invented;burn;5;{day}",
        f"r;reverse;40;{early}",
        f"before;earn;7;{early}",
    ]
    (tmp_path / "books.csv").write_text("\ufeff" + "\r\n".join(rows) + "\r\n\r\n", encoding="utf-8")

    code, told = await run_json(*shop, "--csv", tmp_path / "books.csv")
    assert code == 1
    assert {one["id"]: one["difference"] for one in told["differences"]} == {
        "b": "missing_at_partner",
        "e": "other_amount",
        "invented": "missing_at_hub",
        "r": "other_day",
    }
    code, out, _ = await run(*shop, "--csv", tmp_path / "books.csv")
    for words in (
        "missing here   b",
        "missing there  invented",
        "other amount   e",
        "other day      r",
        "do not agree",
    ):
        assert words in out
    assert code == 1


async def test_a_bad_file_is_told_by_line_and_nothing_is_asked(shop, tmp_path):
    (tmp_path / "books.csv").write_text("id,type,points,day\na,earn,1,2026-01-01\nb,gift,0,1.2.2026\n")
    code, told = await run_json("reconcile", "--url", "http://127.0.0.1:9", *shop[3:], "--csv", tmp_path / "books.csv")
    assert (code, told["error"]) == (2, "books_invalid")
    for words in ("line 3: type: expected one of", "line 3: points: expected", "line 3: day: expected", "'1.2.2026'"):
        assert words in told["text"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: expected the columns id, type, points, day"),
        ("id,type,points\n", "got id, type, points"),
        ("id,type,points,day,colour\n", "colour"),
        ("id,id,points,day\n", "line 1"),
        ("id,type,points,day\na,earn,1\n", "line 2: expected 4 columns, got 3"),
        ("id,type,points,day\n\na b,earn,1,2026-01-01\n", "line 3: id: expected"),
        ("id,type,points,day\na,earn,1000000001,2026-01-01\n", "line 2: points"),
        ("id,type,points,day\na,earn,1.0,2026-01-01\n", "line 2: points"),
        ("id,type,points,day\na,earn,1,2026-02-30\n", "line 2: day"),
        ("id,type,points,day\na,earn,1,20260201\n", "line 2: day"),
        ("id,type,points,day\na,earn,1,2026-01-01\na,earn,1,2026-01-01\n", "line 3: id a is on line 2 already"),
        ("id,type,points,day,window\na,earn,1,2026-01-01,\n", "line 2: window"),
        ('id,type,points,day\n"a"x,earn,1,2026-01-01\n', "line 2"),
        ("id,type,points,day\na,earn,1,2026-01-01\x00\n", "line 2"),
    ],
)
def test_what_is_wrong_in_a_file_has_its_line(text, expected):
    with pytest.raises(BooksInvalidError) as refused:
        parse_books(text, path=FILE)
    assert expected in str(refused.value)


def test_a_file_full_of_faults_tells_the_first_of_them():
    with pytest.raises(BooksInvalidError) as refused:
        parse_books("id,type,points,day\n" + "a,earn,x,2026-01-01\n" * 1_000, path=FILE)
    assert len(refused.value.faults) == 20


def test_columns_may_stand_in_any_order():
    books = parse_books("window,day,points,type,id\n7,2026-01-01,5,capture,a\n", path=FILE)
    assert (books.lines, books.names_windows) == ({"a": BookLine("a", "capture", 5, date(2026, 1, 1), 7)}, True)


async def test_periods_that_are_none(tmp_path):
    key = Ed25519PrivateKey.generate()
    async with (
        FakeHub(partner_public_key=key.public_key()) as fake,
        Coalition(fake.url, key, outbox=tmp_path / "outbox.sqlite") as till,
    ):
        with pytest.raises(InvalidPeriodError):
            await till.reconcile(window=1, first=today())
        with pytest.raises(InvalidPeriodError):
            await till.reconcile(first=today(), last=today() - timedelta(days=1))
        with pytest.raises(OutboxError):
            await till.reconcile(more_outboxes=[tmp_path / "none.sqlite"])
        assert not (tmp_path / "none.sqlite").exists()
        assert (await till.reconcile()).agrees


def statement(**totals):
    kinds = ("issued", "issue_reversed", "redeemed", "redeem_reversed")
    return {
        "control": {kind: dict(zip(("points", "operations"), totals.get(kind, (0, 0)), strict=True)) for kind in kinds}
    }


def book_line(number, kind, points, **more):
    return BookLine(f"op-{number}", kind, points, date(2026, 1, 1), 1, **more)


def test_a_statement_is_the_sum_of_the_receipts_that_name_its_window():
    lines = [
        book_line(1, "earn", 100),
        book_line(2, "burn", 30),
        book_line(3, "capture", 20),
        book_line(4, "reverse", 10, reverses="earn"),
        book_line(5, "reverse", 5, reverses="capture"),
    ]
    told = {"issued": (100, 1), "issue_reversed": (10, 1), "redeemed": (50, 2), "redeem_reversed": (5, 1)}
    assert check_statement(1, lines, statement(**told)).agrees
    assert check_statement(1, lines, statement(**told | {"redeemed": (51, 2)})).faults == (
        "redeemed: 50 points of 2 operations in the books, 51 points of 2 operations on the statement",
    )
    # Other points are no sign of an outbox that was not named; more operations are.
    assert not check_statement(1, lines, statement(**told | {"redeemed": (51, 2)})).lacks_operations
    assert check_statement(1, lines, statement(**told | {"redeemed": (51, 3)})).lacks_operations
    # Of a reversal whose original lies elsewhere only the sum can be compared.
    unknown = [*lines[:3], book_line(4, "reverse", 10), book_line(5, "reverse", 5)]
    assert check_statement(1, unknown, statement(**told)).agrees
    assert not check_statement(1, unknown, statement(**told | {"redeem_reversed": (6, 1)})).agrees
    # What a joint promotion's payers share is on their statements in parts.
    shared = [*lines, book_line(6, "earn", 1_000, is_shared=True)]
    check = check_statement(1, shared, statement(**told | {"issued": (600, 2)}))
    assert (check.agrees, check.shared.points) == (True, 1_000)
    assert not check_statement(1, shared, statement(**told | {"redeemed": (51, 2)})).agrees


async def test_progress_is_told(tmp_path):
    key = Ed25519PrivateKey.generate()
    seen = []
    async with (
        FakeHub(partner_public_key=key.public_key()) as fake,
        Coalition(fake.url, key, outbox=tmp_path / "outbox.sqlite") as till,
    ):
        await till.earn(card=fake.add_card(), points=1, id="e")
        books = parse_books(f"id,type,points,day\ne,earn,2,{today()}\n", path=FILE)
        await till.reconcile(books, progress=seen.append)
    assert [(one.days, one.lines, one.differences) for one in seen] == [(1, 0, 0), (1, 1, 1)]
