"""Nets over time: what partners pay and are paid window by window, and each partner over these windows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.engine.money import add_exactly
from settlement.engine.states import has_reached
from settlement.operations.reports.asked import Asked
from settlement.stores.shares import Share, load_shares
from settlement.stores.windows import Window

WINDOWS_SHOWN = 36
WINDOWS = (
    Column("window", "count"),
    Column("state", "word"),
    Column("closed_at", "moment"),
    Column("charge", "money"),
    Column("credit", "money"),
    Column("to_operator", "money"),
    Column("to_partners", "money"),
    Column("net_of_all", "money"),
)
PARTNERS = (
    Column("partner", "text"),
    Column("windows", "count"),
    Column("charge", "money"),
    Column("credit", "money"),
    Column("net", "money"),
    Column("unpaid", "money"),
)


async def report_nets(asked: Asked) -> Report:
    """Return the newest calculated windows up to the one asked for, all partners' or one partner's, with VAT."""
    windows = [
        window
        for window in asked.windows
        if has_reached(window.state, "CALCULATED") and window.window_no <= asked.window.window_no
    ][-WINDOWS_SHOWN:]
    shares = await load_shares(asked.connection, [window.window_no for window in windows], asked.currency)
    wanted = [share for share in shares if asked.wants(share.partner)]
    of_window: defaultdict[int, list[Share]] = defaultdict(list)
    of_partner: defaultdict[int, list[Share]] = defaultdict(list)
    for share in wanted:
        of_window[share.window_no].append(share)
        of_partner[share.partner].append(share)
    rows = tuple(_window_row(asked, window, of_window[window.window_no]) for window in windows)
    partners = tuple(
        _partner_row(asked, partner, of_partner[partner]) for partner in sorted(of_partner, key=asked.place)
    )
    money = frozenset(column.key for column in (*WINDOWS, *PARTNERS) if column.kind == "money")
    report = asked.report(
        "nets",
        Table(key="nets_by_window", columns=WINDOWS, rows=rows, total=sum_row(WINDOWS, rows, summed=money)),
        Table(key="nets_by_partner", columns=PARTNERS, rows=partners, total=sum_row(PARTNERS, partners, summed=money)),
    )
    by_window = Chart(
        kind="bars",
        table="nets_by_window",
        label="window",
        figures=("net_of_all",) if asked.partner is not None else ("to_operator", "to_partners"),
    )
    by_partner = Chart(kind="bars", table="nets_by_partner", label="partner", figures=("net",))
    return replace(report, charts=(by_window, by_partner) if rows else ())


def _window_row(asked: Asked, window: Window, shares: Sequence[Share]) -> Row:
    closed_at = window.closed_at.astimezone(asked.programme.zone) if window.closed_at else None
    lines = Source(f"windows/{window.window_no}")
    if asked.partner is not None:
        lines = Source(f"windows/{window.window_no}/partners/{asked.partner}")
    return Row(
        (
            window.window_no,
            f"state.{window.state}",
            closed_at,
            _sum(asked, [share.charge for share in shares]),
            _sum(asked, [share.credit for share in shares]),
            _sum(asked, [share.net for share in shares if share.net > 0]),
            _sum(asked, [share.net for share in shares if share.net < 0]),
            _sum(asked, [share.net for share in shares]),
        ),
        dict.fromkeys(("window", "charge", "credit", "to_operator", "to_partners", "net_of_all"), lines),
    )


def _partner_row(asked: Asked, partner: int, shares: Sequence[Share]) -> Row:
    return Row(
        (
            asked.name(partner),
            len(shares),
            _sum(asked, [share.charge for share in shares]),
            _sum(asked, [share.credit for share in shares]),
            _sum(asked, [share.net for share in shares]),
            _sum(asked, [share.unpaid for share in shares if share.invoiced_on is not None]),
        ),
        {
            **dict.fromkeys(("windows", "charge", "credit", "net"), Source("reports/nets", {"partner": partner})),
            "unpaid": Source("reports/payments", {"partner": partner}),
        },
    )


def _sum(asked: Asked, amounts: Sequence[Decimal]) -> Decimal:
    return asked.rounded(add_exactly(amounts))
