"""What grows with the number of lanes: looking ids up in all of them, closing them; and the rows of `lot_total`."""

import time
from datetime import UTC, datetime

from coalition.bench.processor import tree_cpu_s
from coalition.bench.scale.write_path import Figures, WritePath, counting
from coalition.bench.workload import operation_id
from coalition.lanes.close_window import close_window
from coalition.stores.messages import keep_messages

PROBED_LANES = (1, 4, 16, 64, 256)
WINDOWS_CLOSED = 2
LOOK_UPS = 50
LOT_ROWS = 40_000

# Payers, redeemers and months in no order of the key.
INSERT_LOT_ROWS = """
INSERT INTO lot_total (lane, window_no, payer, kind, counterparty, terms_version, month_of_sale, vat_rate, points)
SELECT 0, 0, (n * 7919) % 700 + 1, 'redeemed', n / 700 + 1, 1, date '2026-01-01' + (n % 36) * 31, '19', 100
FROM generate_series($1::integer, $1::integer + 999) AS n
ON CONFLICT (lane, window_no, payer, kind, counterparty, terms_version, month_of_sale, vat_rate) DO UPDATE
SET points = lot_total.points + excluded.points
"""


async def measure_probes(path: WritePath, *, ids: int) -> list[Figures]:
    """Look unknown ids up in more and more lanes; return the database's CPU. Without the index over all lanes, which a
    distributed table can't have."""
    figures = []
    async with path.pool.acquire() as connection:
        await connection.execute("DROP INDEX operation_id_in_one_lane")
        for lanes in PROBED_LANES:
            # As new ones come: all above those that are there, and near each other.
            unknown = [operation_id(2, number, path.random) for number in range(ids)]
            before_s = tree_cpu_s(path.postgres_pid)
            for _ in range(LOOK_UPS):
                await keep_messages(connection, [], lanes=range(lanes), operation_ids=unknown)
            spent_s = tree_cpu_s(path.postgres_pid) - before_s
            figures.append({"lanes": lanes, "look_ups": LOOK_UPS, "postgres_cpu_s": round(spent_s, 4)})
    return figures


async def measure_close(path: WritePath, *, lanes: int) -> float:
    """Return the CPU of closing a window in one lane, in microseconds."""
    before_s = time.process_time() + tree_cpu_s(path.postgres_pid)
    for _ in range(WINDOWS_CLOSED):
        await close_window(path.pool, clock=lambda: datetime.now(UTC), actor="scale")
    return (time.process_time() + tree_cpu_s(path.postgres_pid) - before_s) / WINDOWS_CLOSED / lanes * 1e6


async def measure_lot_rows(path: WritePath) -> Figures:
    """Write rows of `lot_total` as a batch does, each of its own key; return what they cost."""
    async with counting(path) as used:
        for start in range(0, LOT_ROWS, 1_000):
            await path.pool.execute(INSERT_LOT_ROWS, start)
    return {"rows": LOT_ROWS, "bytes": used["tables"]["lot_total"], "postgres_cpu_s": used["postgres_cpu_s"]}
