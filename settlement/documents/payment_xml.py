"""A window's payments as SEPA messages: pain.001.001.09 (credit transfers) and pain.008.001.08 (direct debits).

    Document
    └── CstmrCdtTrfInitn | CstmrDrctDbtInitn
        ├── GrpHdr     MsgId, CreDtTm, NbOfTxs, CtrlSum, InitgPty
        └── PmtInf     one for all transfers; one for each scheme of debits (CORE, B2B)
            └── CdtTrfTxInf | DrctDbtTxInf     one for each partner, by number

Every id follows from window and partner, and the time from what was approved and written down: the same message is the
same bytes, so a bank that gets a file twice knows it by its message id.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree

from settlement.documents.sepa_text import sepa_text
from settlement.engine.bank_account import HOLDER_CHARS_MAX, MANDATE_SCHEMES, BankAccount, PostalAddress
from settlement.engine.money import add_exactly
from settlement.engine.payment_order import SEPA_CURRENCY, Payment, PaymentMessage, mandate_of, payments_of_scheme
from settlement.engine.payment_reference import share_reference
from settlement.engine.statement import statement_number

TRANSFER_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
DEBIT_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
REMITTANCE_CHARS_MAX: Final = 140

Element = ElementTree.Element


def write_transfers(window: int, message: PaymentMessage) -> bytes:
    """Return credit transfers of the operator to partners."""
    document, root = _message(TRANSFER_NAMESPACE, "CstmrCdtTrfInitn")
    reference = f"{message.reference}-CT"
    _group_header(root, message, reference)
    block = _block(root, reference, "TRF", message.payments)
    _type(block)
    _texts(_node(block, "ReqdExctnDt"), Dt=message.pay_on.isoformat())
    _party(block, "Dbtr", message.operator)
    _account(block, "Dbtr", message.operator)
    _texts(block, ChrgBr="SLEV")
    for payment in message.payments:
        _transfer(block, window, message, payment)
    return _bytes(document)


def write_debits(window: int, message: PaymentMessage) -> bytes:
    """Return the debits of partners that gave a mandate."""
    document, root = _message(DEBIT_NAMESPACE, "CstmrDrctDbtInitn")
    _group_header(root, message, f"{message.reference}-DD")
    for scheme in MANDATE_SCHEMES:
        payments = payments_of_scheme(message.payments, scheme)
        if not payments:
            continue
        block = _block(root, f"{message.reference}-{scheme}", "DD", payments)
        _type(block, scheme=scheme)
        _texts(block, ReqdColltnDt=message.pay_on.isoformat())
        _party(block, "Cdtr", message.operator)
        _account(block, "Cdtr", message.operator)
        _texts(block, ChrgBr="SLEV")
        _creditor_scheme(block, message.operator)
        for payment in payments:
            _debit(block, window, message, payment)
    return _bytes(document)


def _message(namespace: str, name: str) -> tuple[Element, Element]:
    document = ElementTree.Element("Document", {"xmlns": namespace})
    return document, _node(document, name)


def _group_header(root: Element, message: PaymentMessage, reference: str) -> None:
    header = _node(root, "GrpHdr")
    _texts(
        header,
        MsgId=reference,
        CreDtTm=message.made_at.isoformat(timespec="seconds"),
        NbOfTxs=str(len(message.payments)),
        CtrlSum=_amount(message.payments),
    )
    _texts(_node(header, "InitgPty"), Nm=sepa_text(message.operator.holder, chars_max=HOLDER_CHARS_MAX))


def _block(root: Element, reference: str, method: str, payments: Sequence[Payment]) -> Element:
    block = _node(root, "PmtInf")
    # Booked one by one, so that the bank's statement names each.
    _texts(
        block,
        PmtInfId=reference,
        PmtMtd=method,
        BtchBookg="false",
        NbOfTxs=str(len(payments)),
        CtrlSum=_amount(payments),
    )
    return block


def _type(block: Element, *, scheme: str | None = None) -> None:
    kind = _node(block, "PmtTpInf")
    _texts(_node(kind, "SvcLvl"), Cd="SEPA")
    if scheme is not None:
        _texts(_node(kind, "LclInstrm"), Cd=scheme)
        # Recurring for the first as well, as the rulebooks allow since 2016: nobody has to remember which it was.
        _texts(kind, SeqTp="RCUR")


def _transfer(block: Element, window: int, message: PaymentMessage, payment: Payment) -> None:
    transaction = _node(block, "CdtTrfTxInf")
    reference = share_reference(window=window, partner=payment.partner)
    _texts(_node(transaction, "PmtId"), InstrId=reference, EndToEndId=reference)
    _money(_node(transaction, "Amt"), payment.amount)
    if payment.account.bic is not None:
        _agent(transaction, "CdtrAgt", payment.account)
    _party(transaction, "Cdtr", payment.account)
    _iban(transaction, "CdtrAcct", payment.account)
    _remittance(transaction, window, message, payment)


def _debit(block: Element, window: int, message: PaymentMessage, payment: Payment) -> None:
    transaction = _node(block, "DrctDbtTxInf")
    reference = share_reference(window=window, partner=payment.partner)
    _texts(_node(transaction, "PmtId"), InstrId=reference, EndToEndId=reference)
    _money(transaction, payment.amount)
    mandate = mandate_of(payment)
    related = _node(_node(transaction, "DrctDbtTx"), "MndtRltdInf")
    _texts(related, MndtId=mandate.mandate_id, DtOfSgntr=mandate.signed_on.isoformat())
    _agent(transaction, "DbtrAgt", payment.account)
    _party(transaction, "Dbtr", payment.account)
    _iban(transaction, "DbtrAcct", payment.account)
    _remittance(transaction, window, message, payment)


def _remittance(transaction: Element, window: int, message: PaymentMessage, payment: Payment) -> None:
    share = share_reference(window=window, partner=payment.partner)
    text = f"{share} {statement_number(window=window, partner=payment.partner)} {message.operator.holder}"
    _texts(_node(transaction, "RmtInf"), Ustrd=sepa_text(text, chars_max=REMITTANCE_CHARS_MAX))


def _creditor_scheme(block: Element, operator: BankAccount) -> None:
    assert operator.creditor_id is not None, "there are no debits without"
    other = _node(_node(_node(_node(block, "CdtrSchmeId"), "Id"), "PrvtId"), "Othr")
    _texts(other, Id=operator.creditor_id)
    _texts(_node(other, "SchmeNm"), Prtry="SEPA")


def _party(parent: Element, role: str, account: BankAccount) -> None:
    party = _node(parent, role)
    _texts(party, Nm=sepa_text(account.holder, chars_max=HOLDER_CHARS_MAX))
    _address(_node(party, "PstlAdr"), account.address)


def _address(parent: Element, address: PostalAddress) -> None:
    for name, text, chars_max in (
        ("StrtNm", address.street, 70),
        ("BldgNb", address.building, 16),
        ("PstCd", address.post_code, 16),
        ("TwnNm", address.town, 35),
        ("Ctry", address.country, 2),
    ):
        if text is not None:
            _texts(parent, **{name: sepa_text(text, chars_max=chars_max)})


def _account(block: Element, role: str, account: BankAccount) -> None:
    _iban(block, f"{role}Acct", account)
    _agent(block, f"{role}Agt", account)


def _iban(parent: Element, name: str, account: BankAccount) -> None:
    _texts(_node(_node(parent, name), "Id"), IBAN=account.iban)


def _agent(parent: Element, name: str, account: BankAccount) -> None:
    institution = _node(_node(parent, name), "FinInstnId")
    if account.bic is not None:
        _texts(institution, BICFI=account.bic)
    else:
        # The element has to be there; within SEPA the IBAN says which bank it is.
        _texts(_node(institution, "Othr"), Id="NOTPROVIDED")


def _money(parent: Element, amount: Decimal) -> None:
    element = _node(parent, "InstdAmt")
    element.set("Ccy", SEPA_CURRENCY)
    element.text = str(amount)


def _amount(payments: Sequence[Payment]) -> str:
    return str(add_exactly(payment.amount for payment in payments))


def _node(parent: Element, name: str) -> Element:
    return ElementTree.SubElement(parent, name)


def _texts(parent: Element, **texts: str) -> None:
    """Add elements with text, in the order given, which is the schema's."""
    for name, text in texts.items():
        _node(parent, name).text = text


def _bytes(document: Element) -> bytes:
    ElementTree.indent(document)
    body: bytes = ElementTree.tostring(document, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"
