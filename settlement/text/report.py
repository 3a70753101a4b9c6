"""Windows as the command line tells them: documents for machines, tables for people."""

from collections.abc import Sequence
from typing import Any

from settlement.documents.figures import days, grouped, percent, plain, price
from settlement.documents.statement_json import sales_document
from settlement.engine.claims import NettingViews
from settlement.engine.money import Currency
from settlement.engine.netting import Netting
from settlement.engine.total import KINDS
from settlement.operations.report_window import ControlReport, PartnerReport, WindowReport, WindowSummary
from settlement.stores.adjustments import Adjustment
from settlement.stores.disputes import Dispute
from settlement.stores.shares import Share
from settlement.stores.windows import Window


def window_document(window: Window) -> dict[str, Any]:
    """Return a window's number, state and times."""
    return {
        "window": window.window_no,
        "state": window.state,
        "opened_at": window.opened_at.isoformat(),
        "closed_at": window.closed_at.isoformat() if window.closed_at else None,
    }


def summary_document(summary: WindowSummary) -> dict[str, Any]:
    """Return a window of a list; money is text, null until it is calculated."""
    return {
        **window_document(summary.window),
        **sales_document(summary.sales),
        "currency": summary.currency.code,
        "partners": len(summary.shares),
        "to_operator": None if summary.to_operator is None else str(summary.to_operator),
        "to_partners": None if summary.to_partners is None else str(summary.to_partners),
    }


def report_document(report: WindowReport) -> dict[str, Any]:
    """Return all figures of a window; money is text, `net` > 0: the partner pays."""
    return {
        **window_document(report.window),
        **sales_document(report.sales),
        "currency": report.currency.code,
        "partners": [_partner_document(partner) for partner in report.partners],
        "control": None if report.control is None else _control_document(report.control),
        "netting": _netting_document(report.netting),
        "adjustments": [_adjustment_document(adjustment) for adjustment in report.adjustments],
        "leaving": [_adjustment_document(adjustment) for adjustment in report.leaving],
        "payments": [
            {
                "partner": payment.partner,
                "amount": str(payment.amount),
                "paid_on": payment.paid_on.isoformat(),
                "reference": payment.reference,
                "recorded_by": payment.recorded_by,
            }
            for payment in report.payments
        ],
        "moves": [
            {"from": move.from_state, "to": move.to_state, "actor": move.actor, "at": move.moved_at.isoformat()}
            for move in report.moves
        ],
    }


def summaries_text(summaries: Sequence[WindowSummary]) -> str:
    """Return windows as a table."""
    rows = [("Window", "State", "Sales", "Opened (UTC)", "Partners", "To operator", "To partners")]
    for summary in summaries:
        window = summary.window
        rows.append(
            (
                str(window.window_no),
                window.state,
                "" if summary.sales is None else f"{summary.sales.first_day} to {summary.sales.last_day}",
                f"{window.opened_at:%Y-%m-%d %H:%M}",
                str(len(summary.shares)),
                "" if summary.to_operator is None else grouped(summary.to_operator, "en"),
                "" if summary.to_partners is None else grouped(summary.to_partners, "en"),
            )
        )
    return table(rows, left=4)


def report_text(report: WindowReport) -> str:
    """Return a window's nets and control totals as tables."""
    of_sales = "" if report.sales is None else f", with sales of {days(report.sales, 'en')}"
    head = f"Window {report.window.window_no} is {report.window.state}{of_sales}."
    if report.control is None:
        return head
    rows = [("Partner", "State", "Issued", "Redeemed", f"Net {report.currency}", "Payable", "Unpaid", "Due")]
    for partner in report.partners:
        points = partner.points
        rows.append(
            (
                f"{partner.partner} {partner.name}",
                partner.state,
                grouped(points["issued"] - points["issue_reversed"], "en"),
                grouped(points["redeemed"] - points["redeem_reversed"], "en"),
                grouped(partner.net, "en"),
                grouped(partner.share.payable, "en"),
                grouped(partner.share.unpaid, "en"),
                str(partner.share.due_on or ""),
            )
        )
    control, netting = report.control, report.netting
    growth = grouped(control.outstanding_growth, "en")
    value = price(control.outstanding_growth_value, "en")
    return "\n".join(
        (
            head,
            table(rows, left=2),
            f"Ties out: partners' points and members' balances both grew by {growth}, worth {value} {report.currency}.",
            f"Payments: {len(netting.payments)} instead of {netting.payments_gross}, if each charge and credit were "
            f"paid by itself; the operator's share is {grouped(netting.operator.total, 'en')} {report.currency}.",
            _views_text(netting.views, report.currency),
        )
    )


def _views_text(views: NettingViews, currency: Currency) -> str:
    rows = [("Netting", "Payments", f"Amount {currency}")]
    for name, view in (("gross", views.gross), ("bilateral", views.bilateral), ("multilateral", views.multilateral)):
        rows.append((name, grouped(view.payments, "en"), grouped(view.amount, "en")))
    return f"{table(rows, left=1)}\nNetting through the hub saves {percent(round(views.saving, 4), 'en')}."


def recalculation_text(report: WindowReport, changed_partners: Sequence[int]) -> str:
    """Return a window's report, and which partners' statements a recalculation has changed."""
    if not changed_partners:
        return f"{report_text(report)}\nEvery statement came to the same; nothing is changed."
    listed = ", ".join(str(partner) for partner in changed_partners)
    return f"{report_text(report)}\nThe statements of these partners have changed: {listed}."


def _partner_document(partner: PartnerReport) -> dict[str, Any]:
    return {
        "partner": partner.partner,
        "name": partner.name,
        "state": partner.state,
        **{str(kind): partner.points[kind] for kind in KINDS},
        "operations": partner.operations,
        "charge": str(partner.charge),
        "platform_fee": str(partner.platform_fee),
        "credit": str(partner.credit),
        "vat": str(partner.vat),
        "net": str(partner.net),
        **share_document(partner.share),
    }


def share_document(share: Share) -> dict[str, Any]:
    """Return what of a share is to be paid and what is; money is text, > 0: by the partner."""
    return {
        "held": str(share.held),
        "adjusted": str(share.adjusted),
        "payable": str(share.payable),
        "paid": str(share.paid),
        "unpaid": str(share.unpaid),
        "due_on": share.due_on.isoformat() if share.due_on else None,
    }


def dispute_document(dispute: Dispute) -> dict[str, Any]:
    """Return a dispute as partners and operators see it; money is text."""
    line = dispute.claim.line
    return {
        "dispute": dispute.dispute,
        "partner": dispute.partner,
        "window": dispute.window_no,
        "state": dispute.state,
        "line": None if line is None else {"code": line[0], "terms_version": line[1]},
        "operation_ids": list(dispute.claim.operation_ids),
        "amount": str(dispute.claim.amount),
        "held": str(dispute.held),
        "reason": dispute.claim.reason,
        "received_at": dispute.received_at.isoformat(),
        "answer_until": dispute.answer_until.isoformat(),
        "accepted": None if dispute.accepted is None else str(dispute.accepted),
        "answer": dispute.answer,
        "resolved_at": dispute.resolved_at.isoformat() if dispute.resolved_at else None,
    }


def _adjustment_document(adjustment: Adjustment) -> dict[str, Any]:
    return {
        "partner": adjustment.partner,
        "kind": adjustment.kind,
        "amount": str(adjustment.amount),
        "from_window": adjustment.from_window,
        "about": adjustment.about,
        "into_window": adjustment.into_window,
    }


def _control_document(control: ControlReport) -> dict[str, Any]:
    return {
        **{str(kind): control.points[kind] for kind in KINDS},
        "operations": control.operations,
        "outstanding_growth": control.outstanding_growth,
        "outstanding_growth_value": plain(control.outstanding_growth_value),
    }


def _views_document(views: NettingViews) -> dict[str, Any]:
    ways = (("gross", views.gross), ("bilateral", views.bilateral), ("multilateral", views.multilateral))
    return {
        **{name: {"payments": view.payments, "amount": str(view.amount)} for name, view in ways},
        "saving": plain(round(views.saving, 6)),
    }


def _netting_document(netting: Netting) -> dict[str, Any]:
    operator = netting.operator
    return {
        "payments": [
            {"partner": payment.partner, "direction": payment.direction, "amount": str(payment.amount)}
            for payment in netting.payments
        ],
        "payments_gross": netting.payments_gross,
        "views": _views_document(netting.views),
        "matrix": [
            {"payer": cell.payer, "redeemer": cell.redeemer, "points": cell.points, "amount": str(cell.amount)}
            for cell in netting.matrix
        ],
        "operator": {
            "service_fees": str(operator.service_fees),
            "commissions": str(operator.commissions),
            "platform_fees": str(operator.platform_fees),
            "fund_growth": str(operator.fund_growth),
            "prepaid_blocks": str(operator.prepaid_blocks),
            "rounding": str(operator.rounding),
            "vat": str(operator.vat),
            "total": str(operator.total),
        },
    }


def table(rows: Sequence[tuple[str, ...]], *, left: int) -> str:
    """Return rows in columns as wide as they need, the first `left` flush left and the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
