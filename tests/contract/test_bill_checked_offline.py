"""A bill that a partner can check itself: gathered once from the real hub, checked from the file alone."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.lanes.close_window import close_window
from coalition.signatures.keys import private_key_pem
from partner_sdk import CheckedEvidence, Coalition, Earn, Outbox, RefusedError, verify_evidence, verify_receipts
from partner_sdk.bill_check import CODES, ON_CREDIT_NOTE, bill_faults
from partner_sdk.journalled import journalled
from settlement.engine.document import document_of
from settlement.engine.line import LINE_CODES
from settlement.engine.position import CREDIT_CODES
from settlement.operations.calculate_window import calculate_window
from tests.contract.conftest import whole_hub as whole_hub
from tests.http.conftest import RunningHub, now
from tests.sdk.test_command_line import run_json

TERMS = {"issue_price": "0.01", "service_fee": "0.0015", "redemption_price": "0.009", "commission": "0.03"}


class Books:
    """A partner's outbox: booked into, gathered for, and checked."""

    def __init__(self, hub: RunningHub, key: Ed25519PrivateKey, path: Path) -> None:
        self.hub, self.key, self.path = hub, key, path

    def till(self) -> Coalition:
        return Coalition(f"http://{self.hub.authority}", self.key, outbox=self.path)

    async def gather(self) -> None:
        async with self.till() as till:
            await till.gather_evidence()

    def check(self, prices: dict[int, dict[str, Decimal]] | None = None) -> CheckedEvidence:
        with closing(Outbox(self.path)) as outbox:
            assert verify_receipts(outbox, hub_key=None).faults == ()
            return verify_evidence(outbox, hub_key=None, prices=prices)

    def change(self, statement: str, *arguments: object) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement, arguments)


@pytest.fixture
async def books(whole_hub: RunningHub, tmp_path: Path) -> Books:
    """A window with all kinds of lines, closed and calculated, and a refusal; then some more."""
    shop = await whole_hub.shop(platform_fee="12.50", **TERMS)
    books, cards = Books(whole_hub, shop.private_key, tmp_path / "outbox.sqlite"), await whole_hub.cards(5)
    async with books.till() as till:
        booked = await till.send(Earn(card=card, points=333 + number) for number, card in enumerate(cards * 8))
        await till.burn(card=cards[0], points=200, id="b")
        await till.reverse(card=cards[0], operation_id="b", points=50)
        await till.reverse(card=cards[1], operation_id=booked[1].id)
        with pytest.raises(RefusedError):
            await till.burn(card=cards[2], points=99_999)
        await till.gather_evidence()
        await close_window(whole_hub.pool, clock=now, actor="test")
        await till.earn(card=cards[0], points=7, occurred_at=now() - timedelta(days=3))
    await calculate_window(whole_hub.pool, 1, now=now(), actor="test")
    return books


async def test_a_bill_is_checked_from_the_file_alone(books: Books) -> None:
    """Receipts signed, records in the journals, journals that only grew, sums and prices of the bill."""
    before = books.check()
    assert (before.proved, before.unproved, before.statements, before.faults) == (44, 1, 0, ())
    await books.gather()
    await books.gather()
    contract = {1: {**{name: Decimal(text) for name, text in TERMS.items()}, "platform_fee": Decimal("12.5")}}
    checked = books.check(contract)
    assert (checked.checkpoints, checked.proved, checked.unproved, checked.statements) == (2, 45, 0, 1)
    assert checked.faults == ()
    other = {1: contract[1] | {"service_fee": Decimal("0.0014")}}
    assert [fault.split(": ", 1)[1] for fault in books.check(other).faults] == [
        f"{line}: terms version 1 says 0.0014, the line 0.0015" for line in ("service_fee", "service_fee_reversed")
    ]


async def test_whatever_is_changed_is_found(books: Books) -> None:
    """An invented path, an operation that went, a checkpoint that nothing leads to: each is told by its name."""
    await books.gather()
    with closing(Outbox(books.path)) as outbox:
        record = next(journalled(outbox))
    changes: list[tuple[str, tuple[object, ...], str]] = [
        (
            "UPDATE inclusion SET path = zeroblob(length(path)) WHERE leaf = ? AND lane = ?",
            (record.leaf, record.lane),
            record.id,
        ),
        (
            "UPDATE inclusion SET size = size + 1 WHERE leaf = ? AND lane = ?",
            (record.leaf, record.lane),
            "no checkpoint has",
        ),
        ("UPDATE consistency SET path = zeroblob(32)", (), "does not begin with the"),
        ("DELETE FROM consistency", (), "nothing shows"),
        ("DELETE FROM operation WHERE id = ?", ("b",), "redeemed: 0 points of 0 operations in the books, 200 points"),
        ("DELETE FROM operation WHERE id = ?", ("b",), "; name your other machines' outboxes with --also"),
    ]
    kept = books.path.read_bytes()
    for statement, arguments, told in changes:
        books.change("PRAGMA wal_checkpoint(TRUNCATE)")
        books.change(statement, *arguments)
        faults = books.check().faults
        assert any(told in fault for fault in faults), (statement, faults)
        books.path.write_bytes(kept)
    assert books.check().faults == ()


async def test_a_record_booked_from_a_message_whose_answer_was_lost_is_proved(
    whole_hub: RunningHub, tmp_path: Path
) -> None:
    """The hub says which message that was; the result is the same, byte for byte."""
    shop, card = await whole_hub.shop(), await whole_hub.card()
    books = Books(whole_hub, shop.private_key, tmp_path / "outbox.sqlite")
    first, second = Earn(card=card, points=1, id="first"), Earn(card=card, points=2, id="second")
    await shop.send(json.loads(second.to_json()))
    async with books.till() as till:
        await till.send([first, second])
    await books.gather()
    checked = books.check()
    assert (checked.proved, checked.resent, checked.faults) == (2, 1, ())


async def test_the_command_gathers_and_checks(books: Books, tmp_path: Path) -> None:
    """With an address it asks for what is missing, without it asks nobody; a contract's prices from a file."""
    (tmp_path / "shop.pem").write_bytes(private_key_pem(books.key))
    verify = ["verify", "--key", tmp_path / "shop.pem", "--outbox", books.path]
    at_hub = [*verify, "--url", f"http://{books.hub.authority}"]
    code, told = await run_json(*at_hub, "--proofs-max", "0")
    assert (code, told["unproved"], told["statements"]) == (0, 1, 1)
    (tmp_path / "terms.json").write_text(json.dumps([{"version": 1, **TERMS, "platform_fee": "12.5"}]))
    code, told = await run_json(*at_hub, "--terms", tmp_path / "terms.json")
    assert (code, told["proved"], told["unproved"], told["faults"]) == (0, 45, 0, [])
    (tmp_path / "terms.json").write_text('[{"version": 1, "issue_price": "x"}, 7]')
    code, told = await run_json(*verify, "--terms", tmp_path / "terms.json")
    assert (code, told["error"], "1: expected" in told["text"], "2: expected" in told["text"]) == (
        2,
        "books_invalid",
        True,
        True,
    )
    (tmp_path / "terms.json").write_text("[]")
    code, told = await run_json(*verify, "--terms", tmp_path / "terms.json")
    assert (code, len(told["faults"])) == (1, 9)


def test_the_sdk_knows_every_line_of_a_statement() -> None:
    """By its total and the points that it counts; a new kind of line is not taken for a fault unseen."""
    assert CODES.keys() == set(LINE_CODES)
    assert {code for code, (total, _) in CODES.items() if total == "credit"} == CREDIT_CODES
    assert set(ON_CREDIT_NOTE) == {code for code in LINE_CODES if document_of(code) == "credit_note"}


def statement(**changes: Any) -> dict[str, Any]:
    line = {
        "terms_version": 1,
        "rate": None,
        "operations": 0,
        "vat_category": "S",
        "vat_rate": "19",
        "vat_country": "DE",
    }
    lines = [
        {**line, "code": "issue_charge", "points": 1_050, "price": "0.0105", "amount": "11.03", "operations": 3},
        {**line, "code": "commission", "points": 100, "price": "0.01", "rate": "0.03", "amount": "0.03"},
        {
            **line,
            "code": "redemption_credit",
            "points": 100,
            "price": "0.01",
            "amount": "-1.00",
            "vat_category": "O",
            "vat_rate": None,
        },
    ]
    nothing = {"points": 0, "operations": 0}
    control = {"issued": {"points": 1_050, "operations": 3}, "redeemed": {"points": 100, "operations": 1}}
    totals = {
        "charge": "11.03",
        "platform_fee": "0.00",
        "credit": "0.97",
        "invoice_vat": "2.10",
        "credit_note_vat": "0.00",
    }
    return {
        "currency": {"code": "EUR", "minor_units": 2},
        "lines": lines,
        "totals": {**totals, "net": "12.16"},
        "control": {**dict.fromkeys(("issue_reversed", "redeem_reversed"), nothing), **control},
    } | changes


CHANGES: list[tuple[Callable[[Any], object], str]] = [
    (
        lambda told: told["lines"][0].update(amount="11.02"),
        "issue_charge: 1050 points come to 11.03, the line says 11.02",
    ),
    (
        lambda told: told["lines"][0].update(points=1_051),
        "issued: the lines price 1051 points, the control totals say 1050",
    ),
    (lambda told: told["totals"].update(net="12.17"), "net: the lines come to 12.16, the statement says 12.17"),
    (
        lambda told: told["totals"].update(invoice_vat="2.11"),
        "invoice_vat: the lines come to 2.10, the statement says 2.11",
    ),
    (
        # What is taken back has points below 0, and its control total counts them without a sign.
        lambda told: told["lines"][0].update(code="issue_charge_reversed", points=-1_050),
        "issue_charge_reversed: -1050 points come to -11.03, the line says 11.03",
    ),
    (
        lambda told: told["lines"][0].update(code="issue_charge_reversed"),
        "issue_reversed: the lines price 1050 points, the control totals say 0",
    ),
    (lambda told: told["lines"][0].update(code="present"), "lines that this SDK can't check: present"),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_bill_that_does_not_add_up(change: Callable[[Any], object], expected: str) -> None:
    told = statement()
    assert bill_faults(told) == []
    change(told)
    assert expected in bill_faults(told)
