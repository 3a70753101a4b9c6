"""A bill that differs from the partners' tills anywhere is found, with its place and both figures."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from coalition.demo.bill import MOVEMENTS, NAMES, Tally, differences, read_bill
from coalition.demo.plan import PlannedOperation
from coalition.demo.tables import tables

Report = dict[str, Any]


@pytest.fixture
def tally(plan: list[PlannedOperation]) -> Tally:
    tally = Tally()
    for operation in plan:
        tally.add(operation)
    return tally


@pytest.fixture
def report(tally: Tally) -> Report:
    """A settled window that bills the plan: 0.01 a point each way, 10.00 a window."""
    shares = []
    for slug, name in NAMES.items():
        points = {movement: tally.points[slug, movement] for movement in MOVEMENTS}
        charge = points["issued"] - points["issue_reversed"]
        credit = points["redeemed"] - points["redeem_reversed"]
        shares.append(
            {
                "name": name,
                **points,
                "operations": tally.operations[slug],
                "charge": f"{charge / 100:.2f}",
                "platform_fee": "10.00",
                "credit": f"{credit / 100:.2f}",
                "vat": "1.90",
                "net": f"{(charge - credit) / 100 + 11.90:.2f}",
            }
        )
    totals = {movement: sum(share[movement] for share in shares) for movement in MOVEMENTS}
    growth = totals["issued"] - totals["issue_reversed"] - totals["redeemed"] + totals["redeem_reversed"]
    return {
        "window": 7,
        "partners": shares,
        "control": {**totals, "outstanding_growth": growth},
        "netting": {
            "operator": {
                "total": f"{growth / 100 + 11.90 * len(shares):.2f}",
                "fund_growth": f"{growth / 100:.2f}",
                "prepaid_blocks": "0.00",
                "rounding": "0.00",
            }
        },
    }


def test_a_bill_of_what_the_tills_sent_has_no_differences(report: Report, tally: Tally) -> None:
    assert differences(read_bill(report, period="2026-10"), tally) == []


def test_a_partner_without_a_share_is_missed(report: Report, tally: Tally) -> None:
    missing = report["partners"].pop(3)
    found = differences(read_bill(report, period="2026-10"), tally)
    assert f"window 7: {missing['name']}, operations: expected {missing['operations']:,}, got 0" in found


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda report: report["partners"][2].update(issued=1), "Hansekorb, issued"),
        (lambda report: report["partners"][2].update(redeem_reversed=1), "Hansekorb, redeem_reversed"),
        (lambda report: report["partners"][2].update(operations=1), "Hansekorb, operations"),
        (lambda report: report["partners"][2].update(net="0.01"), "Hansekorb, net"),
        (lambda report: report["control"].update(redeemed=1), "all partners, redeemed"),
        (lambda report: report["control"].update(outstanding_growth=1), "growth of outstanding points"),
        (lambda report: report["netting"]["operator"].update(total="0.01"), "sum of nets"),
    ],
)
def test_any_other_figure_is_named(report: Report, tally: Tally, spoil: Callable[[Report], None], named: str) -> None:
    spoil(report)
    assert any(f"window 7: {named}: expected" in line for line in differences(read_bill(report, period="p"), tally))


@pytest.mark.parametrize("windows", [1, 13])
def test_the_tables_show_every_figure_in_100_columns(report: Report, windows: int) -> None:
    """Nothing is cut; one window, and a year of thirteen with twice the points of the real one."""
    for share in report["partners"]:
        share.update(issued=99_999, redeemed=88_888, charge="999.99", credit="1888.88", net="-888.89")
    bills = [read_bill(report, period="2026-10") for _ in range(windows)]
    text = StringIO()
    for table in tables(bills):
        Console(file=text, width=100).print(table)
    assert "…" not in text.getvalue()
    assert max(map(len, text.getvalue().splitlines())) <= 100
    assert f"{1_009.99 * windows:,.2f}" in text.getvalue()
