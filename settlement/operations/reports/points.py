"""Points issued and redeemed in a window, by partner and by shop."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from coalition.name_order import name_order
from settlement.documents.report import Chart, Column, Report, Row, Source, Table, sum_row
from settlement.operations.reports.asked import Asked
from settlement.stores.points_reports import load_points_by_partner, load_points_by_shop

KINDS = ("issued", "issue_reversed", "redeemed", "redeem_reversed")
PARTNERS = (
    Column("partner", "text"),
    *(Column(kind, "points") for kind in KINDS),
    Column("growth", "points"),
    Column("expired", "points"),
    Column("operations", "count"),
)
SHOPS = (
    Column("partner", "text"),
    Column("shop", "text"),
    *(Column(kind, "points") for kind in KINDS),
    Column("operations", "count"),
)
# What the journal calls what a shop did, and under which column it counts.
COLUMN_OF_KIND: Mapping[str, str] = {
    "earn": "issued",
    "reverse_earn": "issue_reversed",
    "burn": "redeemed",
    "capture": "redeemed",
    "reverse_burn": "redeem_reversed",
}


async def report_points(asked: Asked) -> Report:
    """Return what partners are billed for in points: of a joint promotion each payer its share."""
    points: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for found in await load_points_by_partner(asked.connection, asked.lanes, asked.window.window_no):
        if asked.wants(found.partner):
            points[found.partner][found.kind] += found.points
            points[found.partner]["operations"] += found.operations if found.kind in KINDS else 0
    rows = tuple(_partner_row(asked, partner, points[partner]) for partner in sorted(points, key=asked.place))
    summed = frozenset(column.key for column in PARTNERS)
    table = Table(key="points_by_partner", columns=PARTNERS, rows=rows, total=sum_row(PARTNERS, rows, summed=summed))
    chart = Chart(kind="bars", table="points_by_partner", label="partner", figures=("issued", "redeemed"))
    return replace(asked.report("points", table), charts=(chart,))


async def report_shops(asked: Asked) -> Report:
    """Return what was booked at each shop, by who sold: whoever else pays for a promotion."""
    points: defaultdict[tuple[int, str | None], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for found in await load_points_by_shop(asked.connection, asked.window.window_no):
        if asked.wants(found.partner):
            points[found.partner, found.shop][COLUMN_OF_KIND[found.kind]] += found.points
            points[found.partner, found.shop]["operations"] += found.operations
    shops = sorted(points, key=lambda shop: (asked.place(shop[0]), name_order(shop[1] or "")))
    rows = tuple(_shop_row(asked, *shop, points[shop]) for shop in shops)
    summed = frozenset(column.key for column in SHOPS[2:])
    return asked.report(
        "shops",
        Table(key="points_by_shop", columns=SHOPS, rows=rows, total=sum_row(SHOPS, rows, summed=summed)),
    )


def _partner_row(asked: Asked, partner: int, points: Mapping[str, int]) -> Row:
    growth = points["issued"] - points["issue_reversed"] - points["redeemed"] + points["redeem_reversed"]
    window = asked.window.window_no
    sources = {
        kind: Source("operations", {"window": window, "partner": partner, "kind": kind, "billed": 1}) for kind in KINDS
    }
    everything = Source("operations", {"window": window, "partner": partner, "kind": "operations", "billed": 1})
    sources |= {"growth": everything, "operations": everything}
    # Who paid for points that expired stands at their record.
    sources["expired"] = Source("operations", {"window": window, "partner": partner, "kind": "expired"})
    return Row(
        (
            asked.name(partner),
            *(points[kind] for kind in KINDS),
            growth,
            points["expired"],
            points["operations"],
        ),
        {column: source for column, source in sources.items() if points[column] or column == "growth"},
    )


def _shop_row(asked: Asked, partner: int, shop: str | None, points: Mapping[str, int]) -> Row:
    at: dict[str, str | int] = {"window": asked.window.window_no, "partner": partner, "shop": shop or ""}
    return Row(
        (asked.name(partner), shop, *(points[kind] for kind in KINDS), points["operations"]),
        {kind: Source("operations", {**at, "kind": kind}) for kind in (*KINDS, "operations") if points[kind]},
    )
