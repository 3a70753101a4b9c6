"""The demo's simulated bank: it does what the SEPA files ask for, and tells it so that the service can read it."""

from decimal import Decimal
from xml.etree import ElementTree

from coalition.demo.bank import carry_out
from settlement.documents.camt053 import read_camt053
from settlement.documents.payment_xml import write_debits, write_transfers
from settlement.engine.match_payments import named_shares
from settlement.engine.payment_reference import ShareReference
from tests.pure.settlement.bank_examples import OPERATOR_IBAN, make_order


def test_it_pays_transfers_and_collects_debits_in_full() -> None:
    """Every payment is an entry that names its share; the service's own reader finds that the balances tie out."""
    order = make_order()
    files = [
        write_transfers(order.window, order.transfer_messages[0]),
        write_debits(order.window, order.debit_messages[0]),
    ]
    made = carry_out(files, number=3, iban=OPERATOR_IBAN, opening=Decimal("100.00"))
    (statement,) = read_camt053(made.content)
    expected = {ShareReference(7, payment.partner): -payment.amount for payment in order.transfers}
    expected |= {ShareReference(7, payment.partner): payment.amount for payment in order.debits}
    paid = {
        share: part.amount for entry in statement.entries for part in entry.parts for share in named_shares(part, {})
    }
    assert paid == expected
    assert {entry.booked_on for entry in statement.entries} == {order.pay_on}
    assert (statement.opening, statement.closing) == (Decimal("100.00"), made.closing)
    assert made.closing == Decimal("100.00") + sum(expected.values())


def test_an_account_may_be_overdrawn_and_a_month_may_be_without_payments() -> None:
    opening = Decimal("-5.00")
    (statement,) = read_camt053(carry_out([], number=1, iban=OPERATOR_IBAN, opening=opening).content)
    assert (statement.entries, statement.opening, statement.closing) == ((), opening, opening)


# Of camt.053.001.08, in the order of its schema: what each element that the bank writes must have ("!") or may have.
# No package that the tests install ships that schema; the files were checked by it when this table was made.
SCHEMA = {
    "Document": "BkToCstmrStmt!",
    "BkToCstmrStmt": "GrpHdr! Stmt!",
    "GrpHdr": "MsgId! CreDtTm!",
    "Stmt": "Id! ElctrncSeqNb CreDtTm Acct! Bal! Ntry",
    "Acct": "Id! Tp Ccy",
    "Id": "IBAN!",
    "Bal": "Tp! Amt! CdtDbtInd! Dt!",
    "Tp": "CdOrPrtry!",
    "CdOrPrtry": "Cd!",
    "Dt": "Dt!",
    "Ntry": "NtryRef Amt! CdtDbtInd! Sts! BookgDt ValDt AcctSvcrRef BkTxCd! NtryDtls",
    "Sts": "Cd!",
    "BookgDt": "Dt!",
    "ValDt": "Dt!",
    "BkTxCd": "Domn",
    "Domn": "Cd! Fmly!",
    "Fmly": "Cd! SubFmlyCd!",
    "NtryDtls": "Btch TxDtls",
    "TxDtls": "Refs Amt CdtDbtInd RltdPties RmtInf",
    "Refs": "EndToEndId",
    "RltdPties": "Dbtr DbtrAcct Cdtr CdtrAcct",
    "Dbtr": "Pty!",
    "Cdtr": "Pty!",
    "Pty": "Nm",
    "DbtrAcct": "Id!",
    "CdtrAcct": "Id!",
    "RmtInf": "Ustrd",
}


def schema_faults(element: ElementTree.Element) -> list[str]:
    name = element.tag.rpartition("}")[2]
    children = [child.tag.rpartition("}")[2] for child in element]
    if not children:
        return [] if (element.text or "").strip() else [f"{name} is empty"]
    allowed = SCHEMA[name].split()
    order = [each.removesuffix("!") for each in allowed]
    faults = [f"{child} in {name}" for child in children if child not in order]
    faults += [f"{each} is missing in {name}" for each in allowed if each.endswith("!") and each[:-1] not in children]
    if not faults and sorted(children, key=order.index) != children:
        faults.append(f"{children} of {name} are in another order than {order}")
    return faults + [fault for child in element for fault in schema_faults(child)]


def test_its_statements_have_the_structure_of_the_schema_and_another_reader_reads_them() -> None:
    """A reader that knows nothing of the service's finds the same money, each amount with its currency."""
    order = make_order()
    made = carry_out(
        [
            write_transfers(order.window, order.transfer_messages[0]),
            write_debits(order.window, order.debit_messages[0]),
        ],
        number=3,
        iban=OPERATOR_IBAN,
        opening=Decimal(0),
    )
    root = ElementTree.fromstring(made.content)
    assert root.tag == "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}Document"
    assert schema_faults(root) == []
    assert {amount.get("Ccy") for amount in root.iterfind(".//{*}Amt")} == {"EUR"}
    entries = root.findall(".//{*}Ntry")
    signed = [
        Decimal(entry.findtext("{*}Amt", "")) * (1 if entry.findtext("{*}CdtDbtInd") == "CRDT" else -1)
        for entry in entries
    ]
    assert sum(signed) == made.closing
    assert sorted(entry.findtext(".//{*}EndToEndId", "") for entry in entries) == sorted(
        f"W00007-P{payment.partner:05d}" for payment in (*order.transfers, *order.debits)
    )
    # What the checks look at: an element out of its place is found.
    entries[0].insert(0, ElementTree.Element("ValDt"))
    assert schema_faults(root) != []
