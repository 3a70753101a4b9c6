"""Payment files obey their schemas, say what the window came to, and are the same bytes each time."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from xml.etree import ElementTree

import pytest
import xmlschema

from settlement.documents.payment_xml import DEBIT_NAMESPACE, TRANSFER_NAMESPACE, write_debits, write_transfers
from settlement.documents.sepa_text import sepa_text
from settlement.engine.money import Currency
from settlement.engine.payment_order import PaymentOrder
from settlement.engine.payment_reference import ShareReference, creditor_reference, find_shares, share_reference
from settlement.engine.target_days import easter_sunday, is_target_day, target_days_after
from settlement.errors import PaymentFileRefusedError
from tests.pure.settlement.bank_examples import (
    APPROVED_AT,
    IBAN_OUTSIDE_SEPA,
    IBANS,
    INVOICED_AT,
    MANDATE,
    dated,
    make_account,
    make_operator_account,
    make_order,
)
from tests.pure.settlement.examples import BERLIN_WINTER


@cache
def schema(name: str) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(resources.files("sepaxml") / "schemas" / f"{name}.xsd"))


def transfers_of(order: PaymentOrder) -> bytes:
    return write_transfers(order.window, order.transfer_messages[0])


def debits_of(order: PaymentOrder) -> bytes:
    return write_debits(order.window, order.debit_messages[0])


def texts(content: bytes, namespace: str, path: str) -> list[str | None]:
    found = ElementTree.fromstring(content).iterfind(f".//{path}", {"": namespace})
    return [element.text for element in found]


def transfers(path: str) -> list[str | None]:
    return texts(transfers_of(make_order()), TRANSFER_NAMESPACE, path)


def debits(path: str) -> list[str | None]:
    return texts(debits_of(make_order()), DEBIT_NAMESPACE, path)


def test_both_obey_their_schemas() -> None:
    """Banks refuse what does not; also where a party has no BIC, no street, or a name that has no Latin letters."""
    assert schema("pain.001.001.09").validate(transfers_of(make_order()).decode()) is None
    assert schema("pain.008.001.08").validate(debits_of(make_order()).decode()) is None


def test_the_schema_refuses_what_is_wrong() -> None:
    """So that the test above means something."""
    broken = transfers_of(make_order()).replace(b"<Ctry>DE</Ctry>", b"<Ctry>Germany</Ctry>")
    assert not schema("pain.001.001.09").is_valid(broken.decode())


def test_the_same_window_is_the_same_bytes() -> None:
    assert transfers_of(make_order()) == transfers_of(make_order())
    assert debits_of(make_order()) == debits_of(make_order())
    assert b"<CreDtTm>2026-12-23T09:30:15+01:00</CreDtTm>" in transfers_of(make_order())


def test_ids_follow_from_window_and_partner() -> None:
    assert transfers("MsgId") == transfers("PmtInfId") == ["W00007-CT"]
    assert transfers("EndToEndId") == ["W00007-P00012", "W00007-P00013"]
    assert debits("MsgId") == ["W00007-DD"]
    assert debits("PmtInfId") == ["W00007-CORE", "W00007-B2B"]
    assert debits("EndToEndId") == ["W00007-P00014", "W00007-P00015"]


def test_sums_and_counts_are_those_of_the_payments() -> None:
    assert transfers("InstdAmt") == ["5000.00", "0.01"]
    assert transfers("CtrlSum") == ["5000.01", "5000.01"]
    assert transfers("NbOfTxs") == ["2", "2"]
    assert debits("CtrlSum") == ["9000.00", "7500.00", "1500.00"]
    assert debits("NbOfTxs") == ["2", "1", "1"]


def test_addresses_are_structured_and_in_letters_that_banks_take() -> None:
    assert transfers("Cdtr/Nm") == ["Baeckerei Mueller + Soehne KG", "Zolw .. SA"]
    assert transfers("Dbtr/PstlAdr/StrtNm") == ["Hafenstrasse"]
    assert transfers("Cdtr/PstlAdr/TwnNm") == ["Muenchen", "Muenchen"]
    assert transfers("AdrLine") == []
    assert debits("Dbtr/PstlAdr/BldgNb") == ["3", "3"]


def test_a_debit_names_mandate_and_creditor() -> None:
    assert debits("MndtId") == ["M-2026-0012", "B2B/1"]
    assert debits("DtOfSgntr") == ["2026-03-09", "2025-01-02"]
    assert debits("CdtrSchmeId//Othr/Id") == ["DE98ZZZ09999999999"] * 2
    assert debits("LclInstrm/Cd") == ["CORE", "B2B"]


def test_who_owes_without_a_mandate_pays_by_itself() -> None:
    assert make_order().by_invoice == (16,)


def test_payments_are_made_when_they_are_due_on_a_day_on_which_banks_settle() -> None:
    """Never on the day of the approval, which would be too late for a debit."""
    assert transfers("ReqdExctnDt/Dt") == debits("ReqdColltnDt")[:1] == ["2027-01-06"]
    assert make_order(due_on=date(2026, 12, 25)).pay_on == date(2026, 12, 28)
    assert make_order(due_on=date(2026, 12, 23)).pay_on == date(2026, 12, 24)


@pytest.mark.parametrize("day", [(2026, 4, 3), (2026, 4, 6), (2026, 5, 1), (2027, 1, 1), (2026, 11, 22)])
def test_holidays_are_no_settlement_days(day: tuple[int, int, int]) -> None:
    assert not is_target_day(date(*day))
    assert is_target_day(target_days_after(date(*day), 1))


def test_easter_falls_where_the_calendars_say() -> None:
    sundays = [easter_sunday(year) for year in (2024, 2025, 2026, 2027, 2038)]
    assert sundays == [
        date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28), date(2038, 4, 25)
    ]  # fmt: skip
    assert all(easter_sunday(year).weekday() == 6 for year in range(1990, 2100))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"currency": Currency("CHF")}, "SEPA payments are made in EUR with 2 decimals, this coalition settles in CHF"),
        ({"operator": []}, "the operator has no bank account"),
        ({"operator": dated(make_account(iban=IBAN_OUTSIDE_SEPA))}, "the operator's account lies outside of SEPA"),
    ],
)
def test_what_cannot_be_paid_by_sepa_at_all_is_refused_with_the_reason(changes: dict[str, object], told: str) -> None:
    """Who lacks something beyond that is named at once."""
    with pytest.raises(PaymentFileRefusedError) as refused:
        make_order(**{"accounts": {}} | changes)
    assert refused.value.problems[0] == told
    assert len(refused.value.problems) == (1 if "currency" in changes else 3)


@pytest.mark.parametrize(
    ("changes", "told", "left"),
    [
        ({"accounts": {13: dated(make_account())}}, "Partner 12 (partner 12) has no bank account", [13]),
        (
            {"operator": dated(make_operator_account(creditor_id=None))},
            "the operator has no creditor identifier, without which nobody can be debited",
            [12, 13],
        ),
        (
            {"accounts": {12: dated(make_account()), 13: dated(make_account(iban=IBAN_OUTSIDE_SEPA))}},
            "the account of Partner 13 (partner 13) lies outside of SEPA",
            [12],
        ),
        (
            {"accounts": {12: dated(make_account()), 13: dated(make_account())},
             "nets": {12: Decimal("-1000000000.00"), 13: Decimal(-1)}},
            "1000000000.00 of Partner 12 (partner 12) is more than a SEPA payment may be, 999999999.99",
            [13],
        ),
    ],
)  # fmt: skip
def test_who_lacks_something_is_left_out_by_name_and_keeps_nobody_from_being_paid(
    changes: dict[str, object], told: str, left: list[int]
) -> None:
    order = make_order(**changes)
    assert order.left_out == (told,)
    assert ([payment.partner for payment in order.transfers], order.debits) == (left, ())


def test_whose_details_come_late_is_paid_by_a_message_of_its_own() -> None:
    """The first message stays the same bytes, so nobody is paid twice; what was paid before is not in the late one, and
    it is not to be paid on a day that is over."""
    before = make_order(accounts={13: dated(make_account())})
    late_at = datetime(2027, 1, 20, 8, tzinfo=BERLIN_WINTER)
    accounts = {13: dated(make_account()), 12: dated(make_account(iban=IBANS[1], mandate=MANDATE), since=late_at)}
    order = make_order(accounts=accounts)
    assert order.left_out == ()
    assert transfers_of(order) == transfers_of(before)
    first, late = order.transfer_messages
    assert [message.late_partner for message in (first, late)] == [None, 12]
    assert ([payment.partner for payment in late.payments], late.pay_on) == ([12], date(2027, 1, 21))
    assert [batch for batch, _ in order.batches()] == ["W00007-CT", "W00007-P00012-CT"]
    written = write_transfers(7, late)
    assert schema("pain.001.001.09").validate(written.decode()) is None
    assert texts(written, TRANSFER_NAMESPACE, "MsgId") == ["W00007-P00012-CT"]
    assert texts(written, TRANSFER_NAMESPACE, "EndToEndId") == ["W00007-P00012"]

    by_hand = [(late_at - timedelta(days=1), Decimal("-4000.00"))]
    partly = make_order(accounts=accounts, paid={12: by_hand})
    assert partly.transfer_messages[1].payments[0].amount == Decimal("1000.00")
    # What this message itself pays is recorded after it could be made, and changes it no more.
    paid = [*by_hand, (late_at + timedelta(days=2), Decimal("-1000.00"))]
    assert make_order(accounts=accounts, paid={12: paid}) == partly
    whole = make_order(accounts=accounts, paid={12: [(late_at - timedelta(days=1), Decimal("-5000.00"))]})
    assert ([payment.partner for payment in whole.transfers], whole.settled_otherwise) == ([13], (12,))
    assert make_order(accounts={}, paid={12: paid}).settled_otherwise == (12,)


def test_details_of_the_time_between_approval_and_invoice_are_in_the_first_message() -> None:
    """It can be made from the invoice on; the operator's own account may come later still."""
    late_at = INVOICED_AT + timedelta(days=1)
    for since, operator_since in ((INVOICED_AT, APPROVED_AT), (late_at, late_at)):
        accounts = {12: dated(make_account(), since=since), 13: dated(make_account())}
        order = make_order(accounts=accounts, operator=dated(make_operator_account(), since=operator_since))
        assert [len(message.payments) for message in order.transfer_messages] == [2]


def test_debits_wait_for_the_creditor_identifier_and_leave_out_what_was_paid_or_carried_meanwhile() -> None:
    late_at = INVOICED_AT + timedelta(days=30)
    operator = [
        *dated(make_operator_account(creditor_id=None)),
        *dated(make_operator_account(), since=late_at),
    ]
    assert [payment.partner for payment in make_order(operator=operator).debits] == [14, 15]
    paid = {14: [(late_at - timedelta(days=2), Decimal("7500.00"))]}
    order = make_order(operator=operator, paid=paid, carried_at={15: late_at - timedelta(days=1)})
    assert (order.debits, order.settled_otherwise) == ((), (14, 15))
    assert [payment.partner for payment in order.transfers] == [12, 13]


def test_an_account_outside_of_sepa_is_mended_by_a_later_one() -> None:
    late_at = INVOICED_AT + timedelta(days=1)
    versions = [*dated(make_account(iban=IBAN_OUTSIDE_SEPA)), *dated(make_account(), since=late_at)]
    order = make_order(accounts={12: versions, 13: dated(make_account())})
    assert ([message.late_partner for message in order.transfer_messages], order.left_out) == ([None, 12], ())


def test_every_partner_without_an_account_is_named_at_once() -> None:
    assert len(make_order(accounts={}).left_out) == 2


@pytest.mark.parametrize(
    "text",
    [
        "W00007-P00012",
        "RG 4711 w00007-p00012 Danke",
        "W00007P00012",
        "EREF: W00007- P00012",
        "ST-00007-00012",
        "RF47 W000 07P0 0012",
    ],
)
def test_a_share_is_found_however_its_reference_is_typed(text: str) -> None:
    assert find_shares(text) == {ShareReference(7, 12)}


@pytest.mark.parametrize("text", ["", "W7-P12", "XW00007-P00012", "W00007", "W00007-P0001A", "AW00007-P000120B"])
def test_what_is_no_reference_names_no_share(text: str) -> None:
    assert find_shares(text) == set()


def test_references_read_back_and_their_check_digits_hold() -> None:
    assert share_reference(window=7, partner=12) == "W00007-P00012"
    assert find_shares(share_reference(window=123456, partner=1)) == {ShareReference(123456, 1)}
    reference = creditor_reference(window=7, partner=12)
    moved = reference[4:] + reference[:4]
    assert int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def test_letters_beyond_sepa_are_stood_in_for() -> None:
    assert sepa_text("Ærø & Łódź – „Zoë“ <1>", chars_max=70) == "AEro + Lodz - .Zoe. .1."
    assert sepa_text("e\u0301\u202e x\ty", chars_max=70) == "e. x.y"
    assert sepa_text("ab cd", chars_max=3) == "ab"
