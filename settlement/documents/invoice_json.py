"""A tax document as canonical JSON: the form that is kept, and that its XML and its letter are made from.

Canonical means the same as for the statement: keys sorted, no blanks, UTF-8, one spelling per value, money as text.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any, Final

from settlement.documents.figures import plain
from settlement.engine.document import VatGroup
from settlement.engine.invoice import Earlier, Invoice, InvoiceLine, InvoiceParty, Original, Payable
from settlement.engine.legal_party import LegalParty
from settlement.engine.money import Currency
from settlement.engine.vat import VatTreatment

FORMAT: Final = "coalition-invoice-v1"


def write_invoice_json(invoice: Invoice) -> bytes:
    """Return a tax document as canonical JSON."""
    document = {
        "format": FORMAT,
        "number": invoice.number,
        "kind": invoice.kind,
        "issued_on": invoice.issued_on.isoformat(),
        "language": invoice.language,
        "currency": {"code": invoice.currency.code, "minor_units": invoice.currency.minor_units},
        "partner": invoice.partner,
        "window": invoice.window,
        "payable": None if invoice.payable is None else _payable(invoice.payable),
        "statement": invoice.statement,
        "first_day": invoice.first_day.isoformat(),
        "last_day": invoice.last_day.isoformat(),
        "seller": _party(invoice.seller),
        "buyer": _party(invoice.buyer),
        "lines": [_line(line) for line in invoice.lines],
        "breakdown": [_group(group) for group in invoice.breakdown],
        "totals": {"net": str(invoice.net), "vat": str(invoice.vat), "gross": str(invoice.gross)},
        "original": None if invoice.original is None else _original(invoice.original),
        "reason": invoice.reason,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_invoice_json(content: bytes) -> Invoice:
    """Return the document that `write_invoice_json` wrote. It does not check it: it is for bytes of our own keeping.

    Raises:
        ValueError: the content has another format.
    """
    document = json.loads(content)
    if document.get("format") != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {document.get('format')}")
    original = document["original"]
    return Invoice(
        number=document["number"],
        kind=document["kind"],
        issued_on=date.fromisoformat(document["issued_on"]),
        language=document["language"],
        currency=Currency(document["currency"]["code"], document["currency"]["minor_units"]),
        partner=document["partner"],
        window=document["window"],
        statement=document["statement"],
        first_day=date.fromisoformat(document["first_day"]),
        last_day=date.fromisoformat(document["last_day"]),
        seller=_read_party(document["seller"]),
        buyer=_read_party(document["buyer"]),
        lines=tuple(_read_line(line) for line in document["lines"]),
        breakdown=tuple(_read_group(group) for group in document["breakdown"]),
        payable=None if document["payable"] is None else _read_payable(document["payable"]),
        original=None
        if original is None
        else Original(number=original["number"], issued_on=date.fromisoformat(original["issued_on"])),
        reason=document["reason"],
    )


def _party(party: InvoiceParty) -> dict[str, Any]:
    return {"id": party.id, **asdict(party.party)}


def _vat(vat: VatTreatment) -> dict[str, Any]:
    return {"category": vat.category, "rate": plain(vat.rate), "country": vat.country}


def _line(line: InvoiceLine) -> dict[str, Any]:
    return {
        "line": line.line,
        "code": line.code,
        "terms_version": line.terms_version,
        "quantity": line.quantity,
        "price": plain(line.price),
        "amount": str(line.amount),
        "vat": _vat(line.vat),
        "counterparty": line.counterparty,
    }


def _group(group: VatGroup) -> dict[str, Any]:
    return {"treatment": _vat(group.treatment), "net": str(group.net), "vat": str(group.vat)}


def _payable(payable: Payable) -> dict[str, Any]:
    return {
        "amount": str(payable.amount),
        "due_on": payable.due_on.isoformat(),
        "pay_on": None if payable.pay_on is None else payable.pay_on.isoformat(),
        "held": str(payable.held),
        "adjusted": str(payable.adjusted),
        "earlier": [{"kind": part.kind, "window": part.window, "amount": str(part.amount)} for part in payable.earlier],
        "way": payable.way,
        "iban": payable.iban,
    }


def _original(original: Original) -> dict[str, Any]:
    return {"number": original.number, "issued_on": original.issued_on.isoformat()}


def _read_payable(document: dict[str, Any]) -> Payable:
    # Documents made before these fields were there lack them.
    earlier = tuple(
        Earlier(kind=part["kind"], window=part["window"], amount=Decimal(part["amount"]))
        for part in document.get("earlier", ())
    )
    pay_on = document.get("pay_on")
    return Payable(
        amount=Decimal(document["amount"]),
        due_on=date.fromisoformat(document["due_on"]),
        pay_on=None if pay_on is None else date.fromisoformat(pay_on),
        held=Decimal(document["held"]),
        adjusted=Decimal(document["adjusted"]),
        earlier=earlier,
        way=document["way"],
        iban=document["iban"],
    )


def _read_party(document: dict[str, Any]) -> InvoiceParty:
    fields = dict(document)
    return InvoiceParty(id=fields.pop("id"), party=LegalParty(**fields))


def _read_vat(document: dict[str, Any]) -> VatTreatment:
    return VatTreatment(document["category"], Decimal(document["rate"]), document["country"])


def _read_line(document: dict[str, Any]) -> InvoiceLine:
    return InvoiceLine(
        line=document["line"],
        code=document["code"],
        terms_version=document["terms_version"],
        quantity=document["quantity"],
        price=Decimal(document["price"]),
        amount=Decimal(document["amount"]),
        vat=_read_vat(document["vat"]),
        counterparty=document.get("counterparty", ""),
    )


def _read_group(document: dict[str, Any]) -> VatGroup:
    return VatGroup(
        treatment=_read_vat(document["treatment"]), net=Decimal(document["net"]), vat=Decimal(document["vat"])
    )
