"""A month's end: the operator bills the window, its bank pays, and each partner fetches its documents.

window-N/window.json    the operator's figures
window-N/statements/    each partner's statement: JSON, CSV, XLSX, PDF
window-N/invoices/      its invoice and credit note: EN 16931 XML, and the letter that holds it
window-N/bank/          what the bank was asked (pain.001, pain.008), and what it says it did (camt.053)
window-N/datev/         the tax adviser's booking batch
"""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from coalition.demo.bank import carry_out
from coalition.demo.bill import NAMES, Tally, WindowBill, differences, read_bill
from coalition.demo.commands import Commands
from coalition.demo.legal_parties import OPERATOR
from coalition.demo.partners import PARTNERS
from partner_sdk import Coalition

STATEMENT_KINDS: tuple[Literal["csv", "xlsx", "pdf"], ...] = ("csv", "xlsx", "pdf")
DOCUMENT_KINDS: tuple[Literal["xml", "pdf"], ...] = ("xml", "pdf")
BANK_BALANCE_FIRST = Decimal("100000.00")


class MonthEnd:
    """Settles window after window, the first of them 1; keeps what the operator's bank account holds."""

    def __init__(self, commands: Commands, reports: Path) -> None:
        self._commands = commands
        self._reports = reports
        self._window = 0
        self._balance = BANK_BALANCE_FIRST

    async def settle(
        self, clients: Mapping[str, Coalition], *, period: str, tally: Tally
    ) -> tuple[WindowBill, list[str]]:
        """Bill the open window, let it be paid, save its documents; return its bill and every difference found.

        Raises CommandFailedError, and the errors of `Coalition.statement`.
        """
        self._window += 1
        folder = self._reports / f"window-{self._window}"
        for name in ("statements", "invoices", "bank"):
            (folder / name).mkdir(parents=True)
        # Its documents each partner fetches by itself.
        billed = ("window", "bill", str(self._window), "--output", str(folder), "--no-documents")
        report = await self._commands.run_json(*billed)
        (folder / "window.json").write_text(json.dumps(report, indent=2, ensure_ascii=False))
        bill = read_bill(report, period=period)
        found = differences(bill, tally)
        unpaid, _, nets = await asyncio.gather(
            self._pay(folder / "bank", bill), self._buy_blocks(), _fetch_all(clients, bill, folder)
        )
        for slug, net in nets.items():
            if net != bill.partners[slug].net:
                told = f"expected {bill.partners[slug].net:,}, got {net:,}"
                found.append(f"window {self._window}: {NAMES[slug]}, net of its statement: {told}")
        return bill, [*found, *unpaid]

    async def _pay(self, folder: Path, bill: WindowBill) -> list[str]:
        """Let the bank do what the window's files ask for, and take its statement in; return what is not paid."""
        statement = carry_out(_contents(folder), number=self._window, iban=OPERATOR.iban, opening=self._balance)
        self._balance = statement.closing
        file = folder / "camt.053.xml"
        file.write_bytes(statement.content)
        moved = sum((movement.amount for movement in statement.movements), Decimal("0.00"))
        taken: dict[str, Any] = await self._commands.run_json("bank", "import", str(file))
        found = [
            f"window {self._window}: the bank's payment of {payment['amount']}: {payment['outcome']}"
            for payment in taken["payments"]
            if payment["outcome"] != "paid"
        ]
        if moved != bill.operator_total:
            found.append(f"window {self._window}: the bank: expected {bill.operator_total:,}, got {moved:,}")
        if taken["settled_windows"] != [self._window]:
            found.append(
                f"window {self._window}: settled by the bank: expected it alone, got {taken['settled_windows']}"
            )
        return found

    async def _buy_blocks(self) -> None:
        """Let partners that prepay buy another block where little is left."""
        for partner in PARTNERS:
            if partner.block_points:
                await self._commands.run_json("prepaid", "buy", partner.name, str(partner.block_points), "--if-low")


def _contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.xml"))]


async def _fetch_all(clients: Mapping[str, Coalition], bill: WindowBill, folder: Path) -> dict[str, Decimal]:
    nets = await asyncio.gather(*(_fetch(clients[slug], bill.window, folder, slug) for slug in bill.partners))
    return dict(zip(bill.partners, nets, strict=True))


async def _fetch(client: Coalition, window: int, folder: Path, slug: str) -> Decimal:
    """Save a partner's statement in each format, and its invoices, as the hub gave them to it; return its net."""
    statement = await client.statement(window)
    stem = folder / "statements" / slug
    stem.with_suffix(".json").write_text(json.dumps(statement, indent=2, ensure_ascii=False))
    for kind in STATEMENT_KINDS:
        stem.with_suffix(f".{kind}").write_bytes(await client.statement_file(window, kind))
    for document in await client.documents(window):
        number = document["number"]
        for kind_of_document in DOCUMENT_KINDS:
            content = await client.document_file(window, number, kind_of_document)
            (folder / "invoices" / f"{slug}-{number}.{kind_of_document}").write_bytes(content)
    return Decimal(statement["totals"]["net"])
