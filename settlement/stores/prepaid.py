"""Blocks that partners have bought, what they issued out of them, and what happens beyond."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.prepaid import Block
from settlement.engine.vat import VatTreatment, parse_vat

Overdraft = Literal["billed", "refused"]
OVERDRAFTS: tuple[Overdraft, ...] = get_args(Overdraft)


@dataclass(frozen=True, slots=True)
class PrepaidRule:
    """What happens to earns beyond a partner's blocks, and below how many points left it is warned."""

    overdraft: Overdraft = "billed"
    warn_below: int | None = None


INSERT_BLOCK = """
INSERT INTO prepaid_block (partner, window_no, points, price, vat, terms_version, bought_by, bought_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING block, partner, window_no, points, price, vat, terms_version
"""


async def insert_block(
    connection: Connection,
    partner: int,
    *,
    window_no: int,
    points: int,
    price: Decimal,
    vat: VatTreatment,
    terms_version: int,
    now: datetime,
    actor: str,
) -> Block:
    """Write a block that is billed in a window."""
    row = await connection.fetchrow(
        INSERT_BLOCK, partner, window_no, points, price, str(vat), terms_version, actor, now
    )
    assert row is not None, "an insert returns its row"
    return _block(row)


SELECT_BLOCKS = """
SELECT block, partner, window_no, points, price, vat, terms_version
FROM prepaid_block
WHERE window_no <= $1
ORDER BY partner, window_no, block
"""


async def load_blocks(connection: Connection, *, until: int) -> dict[int, tuple[Block, ...]]:
    """Return every block bought in windows up to one, by partner."""
    blocks: defaultdict[int, list[Block]] = defaultdict(list)
    for row in await connection.fetch(SELECT_BLOCKS, until):
        blocks[row["partner"]].append(_block(row))
    return {partner: tuple(bought) for partner, bought in blocks.items()}


SELECT_ISSUED = """
SELECT total.partner, total.window_no,
    sum(CASE total.kind WHEN 'issued' THEN total.points ELSE -total.points END)::bigint AS points
FROM window_total AS total
JOIN terms ON terms.partner = total.partner AND terms.version = total.terms_version
WHERE total.lane = ANY($1) AND total.window_no <= $2 AND total.partner = ANY($3)
    AND total.kind IN ('issued', 'issue_reversed') AND terms.funding = 'prepaid'
GROUP BY total.partner, total.window_no
"""


async def load_issued(
    connection: Connection, partners: Collection[int], *, until: int, lanes: int
) -> dict[int, dict[int, int]]:
    """Return what partners issued under terms that prepay, net of what was taken back, by partner and window."""
    issued: defaultdict[int, dict[int, int]] = defaultdict(dict)
    if partners:
        for row in await connection.fetch(SELECT_ISSUED, list(range(lanes)), until, sorted(partners)):
            issued[row["partner"]][row["window_no"]] = row["points"]
    return dict(issued)


SELECT_RULES = "SELECT partner, overdraft, warn_below FROM prepaid_account"


async def load_rules(connection: Connection) -> dict[int, PrepaidRule]:
    """Return the rules of those partners that have any."""
    return {
        row["partner"]: PrepaidRule(row["overdraft"], row["warn_below"]) for row in await connection.fetch(SELECT_RULES)
    }


SET_RULE = """
INSERT INTO prepaid_account (partner, overdraft, warn_below, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (partner) DO UPDATE
SET overdraft = excluded.overdraft, warn_below = excluded.warn_below, set_by = excluded.set_by, set_at = excluded.set_at
"""


async def set_rule(connection: Connection, partner: int, rule: PrepaidRule, *, now: datetime, actor: str) -> None:
    """Say what happens to earns beyond a partner's blocks."""
    await connection.execute(SET_RULE, partner, rule.overdraft, rule.warn_below, actor, now)


def _block(row: asyncpg.Record) -> Block:
    return Block(
        block=row["block"],
        window=row["window_no"],
        points=row["points"],
        price=row["price"],
        vat=parse_vat(row["vat"], field="vat"),
        terms_version=row["terms_version"],
    )
