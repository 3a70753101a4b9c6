"""What a window costs when it has ended: its calculation and its documents.

The operator's own commands are run on embedded databases, once with few partners and then with more, and again after
rows were added to the window's books: the difference is what a partner or a row costs, without what a command takes to
start.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from coalition.bench.processor import largest_memory_bytes, tree_cpu_s
from coalition.bench.scale.write_path import WritePath, open_write_path
from coalition.signatures.keys import generate_private_key, public_key_pem

Figures = dict[str, Any]

FEW_PARTNERS = 10
MORE_PARTNERS = 60
MANY_PARTNERS = 210
LANES = 4
# A window's totals have a row for each partner in each of them: with fewer their cost would not show.
MANY_LANES = 128
RECALCULATIONS = 3
LOOK_EVERY_S = 0.02
ADDRESS = (
    "--street",
    "Ring 1",
    "--post-code",
    "10115",
    "--town",
    "Berlin",
    "--country",
    "DE",
    "--vat-id",
    "DE136695976",
)


# All that was added comes back as well, so that the window ties out as it did.
ADD_TOTALS = """
INSERT INTO window_total (lane, window_no, partner, kind, terms_version, vat_rate, points, operations,
    first_occurred_at, last_occurred_at)
SELECT lane.lane, 1, partner.partner, kind, 1, '', 10000, 1, opened_at, opened_at
FROM lane, partner, clearing_window, unnest(ARRAY['issued', 'issue_reversed', 'redeemed', 'redeem_reversed']) AS kind
WHERE clearing_window.window_no = 1
ON CONFLICT (lane, window_no, partner, kind, terms_version, vat_rate) DO UPDATE
SET points = window_total.points + excluded.points
"""
# A point of everybody's that was redeemed at each partner, in some lanes.
ADD_LOT_TOTALS = """
INSERT INTO lot_total (lane, window_no, payer, kind, counterparty, terms_version, month_of_sale, vat_rate, points)
SELECT lane, 1, payer.partner, 'redeemed', redeemer.partner, 1, date '2026-01-01', '19', 1
FROM generate_series($1::integer, $2::integer) AS lane, partner AS payer, partner AS redeemer
"""
# The first of them makes the cells of the matrix, the others only rows.
FIRST_LANE, OTHER_LANES = (0, 0), (1, 8)
# Else the database would do it by itself, while a command is measured.
SETTLE = "VACUUM ANALYZE window_total, lot_total"
COUNT_TOTALS = "SELECT count(*) FROM window_total WHERE window_no = 1"


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds of a command and of the database meanwhile, and the command's memory at its largest."""

    command_s: float
    database_s: float
    memory_bytes: int

    @property
    def cpu_s(self) -> float:
        return self.command_s + self.database_s


async def measure_bill(folder: Path) -> Figures:
    """Return what a partner, a row and a cell of the matrix cost in a window's calculation, and a partner's documents:
    CPU in microseconds, memory in bytes."""
    few_s = await _documents_s(folder / "few", FEW_PARTNERS)
    more_s = await _documents_s(folder / "more", MORE_PARTNERS)
    documents_us = (more_s - few_s) / (MORE_PARTNERS - FEW_PARTNERS) * 1e6
    return await _calculation(folder) | {
        "documents_partner_us": round(documents_us),
        "partners": [FEW_PARTNERS, MORE_PARTNERS, MANY_PARTNERS],
    }


async def _calculation(folder: Path) -> Figures:
    """Return the costs of a calculation's parts: what it takes more after each step in which only one of them grew."""
    few, many = folder / "few-to-calculate", folder / "many-to-calculate"
    async with _closed_window(few, FEW_PARTNERS, lanes=MANY_LANES) as path:
        with_few, rows_of_few = _calculated(path, few), await path.pool.fetchval(COUNT_TOTALS)
    async with _closed_window(many, MANY_PARTNERS, lanes=MANY_LANES) as path:
        with_many, rows = _calculated(path, many), await path.pool.fetchval(COUNT_TOTALS)
        await path.pool.execute(ADD_TOTALS)
        await path.pool.execute(SETTLE)
        added = await path.pool.fetchval(COUNT_TOTALS) - rows
        with_totals = _calculated(path, many)
        await path.pool.execute(ADD_LOT_TOTALS, *FIRST_LANE)
        await path.pool.execute(SETTLE)
        with_cells = _calculated(path, many)
        await path.pool.execute(ADD_LOT_TOTALS, *OTHER_LANES)
        await path.pool.execute(SETTLE)
        with_rows = _calculated(path, many)
    # And the partner that the database was made with.
    cells = (MANY_PARTNERS + 1) ** 2

    def more_us(less: float, more: float, count: int) -> float:
        return max(more - less, 0.0) / count * 1e6

    # Rows are added up by the database alone: what the command takes would only add its noise.
    total_row_us = more_us(with_many.database_s, with_totals.database_s, added)
    lot_rows = cells * (OTHER_LANES[1] - OTHER_LANES[0] + 1)
    lot_row_us = more_us(with_cells.database_s, with_rows.database_s, lot_rows)
    partners = MANY_PARTNERS - FEW_PARTNERS
    partner_us = more_us(with_few.cpu_s, with_many.cpu_s, partners) - (rows - rows_of_few) / partners * total_row_us
    return {
        "calculate_partner_us": round(max(partner_us, 0.0), 1),
        "calculate_total_row_us": round(total_row_us, 3),
        "calculate_lot_row_us": round(lot_row_us, 3),
        "calculate_cell_us": round(max(more_us(with_totals.cpu_s, with_cells.cpu_s, cells) - lot_row_us, 0.0), 2),
        "calculate_cell_bytes": round(max(with_cells.memory_bytes - with_totals.memory_bytes, 0) / cells),
    }


async def _documents_s(folder: Path, partners: int) -> float:
    """Return the CPU seconds of writing all documents of a window."""
    async with _closed_window(folder, partners, lanes=LANES) as path:
        _command(path, folder, ["window", "calculate", "1"])
        _command(path, folder, ["window", "approve", "1"])
        invoiced = _command(path, folder, ["window", "invoice", "1"])
        written = _command(path, folder, ["window", "documents", "1", "--output", str(folder / "documents")])
        return invoiced.cpu_s + written.cpu_s


def _calculated(path: WritePath, folder: Path) -> Used:
    """Calculate a window anew; a command takes a second to start, which moves by more than a partner takes."""
    _command(path, folder, ["window", "recalculate", "1"])
    used = [_command(path, folder, ["window", "recalculate", "1"]) for _ in range(RECALCULATIONS)]
    return Used(*(min(part) for part in zip(*(astuple(one) for one in used), strict=True)))


@asynccontextmanager
async def _closed_window(folder: Path, partners: int, *, lanes: int) -> AsyncIterator[WritePath]:
    """Make a database with a closed window in which each partner issued and redeemed."""
    file = _partner_file(folder, partners)
    async with open_write_path(folder, members=200, lanes=lanes) as path:
        _command(path, folder, ["partner", "import", str(file)])
        _command(path, folder, ["operator", "party", "--legal-name", "Punkte AG", *ADDRESS])
        _command(path, folder, ["partner", "party", "Partner", "--legal-name", "Laden GmbH", *ADDRESS])
        await path.clearing.registry.load()
        for participant in list(path.clearing.registry.participants.values()):
            path.participant = participant
            await path.send([path.message([*path.earns(5), ("burn", path.cards[0], 1)])], in_flight=1)
        _command(path, folder, ["window", "close", "1"])
        yield path


def _partner_file(folder: Path, partners: int) -> Path:
    folder.mkdir(mode=0o711)
    file = folder / "partners.json"
    file.write_text(json.dumps({"partners": [_partner(number) for number in range(partners)]}))
    return file


def _partner(number: int) -> Figures:
    return {
        "name": f"Shop {number}",
        "key": public_key_pem(generate_private_key().public_key()).decode(),
        "terms": {"service_fee": 0.001, "charge_vat": "S 19 DE", "fee_vat": "S 19 DE", "redemption_vat": "S 19 DE"},
        "party": {
            "legal_name": f"Shop {number} GmbH",
            "street": f"Marktplatz {number}",
            "post_code": "50667",
            "town": "Köln",
            "country": "DE",
            "vat_id": "DE123456789",
        },
    }


def _command(path: WritePath, folder: Path, arguments: list[str]) -> Used:
    """Run a command of the operator; return what it and the database used."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COALITION_")}
    before_s = tree_cpu_s(path.postgres_pid)
    command = [sys.executable, "-m", "coalition", *arguments]
    pid = os.posix_spawn(
        sys.executable,
        command,
        environment | {"COALITION_DATA_DIR": str(folder)},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    ended, memory_bytes = 0, 0
    while not ended:
        # Looked at, not asked for afterwards: what the system tells of an ended process begins with our own size.
        memory_bytes = max(memory_bytes, largest_memory_bytes(pid))
        time.sleep(LOOK_EVERY_S)
        ended, status, used = os.wait4(pid, os.WNOHANG)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    database_s = tree_cpu_s(path.postgres_pid) - before_s
    return Used(used.ru_utime + used.ru_stime, database_s, memory_bytes)
