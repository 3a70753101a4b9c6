"""A month's end: the operator closes and settles the window, and each partner fetches its statement."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal

from coalition.demo.bill import NAMES, Tally, WindowBill, differences, read_bill
from coalition.demo.commands import Commands
from coalition.demo.partners import PARTNERS
from partner_sdk import Coalition

DOCUMENT_KINDS: tuple[Literal["xml", "pdf"], ...] = ("xml", "pdf")


async def settle_window(
    commands: Commands, clients: Mapping[str, Coalition], reports: Path, *, period: str, tally: Tally
) -> tuple[WindowBill, list[str]]:
    """Close the open window, settle it, save its statements; return its bill and every difference found."""
    window = (await commands.run_json("window", "close"))["window"]
    report = await commands.run_json("window", "settle", str(window))
    await _buy_blocks(commands)
    bill = read_bill(report, period=period)
    folder = reports / f"window-{window}"
    folder.mkdir(parents=True)
    (folder / "window.json").write_text(json.dumps(report, indent=2, ensure_ascii=False))
    nets = await asyncio.gather(*(_fetch_statement(clients[slug], window, folder / slug) for slug in bill.partners))
    found = differences(bill, tally)
    for (slug, share), net in zip(bill.partners.items(), nets, strict=True):
        if net != share.net:
            found.append(f"window {window}: {NAMES[slug]}, net of its statement: expected {share.net:,}, got {net:,}")
    return bill, found


async def _buy_blocks(commands: Commands) -> None:
    """Let partners that prepay buy another block where little is left."""
    for partner in PARTNERS:
        if partner.block_points and (await commands.run_json("prepaid", "show", partner.name))["is_low"]:
            await commands.run_json("prepaid", "buy", partner.name, str(partner.block_points))


async def _fetch_statement(client: Coalition, window: int, stem: Path) -> Decimal:
    """Save a partner's statement in each format, and its invoices, as the hub gave them to it; return its net."""
    statement = await client.statement(window)
    stem.with_suffix(".json").write_text(json.dumps(statement, indent=2, ensure_ascii=False))
    stem.with_suffix(".csv").write_bytes(await client.statement_file(window, "csv"))
    stem.with_suffix(".pdf").write_bytes(await client.statement_file(window, "pdf"))
    for document in await client.documents(window):
        number = document["number"]
        for kind in DOCUMENT_KINDS:
            content = await client.document_file(window, number, kind)
            stem.with_name(f"{stem.name}-{number}.{kind}").write_bytes(content)
    return Decimal(statement["totals"]["net"])
