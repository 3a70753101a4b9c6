"""Terms, drafts, re-ratings and prepaid points as the command line tells them: for machines, and for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from settlement.documents.figures import grouped, percent, plain, price
from settlement.documents.wording import word
from settlement.engine.rerate import Rerating
from settlement.operations.manage_prepaid import PrepaidReport
from settlement.stores.terms import StoredTerms
from settlement.stores.terms_drafts import TermsDraft
from settlement.text.report import table


def terms_document(stored: StoredTerms) -> dict[str, Any]:
    """Return one version of terms; prices are text, per point."""
    terms = stored.terms
    return {
        "partner": terms.partner,
        "version": terms.version,
        "valid_from": terms.valid_from.isoformat(),
        "currency": terms.currency.code,
        "issue_price": plain(terms.issue_price),
        "service_fee": plain(terms.service_fee),
        "redemption_price": plain(terms.redemption_price),
        "commission": plain(terms.commission),
        "platform_fee": plain(terms.platform_fee),
        "charge_vat": str(terms.charge_vat),
        "fee_vat": str(terms.fee_vat),
        "redemption_vat": str(terms.redemption_vat),
        "funding": terms.funding,
        "earn_rate": None if stored.earn_rate is None else plain(stored.earn_rate),
        "offline_loss": stored.offline_loss,
        "return_loss": stored.return_loss,
        "return_fee": stored.return_fee,
        "created_at": stored.created_at.isoformat(),
        "created_by": stored.created_by,
        "approved_at": stored.approved_at.isoformat() if stored.approved_at else None,
        "approved_by": stored.approved_by,
    }


def terms_text(versions: Sequence[StoredTerms]) -> str:
    """Return versions of terms as a table."""
    rows = [
        (
            "Version",
            "Valid from",
            "Issue",
            "Service fee",
            "Redemption",
            "Commission",
            "Platform fee",
            "VAT charge/fee/redemption",
            "Funding",
            "Earn rate",
            "Lost offline",
            "Lost returns",
            "Return fee",
        )
    ]
    for stored in versions:
        terms = stored.terms
        rows.append(
            (
                str(terms.version),
                f"{terms.valid_from:%Y-%m-%d %H:%M %Z}",
                price(terms.issue_price, "en"),
                price(terms.service_fee, "en"),
                price(terms.redemption_price, "en"),
                percent(terms.commission, "en"),
                price(terms.platform_fee, "en"),
                f"{terms.charge_vat} / {terms.fee_vat} / {terms.redemption_vat}",
                terms.funding,
                "" if stored.earn_rate is None else plain(stored.earn_rate),
                stored.offline_loss,
                stored.return_loss,
                stored.return_fee,
            )
        )
    return table(rows, left=2)


def draft_document(draft: TermsDraft) -> dict[str, Any]:
    """Return a draft of terms, with the version that it would be."""
    return {
        "draft": draft.draft,
        "state": draft.state,
        "base_version": draft.base_version,
        "drafted_by": draft.stored.created_by,
        "drafted_at": draft.stored.created_at.isoformat(),
        "terms": terms_document(draft.stored),
    }


def drafts_text(drafts: Sequence[TermsDraft], names: Mapping[int, str]) -> str:
    """Return drafts as a table, each with its prices."""
    if not drafts:
        return "No draft waits for approval."
    rows = [("Draft", "Partner", "By", "Valid from", "Issue", "Service fee", "Redemption", "Commission", "Funding")]
    for draft in drafts:
        terms = draft.stored.terms
        rows.append(
            (
                str(draft.draft),
                names[draft.partner],
                draft.stored.created_by,
                f"{terms.valid_from:%Y-%m-%d %H:%M %Z}",
                price(terms.issue_price, "en"),
                price(terms.service_fee, "en"),
                price(terms.redemption_price, "en"),
                percent(terms.commission, "en"),
                terms.funding,
            )
        )
    return table(rows, left=4)


def rerating_document(partner: int, rerating: Rerating) -> dict[str, Any]:
    """Return a re-rating; money is text, `net` > 0: the partner pays, VAT included."""
    return {
        "partner": partner,
        "windows": list(rerating.windows),
        "lines": [
            {
                "partner": line.partner,
                "code": line.code,
                "old": str(line.old),
                "new": str(line.new),
                "difference": str(line.difference),
            }
            for line in rerating.lines
        ],
        "nets": [
            {"partner": net.partner, "old": str(net.old), "new": str(net.new), "difference": str(net.difference)}
            for net in rerating.nets
        ],
    }


def rerating_text(rerating: Rerating, names: Mapping[int, str]) -> str:
    """Return a re-rating's lines and nets as a table; lines and nets that stay are left out."""
    windows = rerating.windows
    of_windows = f"window {windows[0]}" if len(windows) == 1 else f"windows {windows[0]} to {windows[-1]}"
    rows: list[tuple[str, ...]] = [("Partner", "Line", "Old", "New", "Difference")]
    for line in rerating.lines:
        if line.difference:
            text = word("en", f"line.{line.code}", counterparty="others")
            amounts = (grouped(amount, "en") for amount in (line.old, line.new, line.difference))
            rows.append((names[line.partner], text, *amounts))
    for net in rerating.nets:
        if net.difference:
            amounts = (grouped(amount, "en") for amount in (net.old, net.new, net.difference))
            rows.append((names[net.partner], "Net, VAT included", *amounts))
    if len(rows) == 1:
        return f"These terms would have changed nothing in {of_windows}."
    return f"What {of_windows} would have come to:\n{table(rows, left=2)}"


def prepaid_document(report: PrepaidReport) -> dict[str, Any]:
    """Return a partner's prepaid points as they stand in the open window."""
    account = report.account
    return {
        "partner": report.partner,
        "window": report.window,
        "overdraft": report.rule.overdraft,
        "warn_below": report.rule.warn_below,
        "opening": account.opening,
        "bought": account.bought,
        "issued": account.issued,
        "overdraft_points": account.overdraft,
        "left": account.closing,
        "is_low": account.is_low,
        "blocks": [{"block": use.block, "points": use.points, "left": use.left} for use in account.blocks],
    }


def prepaid_text(report: PrepaidReport) -> str:
    """Return a partner's prepaid points for people."""
    account = report.account
    lines = [
        f"{grouped(account.closing, 'en')} prepaid points are left; beyond them, earns are {report.rule.overdraft}."
    ]
    if account.is_low and report.rule.warn_below is not None:
        lines.append(f"That is below the warning level of {grouped(report.rule.warn_below, 'en')}.")
    if account.overdraft:
        lines.append(f"{grouped(account.overdraft, 'en')} points of window {report.window} are beyond them so far.")
    rows = [("Block", "Bought", "Left")]
    rows += [(str(use.block), grouped(use.points, "en"), grouped(use.left, "en")) for use in account.blocks]
    return "\n".join((*lines, table(rows, left=1)))
