"""The finance reports over real operations, and what stands behind their figures."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from coalition.lanes.close_window import close_window
from coalition.operations.manage_cap import set_cap
from settlement.documents.report_formats import report_document, write_report_csv
from settlement.documents.report_wording import report_word
from settlement.documents.report_xlsx import WIDTH_MAX, write_report_xlsx
from settlement.errors import InvalidBreakageRuleError, UnknownPartnerError, UnknownWindowError
from settlement.operations.manage_bank_account import BankDetails, set_bank_account
from settlement.operations.manage_breakage import set_breakage_rule
from settlement.operations.manage_prepaid import buy_block
from settlement.operations.reports.make_report import REPORT_NAMES, ReportName, make_report
from settlement.stores.behind import LotsWanted, OperationsWanted, load_lots_behind, load_operations_behind
from tests.http.conftest import RunningHub
from tests.pure.settlement.bank_examples import OPERATOR_IBAN
from tests.report_story import MARCH, settle, two_months

# From the figures beside it, or set by somebody.
COMPUTED = {"cap", "room", "days_left", "days_overdue"}


@pytest.fixture
async def hub_of_two_months(hub: RunningHub) -> RunningHub:
    await two_months(hub)
    return hub


async def figures(hub: RunningHub, name: ReportName, table: str, *columns: str, **asked: Any) -> list[tuple[Any, ...]]:
    """Return some columns of a report's table."""
    document = report_document(await make_report(hub.pool, name, now=hub.clock(), **asked))
    return [tuple(row[column] for column in columns) for row in document[table]]


async def partner_no(hub: RunningHub, name: str) -> int:
    number: int = await hub.pool.fetchval("SELECT partner FROM partner WHERE name = $1", name)
    return number


async def test_reports_say_what_was_booked_and_all_ties_out(hub_of_two_months: RunningHub) -> None:
    """Each figure against the story, which is counted by hand; every control total ties out."""
    hub = hub_of_two_months
    kinds = ("issued", "issue_reversed", "redeemed", "redeem_reversed", "growth", "expired", "operations")
    assert await figures(hub, "points", "points_by_partner", "partner", *kinds, window_no=1) == [
        ("Bakery", 1_351, 100, 0, 0, 1_251, 0, 4),
        ("Garage", 50, 0, 400, 150, -200, 0, 2),
    ]
    assert await figures(hub, "points", "points_by_partner", "partner", *kinds) == [
        ("Bakery", 200, 0, 0, 0, 200, 1_001, 1),
        ("Garage", 0, 0, 60, 0, -60, 50, 1),
    ]
    # By who sold: the joint earn is the Bakery's alone.
    assert await figures(hub, "shops", "points_by_shop", "partner", "shop", *kinds[:4], window_no=1) == [
        ("Bakery", None, 401, 0, 0, 0),
        ("Bakery", "0042", 1_000, 100, 0, 0),
        ("Garage", None, 0, 0, 0, 150),
        ("Garage", "7", 0, 0, 400, 0),
    ]
    # The first window has no earlier period.
    assert await figures(hub, "late", "late_items", "partner", window_no=1) == []
    assert await figures(hub, "late", "late_items", "partner") == []
    assert await figures(hub, "ageing", "outstanding_by_sale", "month", "outstanding", "value") == [
        ("2027-04", 150, "1.50")
    ]
    assert await figures(hub, "ageing", "outstanding_by_expiry", "expires_in", "outstanding") == [
        ("expires.within_90", 150)
    ]
    nets = await figures(hub, "nets", "nets_by_window", "window", "to_operator", "to_partners", "net_of_all")
    # Bakery 1,251 * 0.011 + 5; Garage 50 * 0.01 - 250 * 0.01 * 0.98 in window 1.
    assert nets == [(1, "18.76", "-1.95", "16.81"), (2, "7.20", "-0.59", "6.61")]
    for group in ("points", "money", "cash"):
        outcomes = await figures(hub, "control", f"control_{group}", "outcome")
        assert {outcome for (outcome,) in outcomes if outcome} == {"control.ties_out"}
    # Where a reader looks for them, and not by code points.
    await hub.pool.execute("UPDATE partner SET name = CASE name WHEN 'Bakery' THEN 'Zoo' ELSE 'Äpfel' END")
    tables: dict[ReportName, str] = {
        "points": "points_by_partner",
        "shops": "points_by_shop",
        "nets": "nets_by_partner",
    }
    for name, table in tables.items():
        assert [*dict.fromkeys(await figures(hub, name, table, "partner", window_no=1))] == [("Äpfel",), ("Zoo",)]
    assert await figures(hub, "breakage", "breakage_by_payer", "payer", window_no=1) == [("Äpfel",), ("Zoo",)]
    assert await figures(hub, "revenue", "revenue_by_payer", "payer", window_no=1) == [("Äpfel",), ("Zoo",)]


async def test_breakage_and_revenue_follow_the_cohorts(hub_of_two_months: RunningHub) -> None:
    """March expires as a whole in the window after its own, so nothing of April is expected to be redeemed any more."""
    hub = hub_of_two_months
    await set_breakage_rule(
        hub.pool,
        from_window=2,
        expected_redemption=None,
        issuer_share=Decimal("0.25"),
        now=hub.clock(),
        actor="test",
    )
    columns = ("month", "issued", "redeemed", "expired", "to_be_redeemed", "breakage_to_come")
    assert await figures(hub, "breakage", "breakage_by_month", *columns, window_no=1) == [
        # Stated: 95 % of 1,251 and of 50, each to the whole point; the half of 47.5 goes up.
        ("2027-03", 1_301, 250, 0, 1_188 - 250 + 48, 1_301 - 1_188 - 48)
    ]
    assert await figures(hub, "breakage", "breakage_by_month", *columns) == [
        ("2027-03", 1_301, 250, 1_051, 0, 0),
        ("2027-04", 200, 60, 0, 0, 140),
    ]
    shares = ("payer", "expired", "breakage_to_come", "expired_value", "issuers_share", "operators_share")
    assert await figures(hub, "breakage", "breakage_by_payer", *shares) == [
        ("Bakery", 1_001, 140, "10.01", "2.85", "8.56"),
        ("Garage", 50, 0, "0.50", "0.13", "0.37"),
    ]
    assert await figures(hub, "breakage", "expired_by_window", "window", "expired", "operators_share") == [
        (1, 0, "0.00"),
        (2, 1_051, "7.88"),
    ]
    money = ("payer", "price", "revenue_before", "revenue", "revenue_to_date", "liability")
    # 12.51 * 250 / 1,188 and then all of it, since no point is left.
    assert await figures(hub, "revenue", "revenue_by_payer", *money, window_no=1) == [
        ("Bakery", "12.51", "0.00", "2.63", "2.63", "9.88"),
        ("Garage", "0.50", "0.00", "0.00", "0.00", "0.50"),
    ]
    assert await figures(hub, "revenue", "revenue_by_payer", *money) == [
        ("Bakery", "14.51", "2.63", "11.88", "14.51", "0.00"),
        ("Garage", "0.50", "0.00", "0.50", "0.50", "0.00"),
    ]
    with pytest.raises(InvalidBreakageRuleError, match=r"from_window: must be 2.* issuer_share|expected_redemption"):
        await set_breakage_rule(
            hub.pool,
            from_window=1,
            expected_redemption=Decimal("1.1"),
            issuer_share=None,
            now=hub.clock(),
            actor="test",
        )


async def test_the_fund_covers_what_is_paid_for(hub_of_two_months: RunningHub) -> None:
    """Window 1 is paid in March: 12.51 + 0.50 - 2.50; window 2 is billed, not paid, when all its points are gone."""
    hub = hub_of_two_months
    columns = ("day", "outstanding", "paid_in", "paid_out", "fund", "billed", "cover")
    assert await figures(hub, "fund", "fund_by_day", *columns) == [
        ("2027-03-15", 1_051, "13.01", "2.50", "10.51", "0.00", "1"),
        ("2027-04-24", 150, "0.00", "0.00", "10.51", "1.40", "7.0067"),
    ]


async def test_every_figure_of_every_report_leads_on(hub_of_two_months: RunningHub) -> None:
    """To operations, lots, statements or the table that it is made of; what is computed has its figures beside it."""
    hub = hub_of_two_months
    await set_cap(hub.pool, "Bakery", 10_000, now=hub.clock(), actor="test")
    unlinked = set()
    for name in REPORT_NAMES:
        report = await make_report(hub.pool, name, now=hub.clock())
        for table in report.tables:
            for row in table.rows:
                for column, cell in zip(table.columns, row.cells, strict=True):
                    is_figure = column.kind in ("points", "count", "money") and bool(cell)
                    if is_figure and column.key not in COMPUTED and column.key not in row.sources:
                        unlinked.add((name, table.key, column.key, row.cells[0]))
    assert unlinked == set()
    assert await figures(hub, "caps", "positions", "window", "position") == [(2, "2.20"), (3, "0.11")]


async def test_a_figure_leads_to_its_operations_and_lots(hub_of_two_months: RunningHub) -> None:
    """Page by page, each once, and they sum to the figure: a joint earn counts with the share that is billed."""
    hub = hub_of_two_months
    bakery, garage = await partner_no(hub, "Bakery"), await partner_no(hub, "Garage")
    async with hub.pool.acquire() as connection:
        wanted = OperationsWanted(window_no=1, kinds=("earn",), partner=bakery, is_billed=True, terms_version=1)
        found, after = [], (0, -1)
        while page := await load_operations_behind(connection, wanted, after=after, count_max=1):
            found += page
            after = (page[-1].lane, page[-1].leaf)
        assert sorted(one.billed for one in found) == [51, 300, 1_000]
        joint = OperationsWanted(window_no=1, kinds=("earn",), partner=garage, is_billed=True)
        (shared,) = await load_operations_behind(connection, joint, after=(0, -1), count_max=9)
        assert (shared.partner, shared.points, shared.billed) == ("Bakery", 101, 50)
        at_shop = OperationsWanted(window_no=1, kinds=("earn",), partner=bakery, shop="0042")
        assert [
            one.points for one in await load_operations_behind(connection, at_shop, after=(0, -1), count_max=9)
        ] == [1_000]
        expired = OperationsWanted(window_no=2, kinds=("expire",))
        gone = await load_operations_behind(connection, expired, after=(0, -1), count_max=99)
        assert sum(one.points for one in gone) == 1_051
        lots, place = [], (0, -1, -1, -1)
        while more := await load_lots_behind(connection, LotsWanted(has_points=True), after=place, count_max=1):
            lots += more
            place = (more[-1].lane, more[-1].account, more[-1].leaf, more[-1].part)
        none = LotsWanted(never_expires=True)
        assert await load_lots_behind(connection, none, after=(0, -1, -1, -1), count_max=9) == []
        (day,) = {lot.expires_on for lot in lots}
        assert day is not None
        for days_on, count in ((0, len(lots)), (1, 0)):
            since = LotsWanted(expires_from=day + timedelta(days=days_on), has_points=True)
            assert len(await load_lots_behind(connection, since, after=(0, -1, -1, -1), count_max=99)) == count
    assert sum(lot.remaining for lot in lots) == 150


async def test_a_book_that_is_a_point_off_does_not_tie_out(hub_of_two_months: RunningHub) -> None:
    hub = hub_of_two_months
    await hub.pool.execute("UPDATE lot_total SET points = points + 7 WHERE kind = 'redeemed' AND window_no = 2")

    rows = await figures(hub, "control", "control_points", "what", "points", "outcome")

    assert ("control.unexplained", -7, None) in rows
    assert ("control.origins.right", 143, "control.broken") in rows


async def test_the_close_says_what_stands_in_the_way(hub_of_two_months: RunningHub) -> None:
    """Window 2 is calculated: a second person is next, and the rest waits."""
    hub = hub_of_two_months
    status = dict(await figures(hub, "close", "close", "item", "status"))
    assert status == {
        "close.ended": "close.status.done",
        "close.lanes": "close.status.done",
        "close.ties_out": "close.status.done",
        "close.parties": "close.status.done",
        "close.calculated": "close.status.done",
        "close.disputes": "close.status.done",
        "close.approved": "close.status.next",
        "close.documents": "close.status.waits",
        "close.bank": "close.status.unused",
        "close.payments": "close.status.waits",
        "close.settled": "close.status.waits",
    }
    # The Bakery owes, and pays by itself from wherever it likes.
    details = BankDetails(iban=OPERATOR_IBAN, holder="O", town="Bonn", country="DE")
    await set_bank_account(hub.pool, None, details, now=hub.clock(), actor="test")
    rows = await figures(hub, "close", "close", "item", "status", "names")
    assert ("close.bank", "close.status.stopped", "Garage") in rows
    await hub.pool.execute("UPDATE window_total SET points = points + 1 WHERE window_no = 2 AND kind = 'issued'")
    ((ties_out, names),) = [
        (row[1], row[2])
        for row in await figures(hub, "close", "close", "item", "status", "names")
        if row[0] == "close.ties_out"
    ]
    assert ties_out == "close.status.stopped"
    assert "difference +1" in names


async def test_every_report_is_a_file_in_both_languages(hub_of_two_months: RunningHub) -> None:
    """The same report is the same bytes; a spreadsheet's figures are figures, and no sheet's name is cut."""
    hub = hub_of_two_months
    for name in REPORT_NAMES:
        report = await make_report(hub.pool, name, now=hub.clock())
        for language in ("en", "de"):
            content = write_report_xlsx(report, language)
            assert content == write_report_xlsx(report, language)
            book = openpyxl.load_workbook(io.BytesIO(content))
            assert book.sheetnames == [report_word(language, f"table.{table.key}") for table in report.tables]
            # A text that is longer than its column is wide is not cut off by its neighbour.
            texts = [cell for sheet in book for row in sheet for cell in row if isinstance(cell.value, str)]
            assert all(cell.alignment.wrap_text for cell in texts if len(cell.value) > WIDTH_MAX)
            assert write_report_csv(report, language).startswith(b"\xef\xbb\xbf")
    points = await make_report(hub.pool, "points", window_no=1, now=hub.clock())
    sheet = openpyxl.load_workbook(io.BytesIO(write_report_xlsx(points, "en"))).active
    assert [cell.value for cell in sheet[2]][:3] == ["Bakery", 1_351, 100]
    assert "Bakery;1351;100;0;0;1251;0;4\r\n" in write_report_csv(points, "de").decode()


async def test_what_is_not_there_is_refused(hub: RunningHub) -> None:
    with pytest.raises(UnknownWindowError):
        await make_report(hub.pool, "points", window_no=9, now=hub.clock())
    with pytest.raises(UnknownPartnerError):
        await make_report(hub.pool, "points", partner=9, now=hub.clock())


async def test_totals_tie_out_however_points_are_paid_for(hub: RunningHub) -> None:
    """One partner pays at issue, one when its points are redeemed, one before; what the second owes leads to the burns
    that took of its lots, with the points of these alone."""
    hub.clock.forward(MARCH - hub.clock())
    bakery = await hub.shop("Bakery")
    garage = await hub.shop("Garage", funding="issuer_pays")
    cinema = await hub.shop("Cinema", funding="prepaid")
    await buy_block(
        hub.pool,
        await partner_no(hub, "Cinema"),
        points=500,
        price=Decimal("0.009"),
        now=hub.clock(),
        actor="test",
    )
    card = await hub.card()
    for shop, points in ((bakery, 100), (garage, 200), (cinema, 300)):
        await shop.earn(card, points)
    await cinema.burn(card, 250)
    await settle(hub, await close_window(hub.pool, clock=hub.clock, actor="ada"))
    await garage.earn(card, 40)

    for group in ("points", "money", "cash"):
        outcomes = await figures(hub, "control", f"control_{group}", "outcome")
        assert {outcome for (outcome,) in outcomes if outcome} == {"control.ties_out"}
    fund = dict(await figures(hub, "control", "control_cash", "what", "amount"))
    # In: 1.00 of the Bakery, 1.50 of the Garage's 150 points burned, 4.50 for the block; out: 2.50.
    assert fund["control.fund.left"] == "4.50"
    assert fund["control.prepaid"] == "-1.50"
    assert fund["control.paid_at_burn"] == "0.50"
    async with hub.pool.acquire() as connection:
        wanted = OperationsWanted(
            window_no=1,
            kinds=("burn",),
            partner=await partner_no(hub, "Cinema"),
            lots_of=await partner_no(hub, "Garage"),
        )
        (burned,) = await load_operations_behind(connection, wanted, after=(0, -1), count_max=9)
    assert (burned.points, burned.billed) == (250, 150)
    liability = dict(await figures(hub, "revenue", "revenue_by_payer", "payer", "price"))
    assert liability == {"Bakery": "1.00", "Garage": "0.00", "Cinema": "3.00"}


PAYER_OF_REPAID = """
SELECT lot.payer
FROM lot_use
JOIN lot ON lot.lane = lot_use.lane AND lot.leaf = lot_use.lot_leaf AND lot.part = lot_use.lot_part
WHERE lot_use.lane = $1 AND lot_use.leaf = $2 AND lot_use.points = 30
"""


async def test_what_a_reversal_repaid_is_not_behind_the_burn_that_it_undid(hub: RunningHub) -> None:
    """Burns are undone while their members owe points: 30 come back to a lot of the garage's, and pay a debt at once,
    from that lot, or from an older one of the bakery's. The list has what came back, once, and of nobody else."""
    await hub.pool.execute("UPDATE programme SET expiry_rule = 'after_months', expiry_months = 36")
    await hub.clearing.registry.load()
    garage = await hub.shop("Garage", funding="issuer_pays")
    bakery = await hub.shop("Bakery", funding="issuer_pays")
    cinema = await hub.shop("Cinema")
    last_year = (hub.clock() - timedelta(days=370)).isoformat()
    repaid: list[int] = []
    for has_older_lot in (False, True):
        card = await hub.card()
        earned = await garage.earn(card, 30)
        burned = await cinema.burn(card, 30)
        if has_older_lot:
            await bakery.earn(card, 50, occurred_at=last_year)
            await cinema.operate("reserve", card, points=50, timeout_s=900)
        await garage.reverse(card, earned["id"])
        undone = await cinema.reverse(card, burned["id"])
        assert undone["available"] == 0
        repaid.append(await hub.pool.fetchval(PAYER_OF_REPAID, undone["lane"], undone["leaf"]))
    assert repaid == [await partner_no(hub, "Garage"), await partner_no(hub, "Bakery")]

    async with hub.pool.acquire() as connection:
        for payer, listed in (("Garage", [30, 30]), ("Bakery", [])):
            number = await partner_no(hub, payer)
            wanted = OperationsWanted(window_no=1, kinds=("reverse_burn",), lots_of=number)
            behind = await load_operations_behind(connection, wanted, after=(0, -1), count_max=9)
            assert [operation.billed for operation in behind] == listed
