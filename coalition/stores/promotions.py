"""Joint promotions, their budgets, and what lanes may use of them without asking (migration 0008_promotions)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from coalition.database.pool import Connection
from coalition.ledger.decision import Original, PayerShare
from coalition.ledger.participant import Participant
from coalition.ledger.promotion import Allowance, BilledShare, Promotion

SELECT_PROMOTIONS = "SELECT promotion, name, starts_at, ends_at FROM promotion ORDER BY promotion"

SELECT_PAYERS = "SELECT promotion, partner, share FROM promotion_payer ORDER BY promotion, place"

SELECT_ISSUERS = "SELECT promotion, partner FROM promotion_issuer ORDER BY promotion, partner"


async def load_promotions(connection: Connection, participants: Mapping[int, Participant]) -> list[Promotion]:
    """Return all promotions, the ended ones too: sales of their time may come late."""
    payers: defaultdict[int, list[tuple[Participant, int]]] = defaultdict(list)
    for row in await connection.fetch(SELECT_PAYERS):
        payers[row["promotion"]].append((participants[row["partner"]], row["share"]))
    issuers: defaultdict[int, set[int]] = defaultdict(set)
    for row in await connection.fetch(SELECT_ISSUERS):
        issuers[row["promotion"]].add(row["partner"])
    return [
        Promotion(
            promotion=row["promotion"],
            name=row["name"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            payers=tuple(payers[row["promotion"]]),
            issuers=frozenset(issuers[row["promotion"]]),
        )
        for row in await connection.fetch(SELECT_PROMOTIONS)
    ]


INSERT_PROMOTION = """
INSERT INTO promotion (name, starts_at, ends_at, created_at, created_by) VALUES ($1, $2, $3, $4, $5) RETURNING promotion
"""

INSERT_PAYERS = """
INSERT INTO promotion_payer (promotion, place, partner, share)
SELECT $1, payer.place, payer.partner, payer.share
FROM unnest($2::bigint[], $3::integer[]) WITH ORDINALITY AS payer (partner, share, place)
"""

INSERT_ISSUERS = "INSERT INTO promotion_issuer (promotion, partner) SELECT $1, unnest($2::bigint[])"

INSERT_BUDGET = "INSERT INTO promotion_budget (promotion, budget) VALUES ($1, $2)"


async def add_promotion(
    connection: Connection,
    *,
    name: str,
    starts_at: datetime,
    ends_at: datetime,
    payers: Sequence[tuple[int, int]],
    issuers: Iterable[int],
    budget: int,
    now: datetime,
    actor: str,
) -> int:
    """Add a promotion; `payers` are partners with their shares. Raises asyncpg.UniqueViolationError where the name is
    taken."""
    promotion: int = await connection.fetchval(INSERT_PROMOTION, name, starts_at, ends_at, now, actor)
    await connection.execute(
        INSERT_PAYERS, promotion, [partner for partner, _ in payers], [share for _, share in payers]
    )
    await connection.execute(INSERT_ISSUERS, promotion, sorted(issuers))
    await connection.execute(INSERT_BUDGET, promotion, budget)
    return promotion


END_PROMOTION = """
UPDATE promotion SET ends_at = greatest(starts_at, least(ends_at, $2)) WHERE name = $1 RETURNING ends_at
"""


async def end_promotion(connection: Connection, name: str, *, now: datetime) -> datetime | None:
    """End a promotion by now, where it has not ended before; return when it ended, None: there is none."""
    return await connection.fetchval(END_PROMOTION, name, now)  # type: ignore[no-any-return]


SELECT_USED = """
SELECT budget.promotion, budget.budget, coalesce(sum(allowance.used), 0)::bigint AS used
FROM promotion_budget AS budget
LEFT JOIN promotion_allowance AS allowance ON allowance.promotion = budget.promotion
GROUP BY budget.promotion, budget.budget
"""


async def load_budgets(connection: Connection) -> dict[int, tuple[int, int]]:
    """Return each promotion's budget and what is used of it, in points."""
    return {row["promotion"]: (row["budget"], row["used"]) for row in await connection.fetch(SELECT_USED)}


# Locked: what is unused may flow back to the budget while nobody decides by it.
SELECT_ALLOWANCES = """
SELECT promotion, granted, used FROM promotion_allowance
WHERE lane = $1 AND promotion = ANY($2::bigint[])
ORDER BY promotion
FOR UPDATE
"""


async def load_allowances(connection: Connection, lane: int, promotions: Iterable[int]) -> dict[int, Allowance]:
    """Lock and return a lane's allowances until the end of the transaction that holds the lane's lock."""
    wanted = sorted(promotions)
    if not wanted:
        return {}
    rows = await connection.fetch(SELECT_ALLOWANCES, lane, wanted)
    return {row["promotion"]: Allowance(row["granted"], row["used"]) for row in rows}


SELECT_SHARES = """
SELECT leaf, promotion, payer, terms_version, vat_rate, points
FROM promotion_share
WHERE lane = $1 AND leaf = ANY($2::bigint[])
ORDER BY leaf, part
"""


async def load_payer_shares(connection: Connection, lane: int, originals: Iterable[Original]) -> None:
    """Complete the earns among the originals by who was billed for them."""
    earns = {original.leaf: original for original in originals if original.kind == "earn"}
    if not earns:
        return
    shares: defaultdict[int, list[tuple[PayerShare, int]]] = defaultdict(list)
    for row in await connection.fetch(SELECT_SHARES, lane, sorted(earns)):
        earns[row["leaf"]].promotion = row["promotion"]
        shares[row["leaf"]].append(((row["payer"], row["terms_version"], row["vat_rate"]), row["points"]))
    for leaf, payer_shares in shares.items():
        earns[leaf].payer_shares = tuple(payer_shares)


WRITE_PROMOTIONS = "SELECT write_promotions($1, $2, $3, $4)"


async def write_promotions(
    connection: Connection, lane: int, *, billed: Sequence[BilledShare], allowances: Mapping[int, Allowance]
) -> None:
    """Write what a batch billed by share and what it used of its allowances, in the transaction that locked them."""
    if billed:
        used = [allowance.used for allowance in allowances.values()]
        await connection.execute(WRITE_PROMOTIONS, lane, billed, list(allowances), used)


LOCK_BUDGET = "SELECT budget, granted FROM promotion_budget WHERE promotion = $1 FOR UPDATE"


async def lock_budget(connection: Connection, promotion: int) -> tuple[int, int]:
    """Let one lane at a time ask for more of a budget; return the budget and what is granted of it."""
    row = await connection.fetchrow(LOCK_BUDGET, promotion)
    assert row is not None, "a promotion's budget is made with it"
    return row["budget"], row["granted"]


# Waits for the batches that decide by an allowance just now, and takes what they have left.
RETURN_UNUSED = """
UPDATE promotion_allowance SET granted = used WHERE lane = $1 AND promotion = $2 AND granted > used
"""

SELECT_GRANTED = """
SELECT coalesce(sum(granted), 0)::bigint FROM promotion_allowance WHERE promotion = $1
"""


async def return_unused(connection: Connection, promotion: int, *, lanes: Iterable[int]) -> int:
    """Take back what these lanes have not used of a budget that we have locked; return what all lanes have now."""
    for lane in lanes:
        await connection.execute(RETURN_UNUSED, lane, promotion)
    granted: int = await connection.fetchval(SELECT_GRANTED, promotion)
    return granted


GRANT = """
INSERT INTO promotion_allowance (lane, promotion, granted, used) VALUES ($1, $2, $3, 0)
ON CONFLICT (lane, promotion) DO UPDATE SET granted = promotion_allowance.granted + excluded.granted
RETURNING granted
"""

SET_GRANTED = "UPDATE promotion_budget SET granted = $2 WHERE promotion = $1"


async def grant(connection: Connection, promotion: int, *, lane: int, points: int, granted: int) -> int:
    """Let a lane use so many points more of a budget that we have locked; `granted` is what all lanes have then. Return
    what this one has."""
    own: int = await connection.fetchval(GRANT, lane, promotion, points)
    await connection.execute(SET_GRANTED, promotion, granted)
    return own
