"""A bank's statements read from camt.053.001.02 or .08, and from what lies between: only what settling needs of them.

    Document
    └── BkToCstmrStmt
        └── Stmt  Id, CreDtTm, Acct/Id/IBAN, Bal (OPBD or PRCD, CLBD)
            └── Ntry  NtryRef, Amt, CdtDbtInd, Sts, BookgDt, AcctSvcrRef, RvslInd
                └── NtryDtls  Btch/PmtInfId
                    └── TxDtls  Refs/EndToEndId, Amt or AmtDtls/TxAmt/Amt, CdtDbtInd, RltdPties, RmtInf, RtrInf;
                                of a return AmtDtls/InstdAmt/Amt and Chrgs, also of the Ntry

What is read is held against itself: parts must add up to their entry, entries to the balances. It is not checked
against the schema, which banks extend.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NoReturn, TypeVar

from settlement.documents.safe_xml import XmlElement, parse_xml
from settlement.engine.bank_statement import BankEntry, BankStatement, EntryPart
from settlement.engine.money import add_exactly
from settlement.errors import ForeignBankFileError, UnreadableBankFileError
from settlement.worded import WordCode, Worded

NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(0[2-9]|1[0-3])")
ENTRIES_MAX: Final = 20_000
# Max35Text: what an id or a reference holds.
REFERENCE_CHARS_MAX: Final = 35
# ISO 20022: an amount has 18 digits at most, five of them decimals; 15 of them fit what keeps it.
_AMOUNT: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{0,5})?")
_SIGNS: Final = {"CRDT": 1, "DBIT": -1}
_NONE_GIVEN: Final = ("NOTPROVIDED", "NONREF")

T = TypeVar("T")


def read_camt053(content: bytes) -> list[BankStatement]:
    """Return the statements of a file, in order.

    Raises:
        UnreadableBankFileError: the file is damaged, hostile, not a camt.053, or does not add up; names the line.
        ForeignBankFileError: a statement mixes currencies.
    """
    root = parse_xml(content)
    if root.name != "Document" or not NAMESPACE.fullmatch(root.namespace):
        told = root.namespace or root.name
        _refuse(root, "camt", got=told[:80])
    message = _needed(root, "BkToCstmrStmt")
    statements = [_statement(element) for element in message.find_all("Stmt")]
    if not statements:
        _refuse(message, "no_statement")
    return statements


def _statement(element: XmlElement) -> BankStatement:
    account = _needed(element, "Acct")
    iban = account.text_at("Id", "IBAN")
    if iban is None:
        _refuse(account, "no_iban")
    booked, pending = _entries(element)
    currency = _currency(account, list(element.find_all("Ntry", "Amt")))
    entries = _numbered_apart([_entry(entry, number, currency) for number, entry in booked])
    opening = _balance(element, ("OPBD", "PRCD"), currency)
    closing = _balance(element, ("CLBD",), currency)
    if opening is not None and closing is not None:
        moved = add_exactly(entry.amount for entry in entries)
        if opening + moved != closing:
            told = {"moved": moved, "opening": opening, "reached": opening + moved, "closing": closing}
            _refuse(element, "balances", **{name: str(amount) for name, amount in told.items()})
    return BankStatement(
        line=element.line,
        statement_id=_text(element, "Id"),
        created_at=_moment(_needed(element, "CreDtTm")),
        iban=re.sub(r"\s", "", iban),
        currency=currency,
        opening=opening,
        closing=closing,
        entries=entries,
        pending=pending,
    )


def _entries(element: XmlElement) -> tuple[list[tuple[int, XmlElement]], int]:
    """Return the booked entries with their numbers, and how many are not booked."""
    numbered = list(enumerate(element.find_all("Ntry"), start=1))
    if len(numbered) > ENTRIES_MAX:
        _refuse(element, "entries", most=ENTRIES_MAX, got=len(numbered))
    booked = [(number, entry) for number, entry in numbered if _status(entry) == "BOOK"]
    return booked, len(numbered) - len(booked)


def _numbered_apart(entries: list[BankEntry]) -> tuple[BankEntry, ...]:
    """Return the entries with a reference of its own for each: some banks give one to several."""
    times: Counter[str] = Counter()
    apart = []
    for entry in entries:
        times[entry.reference] += 1
        count = times[entry.reference]
        apart.append(entry if count == 1 else replace(entry, reference=f"{entry.reference}/{count}"))
    return tuple(apart)


def _status(entry: XmlElement) -> str:
    status = _needed(entry, "Sts")
    return status.text_at("Cd") or status.text_at("Prtry") or status.text.strip()


def _entry(element: XmlElement, number: int, currency: str) -> BankEntry:
    amount = _sign(_needed(element, "CdtDbtInd")) * _amount(_needed(element, "Amt"), currency)
    bank_reference = element.text_at("AcctSvcrRef")
    parts = tuple(_parts(element, amount, currency, bank_reference))
    total = add_exactly(part.amount for part in parts)
    if total != amount:
        _refuse(element, "entry_parts", entry=number, parts=str(total), amount=str(amount))
    return BankEntry(
        number=number,
        line=element.line,
        reference=_reference(element) or f"#{number}",
        amount=amount,
        booked_on=_day(element),
        parts=parts,
    )


def _parts(entry: XmlElement, amount: Decimal, currency: str, bank_reference: str | None) -> Iterator[EntryPart]:
    details = list(entry.find_all("NtryDtls", "TxDtls"))
    batch = entry.text_at("NtryDtls", "Btch", "PmtInfId")
    if not details:
        remittance = entry.text_at("AddtlNtryInf") or ""
        yield EntryPart(amount=amount, bank_reference=bank_reference, batch=batch, remittance=remittance)
        return
    amounts = [amount if len(details) == 1 else _detail_amount(detail, amount, currency) for detail in details]
    # Some banks tell what a return has cost beside its amount, others within.
    is_beside = add_exactly(amounts) != amount
    for detail, told in zip(details, amounts, strict=True):
        is_return = detail.find("RtrInf") is not None
        fee = _return_fee(detail, entry if len(details) == 1 else detail, told, currency) if is_return else None
        part = EntryPart(
            amount=told if fee is None or is_beside else told - fee,
            end_to_end_id=_given(detail.text_at("Refs", "EndToEndId")),
            bank_reference=detail.text_at("Refs", "AcctSvcrRef") or bank_reference,
            counterparty=_counterparty(detail, came_in=told > 0),
            remittance=_remittance(detail),
            batch=(batch or detail.text_at("Refs", "PmtInfId")) if len(details) == 1 else None,
            is_return=is_return,
        )
        yield part
        if fee is not None:
            yield replace(part, amount=fee, batch=None, is_return=False, is_fee=True)
    charges = entry.find("Chrgs")
    if is_beside and charges is not None and amount - add_exactly(amounts) == -_charges(charges, currency):
        yield EntryPart(amount=-_charges(charges, currency), bank_reference=bank_reference, is_fee=True)


def _return_fee(detail: XmlElement, entry: XmlElement, amount: Decimal, currency: str) -> Decimal | None:
    """Return what the bank took for a return, below 0: as it states its charges, or by what it took beyond the amount
    that was once instructed; None: nothing."""
    charges = detail.find("Chrgs") or entry.find("Chrgs")
    fee = Decimal(0) if charges is None else -_charges(charges, currency)
    instructed = detail.find("AmtDtls", "InstdAmt", "Amt")
    if not fee and instructed is not None and instructed.attributes.get("Ccy") == currency:
        fee = amount + _amount(instructed, currency)
    # The bank is paid out of the operator's account, and no fee is all that a return is.
    return fee if amount < fee < 0 else None


def _charges(charges: XmlElement, currency: str) -> Decimal:
    records = list(charges.find_all("Rcrd")) or [charges]
    amounts = [record.find("Amt") or record.find("TtlChrgsAndTaxAmt") for record in records]
    return add_exactly(_amount(amount, currency) for amount in amounts if amount is not None)


def _detail_amount(detail: XmlElement, entry_amount: Decimal, currency: str) -> Decimal:
    element = detail.find("Amt") or detail.find("AmtDtls", "TxAmt", "Amt")
    if element is None:
        _refuse(detail, "part_amount")
    indicator = detail.find("CdtDbtInd")
    sign = _sign(indicator) if indicator is not None else (1 if entry_amount > 0 else -1)
    return sign * _amount(element, currency)


def _counterparty(detail: XmlElement, *, came_in: bool) -> str | None:
    role = "Dbtr" if came_in else "Cdtr"
    name = detail.text_at("RltdPties", role, "Nm") or detail.text_at("RltdPties", role, "Pty", "Nm")
    iban = detail.text_at("RltdPties", f"{role}Acct", "Id", "IBAN")
    return ", ".join(text[:140] for text in (name, iban) if text) or None


def _remittance(detail: XmlElement) -> str:
    # Banks break the text into lines of 35 or 140 characters, wherever that is: a reference may begin in one and end
    # in the next.
    lines = [element.text.strip() for element in detail.find_all("RmtInf", "Ustrd")]
    structured = [element.text.strip() for element in detail.find_all("RmtInf", "Strd", "CdtrRefInf", "Ref")]
    return "\n".join([*structured, "".join(lines) if len(lines) > 1 else "", *lines]).strip()


def _given(text: str | None) -> str | None:
    return None if text in _NONE_GIVEN else text


def _balance(element: XmlElement, codes: tuple[str, ...], currency: str) -> Decimal | None:
    for balance in element.find_all("Bal"):
        if balance.text_at("Tp", "CdOrPrtry", "Cd") in codes:
            return _sign(_needed(balance, "CdtDbtInd")) * _amount(_needed(balance, "Amt"), currency)
    return None


def _currency(account: XmlElement, amounts: list[XmlElement]) -> str:
    stated = account.text_at("Ccy") or next((amount.attributes.get("Ccy", "") for amount in amounts), None)
    if stated is None:
        _refuse(account, "no_currency")
    return stated


def _amount(element: XmlElement, currency: str) -> Decimal:
    text = element.text.strip()
    if not _AMOUNT.fullmatch(text):
        _refuse(element, "bank_amount", got=text[:40])
    stated = element.attributes.get("Ccy", "")
    if stated != currency:
        raise ForeignBankFileError(line=element.line, what="an amount in", expected=currency, actual=stated[:20])
    return Decimal(text)


def _sign(element: XmlElement) -> int:
    text = element.text.strip()
    if text not in _SIGNS:
        _refuse(element, "sign", got=text[:20])
    return _SIGNS[text]


def _day(entry: XmlElement) -> date:
    booked = entry.find("BookgDt") or _needed(entry, "ValDt")
    day, moment = booked.find("Dt"), booked.find("DtTm")
    if day is not None:
        # Some banks add an offset to a date: the day is the same.
        return _parsed(day, "day", lambda text: date.fromisoformat(text[:10]))
    if moment is None:
        _refuse(booked, "no_day")
    return _moment(moment).date()


def _moment(element: XmlElement) -> datetime:
    moment = _parsed(element, "moment", datetime.fromisoformat)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _parsed(element: XmlElement, code: WordCode, read: Callable[[str], T]) -> T:
    text = element.text.strip()
    try:
        return read(text)
    except ValueError:
        _refuse(element, code, got=text[:40])


def _reference(entry: XmlElement) -> str | None:
    for name in ("NtryRef", "AcctSvcrRef"):
        if entry.text_at(name) is not None:
            return _text(entry, name)
    return None


def _text(element: XmlElement, name: str) -> str:
    child = _needed(element, name)
    text = child.text.strip()
    if not 1 <= len(text) <= REFERENCE_CHARS_MAX or not text.isprintable():
        _refuse(child, "characters", most=REFERENCE_CHARS_MAX, name=name, got=text[:50])
    return text


def _needed(element: XmlElement, name: str) -> XmlElement:
    child = element.find(name)
    if child is None:
        _refuse(element, "no_element", name=name, parent=element.name)
    return child


def _refuse(element: XmlElement, code: WordCode, **values: object) -> NoReturn:
    raise UnreadableBankFileError(line=element.line, problem=Worded.of(code, **values))
