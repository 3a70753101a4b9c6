"""A bank's file is read in both versions, held against itself, and can do no harm."""

from decimal import Decimal

import pytest

from settlement.documents import safe_xml
from settlement.documents.camt053 import read_camt053
from settlement.engine.bank_statement import BankStatement, EntryPart
from settlement.engine.match_payments import OpenShare, match_part, split_batch
from settlement.engine.payment_reference import ShareReference
from settlement.errors import ForeignBankFileError, UnreadableBankFileError
from tests.pure.settlement.bank_examples import OPERATOR_IBAN
from tests.pure.settlement.bank_files import bank_file, entry

SHARE = ShareReference(7, 12)


def read(content: bytes) -> BankStatement:
    (statement,) = read_camt053(content)
    return statement


@pytest.mark.parametrize("version", ["02", "08"])
def test_both_versions_say_the_same(version: str) -> None:
    content = bank_file(
        entry("7500.00", reference="E1", end_to_end="W00007-P00014", version=version),
        entry("-5000.00", reference="E2", end_to_end="NOTPROVIDED", text=["W00007-P00012"], version=version),
        entry("12", reference="E3", status="PDNG", version=version),
        moved="2500.00",
        version=version,
    )
    statement = read(content)
    assert (statement.statement_id, statement.iban, statement.currency) == ("STMT-1", OPERATOR_IBAN, "EUR")
    assert [(one.reference, one.amount, one.number) for one in statement.entries] == [
        ("E1", Decimal("7500.00"), 1),
        ("E2", Decimal("-5000.00"), 2),
    ]
    first, second = (part for one in statement.entries for part in one.parts)
    assert (first.end_to_end_id, first.counterparty) == ("W00007-P00014", "A GmbH")
    assert (second.end_to_end_id, second.remittance) == (None, "W00007-P00012")
    assert statement.pending == 1


def test_a_batch_is_read_payment_by_payment() -> None:
    inner = """<NtryDtls><Btch><PmtInfId>W00007-CT</PmtInfId></Btch>
      <TxDtls><Refs><EndToEndId>W00007-P00012</EndToEndId></Refs><Amt Ccy="EUR">10.00</Amt></TxDtls>
      <TxDtls><Refs><EndToEndId>W00007-P00013</EndToEndId></Refs>
        <AmtDtls><TxAmt><Amt Ccy="EUR">5.50</Amt></TxAmt></AmtDtls></TxDtls></NtryDtls>"""
    (batch,) = read(bank_file(entry("-15.50", inner=inner))).entries
    assert [part.amount for part in batch.parts] == [Decimal("-10.00"), Decimal("-5.50")]
    assert [part.batch for part in batch.parts] == [None, None]


def test_a_reference_that_the_bank_broke_over_two_lines_is_whole() -> None:
    (one,) = read(bank_file(entry("1.00", text=["Rechnung 4711 vom 1.12. Danke W000", "07-P00012"]))).entries
    assert match_part(one.parts[0], {SHARE: OpenShare("INVOICED", Decimal(1), Decimal(1))}, {}).share == SHARE


def test_entries_without_a_reference_or_with_one_for_several_are_told_apart() -> None:
    entries = read(bank_file(entry("1.00"), entry("2.00", reference="X"), entry("3.00", reference="X"))).entries
    assert [one.reference for one in entries] == ["#1", "X", "X/2"]


def test_a_month_of_entries_is_read_however_it_is_indented() -> None:
    """No limit counts the blanks between elements."""
    entries = [entry("1.00", reference=f"E{number}") for number in range(1_000)]
    content = bank_file(*entries, moved="1000.00").replace(b"<Ntry>", b" " * 40 + b"<Ntry>")
    assert len(read(content).entries) == 1_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: no element found"),
        (b"not xml", "line 1: "),
        (bank_file(entry("1.00"))[:-20], "line 20: "),
        (bank_file(entry("1.00")).replace(b"</Amt>", b"</Amd>"), "line 10: mismatched tag"),
        (bank_file(entry("1.00")).replace(b"camt.053", b"camt.054"), "line 2: expected a camt.053.001.02 to .13"),
        (bank_file(entry("1.00")).replace(b"1.00<", b"1,00<"), "line 10: expected an amount like 12.50, '1,00' came"),
        (bank_file(entry("1.00")).replace(b"CRDT", b"C"), "expected CRDT or DBIT, 'C' came"),
        (bank_file(entry("1.00")).replace(b"2026-12-04<", b"04.12.2026<"), "expected a date like 2026-11-30"),
        (bank_file(entry("1.00")).replace(b"<Id>STMT-1</Id>", b""), "line 5: expected Id in Stmt"),
        (bank_file(entry("1.00"), statement_id="x" * 36), "expected 1 to 35 printable characters in Id"),
        (bank_file(entry("1.00")).replace(b"<IBAN>", b"<Nb>").replace(b"</IBAN>", b"</Nb>"), "the account's IBAN"),
        (bank_file(entry("1.00"), moved="1.01"), "the balances do not tie out: entries of 1.00 lead from 1000.00"),
        (
            bank_file(entry("3.00", inner="<NtryDtls><TxDtls><Amt Ccy='EUR'>1.00</Amt></TxDtls>"
                            "<TxDtls><Amt Ccy='EUR'>1.50</Amt></TxDtls></NtryDtls>")),
            "entry 1: its parts come to 2.50, not to 3.00",
        ),
        (
            bank_file(entry("3.00", inner="<NtryDtls><TxDtls/><TxDtls/></NtryDtls>")),
            "expected an amount, since its entry has several payments",
        ),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "line 1: "),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_line(content: bytes, told: str) -> None:
    with pytest.raises(UnreadableBankFileError) as refused:
        read_camt053(content)
    assert told in str(refused.value)
    assert "nothing of it is taken" in str(refused.value)


def test_an_amount_in_another_currency_is_refused_with_its_line() -> None:
    with pytest.raises(ForeignBankFileError, match=r"line 10: expected an amount in EUR, got USD"):
        read_camt053(bank_file(entry("1.00", currency="USD")))


LAUGHS = b"""<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Document>&b;</Document>"""
FILE = b"""<!DOCTYPE x [<!ENTITY passwd SYSTEM "file:///etc/passwd">]><Document>&passwd;</Document>"""


@pytest.mark.parametrize("content", [LAUGHS, FILE, b"<!DOCTYPE x SYSTEM 'http://evil.example/x.dtd'><Document/>"])
def test_a_file_with_a_document_type_is_not_read_at_all(content: bytes) -> None:
    """So no entity is ever expanded, and nothing outside of the file is looked at."""
    with pytest.raises(UnreadableBankFileError, match="a document type or entity"):
        read_camt053(content)


def test_a_file_beyond_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = b"<Document>" + b"<a>" * 100 + b"</a>" * 100 + b"</Document>"
    with pytest.raises(UnreadableBankFileError, match="at most 64 deep"):
        read_camt053(deep)
    with pytest.raises(UnreadableBankFileError, match="a text of at most 10,000 characters in Document"):
        read_camt053(b"<Document>" + b"x" * 20_000 + b"</Document>")
    with pytest.raises(UnreadableBankFileError, match="at most 20 attributes"):
        read_camt053(b"<Document " + b" ".join(b"a%d='1'" % number for number in range(30)) + b"/>")
    monkeypatch.setattr(safe_xml, "ELEMENTS_MAX", 10)
    with pytest.raises(UnreadableBankFileError, match="at most 10 elements"):
        read_camt053(bank_file(entry("1.00")))
    monkeypatch.setattr(safe_xml, "BYTES_MAX", 100)
    with pytest.raises(UnreadableBankFileError, match="expected at most 100 bytes"):
        read_camt053(bank_file(entry("1.00")))


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (EntryPart(amount=Decimal(1), remittance="Rent"), "it names no share like W00007-P00012"),
        (EntryPart(amount=Decimal(1), remittance="W00009-P00012"), "there is no share of W00009-P00012"),
        (EntryPart(amount=Decimal(1), remittance="W00007-P00012 W00007-P00013"), "it names 2 shares"),
        (EntryPart(amount=Decimal(0), end_to_end_id="W00007-P00012"), "it moves no money"),
    ],
)
def test_a_payment_of_no_share_is_told_with_the_reason(part: EntryPart, told: str) -> None:
    share = OpenShare("INVOICED", Decimal(1), Decimal(1))
    match = match_part(part, {SHARE: share, ShareReference(7, 13): share}, {})
    assert (match.share, match.outcome) == (None, "unmatched")
    assert match.problem.startswith(told)


def test_a_batch_that_the_bank_booked_as_one_is_our_payments() -> None:
    """Only where it comes to their sum, to the cent."""
    payments = {SHARE: Decimal("-10.00"), ShareReference(7, 13): Decimal("-5.50")}
    whole = EntryPart(amount=Decimal("-15.50"), batch="W00007-CT")
    assert [(part.end_to_end_id, part.amount) for part in split_batch(whole, {"W00007-CT": payments}, {})] == [
        ("W00007-P00012", Decimal("-10.00")),
        ("W00007-P00013", Decimal("-5.50")),
    ]
    other = EntryPart(amount=Decimal("-15.51"), batch="W00007-CT")
    assert split_batch(other, {"W00007-CT": payments}, {}) == [other]
    assert split_batch(whole, {}, {}) == [whole]
