"""The operations behind a statement: every one that it counts, once, with what it adds to its line."""

import csv
import io
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from coalition.lanes.close_window import close_window
from settlement.documents import items_file
from settlement.documents.items_file import COLUMNS, ItemsFormat, open_items_file
from settlement.engine.item import COUNTED_BY, Item
from settlement.engine.money import round_half_up
from settlement.engine.statement import Statement
from settlement.engine.total import KINDS
from settlement.operations import list_items
from settlement.operations.calculate_window import calculate_window
from settlement.operations.list_items import open_items, page_items
from settlement.stores.hub import load_partner_names
from tests.http.conftest import RunningHub, now
from tests.http.test_promotions import promote

FORMATS: tuple[ItemsFormat, ...] = ("csv", "jsonl", "xlsx")


@pytest.fixture
async def partners(hub: RunningHub) -> dict[str, int]:
    """Two shops that book of everything over all lanes, in two windows; the first is calculated."""
    bakery = await hub.shop("Bakery", issue_price="0.0105")
    garage = await hub.shop("Garage", redemption_price="0.009", commission="0.03")
    promotion = await promote(hub, ("Bakery", 2), ("Garage", 1))
    cards = await hub.cards(8)
    for card in cards:
        earned = await bakery.earn(card, 1_001, shop="1", till="=2", reference="-4711",
                                   vat=[{"rate": "19", "points": 600}, {"rate": "7", "points": 401}])  # fmt: skip
        await bakery.earn(card, 100, promotion=promotion)
        await bakery.reverse(card, earned["id"], points=33)
        burned = await garage.burn(card, 250)
        await garage.reverse(card, burned["id"], points=50)
        await garage.burn(card, 1_000_000)
        held = await garage.operate("reserve", card, points=200)
        await garage.operate("capture", card, reserve_id=held["id"], points=70)
    await close_window(hub.pool, clock=now, actor="anna", expected=1)
    await bakery.earn(cards[0], 5)
    await close_window(hub.pool, clock=now, actor="anna", expected=2)
    await calculate_window(hub.pool, 1, now=now(), actor="anna")
    async with hub.pool.acquire() as connection:
        return {name: partner for partner, name in (await load_partner_names(connection)).items()}


async def items_of(hub: RunningHub, partner: int) -> tuple[Statement, list[Item]]:
    found = await open_items(hub.pool, 1, partner)
    return found.statement, [item async for page in found.pages for item in page]


async def test_items_add_up_to_the_control_totals_and_to_the_lines(
    hub: RunningHub, partners: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each partner, reversals, captures and its share of a joint promotion too; refusals are not among them."""
    monkeypatch.setattr(list_items, "PAGE", 7)
    for name in ("Bakery", "Garage"):
        statement, items = await items_of(hub, partners[name])
        points: defaultdict[str, int] = defaultdict(int)
        operations: defaultdict[str, int] = defaultdict(int)
        amounts: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for item in items:
            points[item.booked.kind] += item.booked.points
            operations[item.booked.kind] += item.booked.operations
            amounts[item.line, item.booked.terms_version] += item.amount
        assert {kind: points[kind] for kind in KINDS} == statement.control.points
        assert {kind: operations[kind] for kind in KINDS} == statement.control.operations
        lines = {(line.code, line.terms_version): line.amount for line in statement.lines if line.code in COUNTED_BY}
        assert {key: round_half_up(amount, statement.currency) for key, amount in amounts.items()} == lines
        assert [item.booked.place for item in items] == sorted({item.booked.place for item in items})
    assert {kind: count for kind, count in points.items() if count} == {
        "issued": 8 * 33,
        "redeemed": 8 * 320,
        "redeem_reversed": 8 * 50,
    }
    assert {item.booked.sender for item in items if item.booked.kind == "issued"} == {partners["Bakery"]}


def rows_of(content: bytes, items_format: ItemsFormat) -> list[dict[str, Any]]:
    match items_format:
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
        case "jsonl":
            return [json.loads(line) for line in content.splitlines()]
        case "xlsx":
            sheets = load_workbook(io.BytesIO(content), read_only=True)
            return [
                dict(zip(COLUMNS, row, strict=True))
                for sheet in sheets
                for row in sheet.iter_rows(min_row=2, values_only=True)
            ]


@pytest.mark.parametrize("items_format", FORMATS)
async def test_every_format_has_the_same_rows(
    hub: RunningHub,
    partners: dict[str, int],
    items_format: ItemsFormat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A workbook over as many sheets as it takes; the same items are the same bytes."""
    monkeypatch.setattr(items_file, "SHEET_ROWS_MAX", 10)
    statement, items = await items_of(hub, partners["Bakery"])
    contents = []
    for _ in range(2):
        file = tmp_path / "items"
        with file.open("wb") as target:
            writer = open_items_file(items_format, target, statement, zone=(await open_items(hub.pool, 1, 1)).zone)
            writer.add(items[:9])
            writer.add(items[9:])
            writer.close()
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
    rows = rows_of(contents[0], items_format)
    assert [row["item"] for row in rows] == [str(item.booked.place) for item in items]
    assert sum(Decimal(str(row["amount"])) for row in rows) == sum(item.amount for item in items)
    first = rows[0]
    told = (first["operation"], str(first["points"]), first["line"])
    assert told == (
        items[0].booked.operation_id,
        "1001",
        "issue_charge",
    )
    # Only a spreadsheet's CSV needs the guard against formulas: a workbook knows texts, and JSON is not run.
    assert first["till"] == ("'=2" if items_format == "csv" else "=2")
    assert (
        first["occurred_at"]
        == items[0].booked.occurred_at.astimezone((await open_items(hub.pool, 1, 1)).zone).isoformat()
    )


async def test_pages_follow_each_other_without_a_gap(hub: RunningHub, partners: dict[str, int]) -> None:
    """Also within an operation that a joint promotion bills in parts, and where a page ends with its lane."""
    _, items = await items_of(hub, partners["Bakery"])
    after, paged = None, []
    while True:
        _, page = await page_items(hub.pool, 1, partners["Bakery"], after=after, count_max=3)
        if not page:
            break
        paged += page
        after = page[-1].booked.place
    assert paged == items
