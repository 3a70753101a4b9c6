"""Breakage by cohort: what has expired, what is expected to, and who gets the money that it leaves behind."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.engine.breakage import BreakageShare, Estimate, breakage_share
from settlement.operations.reports.asked import Asked, fraction
from settlement.operations.reports.cohorts import Estimates, load_estimates, rule_of
from settlement.stores.breakage_rules import load_breakage_rules
from settlement.stores.points_reports import load_points_by_window

MONTHS = (
    Column("month", "month"),
    Column("issued", "points"),
    Column("redeemed", "points"),
    Column("expired", "points"),
    Column("outstanding", "points"),
    Column("to_be_redeemed", "points"),
    Column("breakage_to_come", "points"),
    Column("redeemed_so_far", "fraction"),
    Column("expected_redemption", "fraction"),
    Column("breakage_value", "money"),
)
PAYERS = (
    Column("payer", "text"),
    Column("expired", "points"),
    Column("breakage_to_come", "points"),
    Column("expired_value", "money"),
    Column("breakage_to_come_value", "money"),
    Column("issuers_share", "money"),
    Column("operators_share", "money"),
)
WINDOWS = (
    Column("window", "count"),
    Column("expired", "points"),
    Column("expired_value", "money"),
    Column("issuers_share", "money"),
    Column("operators_share", "money"),
)


async def report_breakage(asked: Asked) -> Report:
    """Return breakage at the end of a window: by month of sale, by payer, and as a fact window by window."""
    estimates = await load_estimates(asked, until=asked.window.window_no)
    report = asked.report(
        "breakage",
        _by_month(asked, estimates),
        _by_payer(asked, estimates),
        *([await _by_window(asked)] if asked.partner is None else []),
    )
    figures = ("redeemed", "expired", "to_be_redeemed", "breakage_to_come")
    return replace(report, charts=(Chart(kind="parts", table="breakage_by_month", label="month", figures=figures),))


def _by_month(asked: Asked, estimates: Estimates) -> Table:
    rows = tuple(_month_row(asked, month, found) for month, found in estimates.by_month())
    summed = frozenset(
        ("issued", "redeemed", "expired", "outstanding", "to_be_redeemed", "breakage_to_come", "breakage_value")
    )
    return Table(key="breakage_by_month", columns=MONTHS, rows=rows, total=sum_row(MONTHS, rows, summed=summed))


def _month_row(asked: Asked, month: date, found: Sequence[Estimate]) -> Row:
    issued = sum(one.cohort.issued for one in found)
    redeemed = sum(one.cohort.redeemed for one in found)
    in_the_end = sum(one.redeemed_in_the_end for one in found)
    lots: dict[str, str | int] = {"month": f"{month:%Y-%m}"}
    if asked.partner is not None:
        lots["payer"] = asked.partner
    return Row(
        (
            month,
            issued,
            redeemed,
            sum(one.cohort.expired for one in found),
            sum(one.cohort.outstanding for one in found),
            in_the_end - redeemed,
            sum(one.breakage_to_come for one in found),
            fraction(redeemed, issued),
            fraction(in_the_end, issued),
            asked.value(sum(one.breakage for one in found)),
        ),
        {
            **{figure: Source("lots", lots) for figure in ("issued", "redeemed", "expired", "breakage_value")},
            **{
                figure: Source("lots", {**lots, "left": 1})
                for figure in ("outstanding", "to_be_redeemed", "breakage_to_come")
            },
        },
    )


def _by_payer(asked: Asked, estimates: Estimates) -> Table:
    payers = sorted(estimates.by_payer(), key=lambda one: asked.place(one[0]))
    rows = tuple(_payer_row(asked, payer, found, estimates) for payer, found in payers)
    summed = frozenset(column.key for column in PAYERS[1:])
    return Table(key="breakage_by_payer", columns=PAYERS, rows=rows, total=sum_row(PAYERS, rows, summed=summed))


def _payer_row(asked: Asked, payer: int, found: Sequence[Estimate], estimates: Estimates) -> Row:
    expired = sum(one.cohort.expired for one in found)
    to_come = sum(one.breakage_to_come for one in found)
    share = _share(asked, expired + to_come, estimates.rule.issuer_share)
    fact = asked.value(expired)
    return Row(
        (asked.name(payer), expired, to_come, fact, share.value - fact, share.issuer, share.operator),
        {
            **dict.fromkeys(
                ("expired", "expired_value", "issuers_share", "operators_share"), Source("lots", {"payer": payer})
            ),
            **dict.fromkeys(
                ("breakage_to_come", "breakage_to_come_value"), Source("lots", {"payer": payer, "left": 1})
            ),
        },
    )


async def _by_window(asked: Asked) -> Table:
    rules = await load_breakage_rules(asked.connection)
    rows = []
    for window, kinds in sorted((await load_points_by_window(asked.connection, asked.lanes)).items()):
        if window > asked.window.window_no:
            continue
        expired = kinds.get("expired", 0)
        share = _share(asked, expired, rule_of(rules, window).issuer_share)
        behind = Source("operations", {"window": window, "kind": "expired"})
        sources = dict.fromkeys(("expired", "expired_value", "issuers_share", "operators_share"), behind)
        rows.append(
            Row(
                (window, expired, share.value, share.issuer, share.operator),
                sources | {"window": Source(f"windows/{window}")},
            )
        )
    summed = frozenset(column.key for column in WINDOWS[1:])
    return Table(
        key="expired_by_window",
        columns=WINDOWS,
        rows=tuple(rows),
        total=sum_row(WINDOWS, tuple(rows), summed=summed),
    )


def _share(asked: Asked, points: int, issuer_share: Decimal) -> BreakageShare:
    return breakage_share(
        points, point_value=asked.programme.point_value, issuer_share=issuer_share, currency=asked.currency
    )
