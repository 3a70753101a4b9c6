"""A simulated bank: it does at once what the operator's SEPA files ask for, and tells it as a camt.053.

It is no part of the service. It pays every transfer and collects every debit in full on the day that the file names;
nothing ever comes back. It knows nothing but the files: pain.001.001.09 and pain.008.001.08 in, camt.053.001.08 out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

STATEMENT_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
CURRENCY = "EUR"
TOLD_AT = "20:00:00"
# What kind of movement it is: domain, family, sub-family (ISO 20022, BankTransactionCode).
TRANSFER_CODE = ("PMNT", "ICDT", "ESCT")
DEBIT_CODE = ("PMNT", "IDDT", "ESDD")

Element = ElementTree.Element


@dataclass(frozen=True, slots=True)
class Movement:
    """One payment as the operator's account sees it; `amount` > 0 came in."""

    amount: Decimal
    booked_on: date
    end_to_end_id: str
    counterparty: str
    counterparty_iban: str
    remittance: str
    code: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """A bank's statement as a file, and the balance that the next one begins with."""

    content: bytes
    closing: Decimal
    movements: tuple[Movement, ...]


def carry_out(files: Sequence[bytes], *, number: int, iban: str, opening: Decimal) -> Statement:
    """Return the statement of a bank that did what these files ask for; `number` makes its id."""
    movements = tuple(movement for content in files for movement in _movements(ElementTree.fromstring(content)))
    closing = opening + sum((movement.amount for movement in movements), Decimal("0.00"))
    return Statement(_written(movements, number, iban, opening, closing), closing, movements)


def _movements(document: Element) -> Iterator[Movement]:
    for block in document.iterfind("./{*}CstmrCdtTrfInitn/{*}PmtInf"):
        booked_on = _text(block, "ReqdExctnDt/Dt")
        for payment in block.iterfind("{*}CdtTrfTxInf"):
            yield _movement(payment, "Cdtr", booked_on, sign=-1, amount_at="Amt/InstdAmt", code=TRANSFER_CODE)
    for block in document.iterfind("./{*}CstmrDrctDbtInitn/{*}PmtInf"):
        booked_on = _text(block, "ReqdColltnDt")
        for payment in block.iterfind("{*}DrctDbtTxInf"):
            yield _movement(payment, "Dbtr", booked_on, sign=1, amount_at="InstdAmt", code=DEBIT_CODE)


def _movement(
    payment: Element, party: str, booked_on: str, *, sign: int, amount_at: str, code: tuple[str, str, str]
) -> Movement:
    return Movement(
        amount=sign * Decimal(_text(payment, amount_at)),
        booked_on=date.fromisoformat(booked_on),
        end_to_end_id=_text(payment, "PmtId/EndToEndId"),
        counterparty=_text(payment, f"{party}/Nm"),
        counterparty_iban=_text(payment, f"{party}Acct/Id/IBAN"),
        remittance=_text(payment, "RmtInf/Ustrd"),
        code=code,
    )


def _text(element: Element, path: str) -> str:
    text = element.findtext("/".join(f"{{*}}{name}" for name in path.split("/")))
    assert text is not None, f"the operator's files say {path}"
    return text


def _written(movements: Sequence[Movement], number: int, iban: str, opening: Decimal, closing: Decimal) -> bytes:
    document = ElementTree.Element("Document", {"xmlns": STATEMENT_NAMESPACE})
    message = _node(document, "BkToCstmrStmt")
    told_on = max((movement.booked_on for movement in movements), default=date(2000, 1, 1))
    _texts(_node(message, "GrpHdr"), MsgId=f"DEMOBANK-{number:05d}", CreDtTm=f"{told_on}T{TOLD_AT}")
    statement = _node(message, "Stmt")
    _texts(statement, Id=f"DEMOBANK-{number:05d}", ElctrncSeqNb=str(number), CreDtTm=f"{told_on}T{TOLD_AT}")
    account = _node(statement, "Acct")
    _texts(_node(account, "Id"), IBAN=iban)
    _texts(account, Ccy=CURRENCY)
    for code, amount in (("OPBD", opening), ("CLBD", closing)):
        balance = _node(statement, "Bal")
        _texts(_node(_node(balance, "Tp"), "CdOrPrtry"), Cd=code)
        _money(balance, amount)
        _texts(_node(balance, "Dt"), Dt=told_on.isoformat())
    for place, movement in enumerate(movements, start=1):
        _entry(statement, movement, f"{number:05d}-{place:05d}")
    ElementTree.indent(document)
    body: bytes = ElementTree.tostring(document, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def _entry(statement: Element, movement: Movement, reference: str) -> None:
    entry = _node(statement, "Ntry")
    _texts(entry, NtryRef=reference)
    _money(entry, movement.amount)
    _texts(_node(entry, "Sts"), Cd="BOOK")
    for name in ("BookgDt", "ValDt"):
        _texts(_node(entry, name), Dt=movement.booked_on.isoformat())
    _texts(entry, AcctSvcrRef=f"DEMO{reference}")
    domain, family, sub_family = movement.code
    kind = _node(_node(entry, "BkTxCd"), "Domn")
    _texts(kind, Cd=domain)
    _texts(_node(kind, "Fmly"), Cd=family, SubFmlyCd=sub_family)
    detail = _node(_node(entry, "NtryDtls"), "TxDtls")
    _texts(_node(detail, "Refs"), EndToEndId=movement.end_to_end_id)
    _money(detail, movement.amount)
    role = "Dbtr" if movement.amount > 0 else "Cdtr"
    parties = _node(detail, "RltdPties")
    _texts(_node(_node(parties, role), "Pty"), Nm=movement.counterparty)
    _texts(_node(_node(parties, f"{role}Acct"), "Id"), IBAN=movement.counterparty_iban)
    _texts(_node(detail, "RmtInf"), Ustrd=movement.remittance)


def _money(parent: Element, amount: Decimal) -> None:
    _texts(parent, Amt=str(abs(amount)), CdtDbtInd="DBIT" if amount < 0 else "CRDT")
    parent[-2].set("Ccy", CURRENCY)


def _node(parent: Element, name: str) -> Element:
    return ElementTree.SubElement(parent, name)


def _texts(parent: Element, **texts: str) -> None:
    """Add elements with text, in the order given, which is the schema's."""
    for name, text in texts.items():
        _node(parent, name).text = text
