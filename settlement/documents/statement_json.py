"""The statement as canonical JSON: the form that is signed, kept, and that the other formats are made from.

Canonical means: keys sorted, no blanks, UTF-8, one spelling per value. Money and prices are strings, so that no
reader rounds them; points and counts are whole numbers. Whoever verifies hashes the bytes as they came.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from settlement.documents.figures import plain
from settlement.engine.document import DocumentTotal, VatGroup
from settlement.engine.line import LINE_CODES, Line
from settlement.engine.money import Currency
from settlement.engine.position import Position
from settlement.engine.prepaid import BlockAccount, BlockUse
from settlement.engine.prior_period import PriorPeriod
from settlement.engine.sales import SalesPeriod
from settlement.engine.statement import ControlTotals, MatrixRow, Party, PointsOrigin, Statement, WindowPeriod
from settlement.engine.total import KINDS
from settlement.engine.vat import NOT_SUBJECT, VatTreatment
from settlement.engine.vat_correction import MonthOfVat, RateOfVat

FORMAT: Final = "coalition-statement-v1"
_TAKES_BACK: Final = frozenset(code for code in LINE_CODES if code.endswith("_reversed") or code == "cover_credit")


def write_json(statement: Statement) -> bytes:
    """Return the statement as canonical JSON."""
    document = {
        "format": FORMAT,
        "number": statement.number,
        "window": _window(statement),
        "made_at": statement.made_at.isoformat(),
        "operator": _party(statement.operator),
        "partner": {"partner": statement.partner, **_party(statement.addressee)},
        "currency": {"code": statement.currency.code, "minor_units": statement.currency.minor_units},
        "lines": [_line(line) for line in statement.lines],
        "totals": _totals(statement.position),
        "documents": [_document(total) for total in statement.documents],
        "control": _control(statement.control),
        "origins": [_origin(origin) for origin in statement.origins],
        "points_elsewhere": [_matrix_row(row) for row in statement.points_elsewhere],
        "points_here": [_matrix_row(row) for row in statement.points_here],
        "burned_vat": [_rate_of_vat(rate) for rate in statement.burned_vat],
        "expired_vat": [_rate_of_vat(rate) for rate in statement.expired_vat],
        "blocks": None if statement.blocks is None else _blocks(statement.blocks),
        "prior_periods": [_prior_period(late) for late in statement.prior_periods],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_json(content: bytes) -> Statement:
    """Return the statement that `write_json` wrote. It does not check it: it is for bytes of our own keeping.

    Fields that came later may be missing; what was read is not what is written again then.

    Raises:
        ValueError: the content has another format.
    """
    document = json.loads(content)
    if document.get("format") != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {document.get('format')}")
    window, partner, totals = document["window"], document["partner"], document["totals"]
    return Statement(
        number=document["number"],
        period=WindowPeriod(
            window=window["window"],
            opened_at=datetime.fromisoformat(window["opened_at"]),
            closed_at=datetime.fromisoformat(window["closed_at"]),
        ),
        sales=_read_sales(window),
        made_at=datetime.fromisoformat(document["made_at"]),
        operator=_read_party(document["operator"]),
        partner=partner["partner"],
        addressee=_read_party(partner),
        currency=Currency(document["currency"]["code"], document["currency"]["minor_units"]),
        lines=tuple(_read_line(line) for line in document["lines"]),
        position=Position(
            partner=partner["partner"],
            charge=Decimal(totals["charge"]),
            credit=Decimal(totals["credit"]),
            platform_fee=Decimal(totals["platform_fee"]),
            invoice_vat=Decimal(totals.get("invoice_vat", "0.00")),
            credit_note_vat=Decimal(totals.get("credit_note_vat", "0.00")),
        ),
        control=ControlTotals(
            points={kind: document["control"][kind]["points"] for kind in KINDS},
            operations={kind: document["control"][kind]["operations"] for kind in KINDS},
        ),
        origins=tuple(_read_origin(origin) for origin in document["origins"]),
        points_elsewhere=tuple(_read_matrix_row(row) for row in document.get("points_elsewhere", ())),
        points_here=tuple(_read_matrix_row(row) for row in document.get("points_here", ())),
        burned_vat=tuple(_read_rate_of_vat(rate) for rate in document.get("burned_vat", ())),
        expired_vat=tuple(_read_rate_of_vat(rate) for rate in document.get("expired_vat", ())),
        blocks=_read_blocks(document.get("blocks")),
        prior_periods=tuple(_read_prior_period(late) for late in document.get("prior_periods", ())),
    )


def _window(statement: Statement) -> dict[str, Any]:
    period = statement.period
    return {
        "window": period.window,
        "opened_at": period.opened_at.isoformat(),
        "closed_at": period.closed_at.isoformat(),
        **sales_document(statement.sales),
    }


def sales_document(sales: SalesPeriod | None) -> dict[str, str | None]:
    """Return the first and the last day of sales as every document names them."""
    return {
        "sales_from": sales.first_day.isoformat() if sales else None,
        "sales_until": sales.last_day.isoformat() if sales else None,
    }


def _party(party: Party) -> dict[str, Any]:
    return {"name": party.name, "address": list(party.address)}


def _line(line: Line) -> dict[str, Any]:
    return {
        "code": line.code,
        "description_key": line.description_key,
        "terms_version": line.terms_version,
        "points": line.points,
        "price": plain(line.price),
        "rate": None if line.rate is None else plain(line.rate),
        "amount": str(line.amount),
        "operations": line.operations,
        "counterparty": line.counterparty,
        **_vat(line.vat),
    }


def _vat(vat: VatTreatment) -> dict[str, str | None]:
    # What is not subject to VAT has no rate, not one of 0: EN 16931, BR-O-5.
    rate = None if vat.category == "O" else plain(vat.rate)
    return {"vat_category": vat.category, "vat_rate": rate, "vat_country": vat.country}


def _document(total: DocumentTotal) -> dict[str, Any]:
    return {
        "document": total.document,
        "net": str(total.net),
        "vat": str(total.vat),
        "gross": str(total.gross),
        "breakdown": [_vat_group(group) for group in total.breakdown],
    }


def _vat_group(group: VatGroup) -> dict[str, Any]:
    return {**_vat(group.treatment), "net": str(group.net), "vat": str(group.vat)}


def _totals(position: Position) -> dict[str, str]:
    return {
        "charge": str(position.charge),
        "platform_fee": str(position.platform_fee),
        "credit": str(position.credit),
        "invoice_vat": str(position.invoice_vat),
        "credit_note_vat": str(position.credit_note_vat),
        "net": str(position.net),
    }


def _control(control: ControlTotals) -> dict[str, Any]:
    totals: dict[str, Any] = {
        kind: {"points": control.points[kind], "operations": control.operations[kind]} for kind in KINDS
    }
    return {**totals, "outstanding_growth": control.outstanding_growth}


def _origin(origin: PointsOrigin) -> dict[str, Any]:
    rate = None if origin.vat_rate is None else plain(origin.vat_rate)
    return {"kind": origin.kind, "vat_rate": rate, "points": origin.points}


def _matrix_row(row: MatrixRow) -> dict[str, Any]:
    return {"partner": row.partner, "name": row.name, "points": row.points, "amount": str(row.amount)}


def _rate_of_vat(rate: RateOfVat) -> dict[str, Any]:
    return {
        "vat_rate": None if rate.rate is None else plain(rate.rate),
        "points": rate.points,
        "value": str(rate.value),
        "vat": str(rate.vat),
        "months": [
            {"month": part.month.isoformat()[:7], "points": part.points, "vat": str(part.vat)} for part in rate.months
        ],
    }


def _blocks(account: BlockAccount) -> dict[str, Any]:
    return {
        "opening": account.opening,
        "bought": account.bought,
        "issued": account.issued,
        "overdraft": account.overdraft,
        "closing": account.closing,
        "warn_below": account.warn_below,
        "is_low": account.is_low,
        "blocks": [{"block": use.block, "points": use.points, "left": use.left} for use in account.blocks],
    }


def _read_matrix_row(row: dict[str, Any]) -> MatrixRow:
    return MatrixRow(partner=row["partner"], name=row["name"], points=row["points"], amount=Decimal(row["amount"]))


def _read_rate_of_vat(rate: dict[str, Any]) -> RateOfVat:
    return RateOfVat(
        rate=None if rate["vat_rate"] is None else Decimal(rate["vat_rate"]),
        points=rate["points"],
        value=Decimal(rate["value"]),
        vat=Decimal(rate["vat"]),
        months=tuple(
            MonthOfVat(month=date.fromisoformat(f"{part['month']}-01"), points=part["points"], vat=Decimal(part["vat"]))
            for part in rate["months"]
        ),
    )


def _read_blocks(account: dict[str, Any] | None) -> BlockAccount | None:
    if account is None:
        return None
    return BlockAccount(
        opening=account["opening"],
        bought=account["bought"],
        issued=account["issued"],
        overdraft=account["overdraft"],
        blocks=tuple(BlockUse(**use) for use in account["blocks"]),
        warn_below=account["warn_below"],
    )


def _read_sales(window: dict[str, Any]) -> SalesPeriod | None:
    # Statements made before these fields were there lack them.
    if window.get("sales_from") is None:
        return None
    return SalesPeriod(
        first_day=date.fromisoformat(window["sales_from"]), last_day=date.fromisoformat(window["sales_until"])
    )


def _prior_period(late: PriorPeriod) -> dict[str, Any]:
    return {
        "kind": late.kind,
        "points": late.points,
        "operations": late.operations,
        "sales_from": late.first_day.isoformat(),
        "sales_until": late.last_day.isoformat(),
    }


def _read_prior_period(late: dict[str, Any]) -> PriorPeriod:
    return PriorPeriod(
        kind=late["kind"],
        points=late["points"],
        operations=late["operations"],
        first_day=date.fromisoformat(late["sales_from"]),
        last_day=date.fromisoformat(late["sales_until"]),
    )


def _read_party(party: dict[str, Any]) -> Party:
    return Party(name=party["name"], address=tuple(party["address"]))


def _read_line(line: dict[str, Any]) -> Line:
    return Line(
        code=line["code"],
        terms_version=line["terms_version"],
        # Statements of before told points of reversals without their sign.
        points=-abs(line["points"]) if line["code"] in _TAKES_BACK else line["points"],
        price=Decimal(line["price"]),
        rate=None if line["rate"] is None else Decimal(line["rate"]),
        amount=Decimal(line["amount"]),
        operations=line["operations"],
        vat=_read_vat(line),
        counterparty=line.get("counterparty"),
    )


def _read_vat(line: dict[str, Any]) -> VatTreatment:
    # Lines of before were not taxed and said no category.
    if line["vat_category"] in (None, NOT_SUBJECT.category):
        return NOT_SUBJECT
    return VatTreatment(line["vat_category"], Decimal(line["vat_rate"]), line["vat_country"])


def _read_origin(origin: dict[str, Any]) -> PointsOrigin:
    rate = None if origin["vat_rate"] is None else Decimal(origin["vat_rate"])
    return PointsOrigin(kind=origin["kind"], vat_rate=rate, points=origin["points"])
