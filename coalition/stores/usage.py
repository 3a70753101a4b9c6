"""What counts up to the limits, as a batch loads and writes it (migration 0005_limits); only where a limit is on."""

from collections.abc import Iterable, Sequence

from coalition.database.pool import Connection
from coalition.ledger.limits import AccountUsage, CardUsage, StepUpCode, Usage

LOAD_USAGE = "SELECT accounts, cards, codes FROM load_usage($1, $2, $3)"


async def load_usage(connection: Connection, lane: int, *, accounts: Iterable[int], cards: Iterable[str]) -> Usage:
    """Return what is counted of these accounts and cards, under the lane's lock."""
    row = await connection.fetchrow(LOAD_USAGE, lane, sorted(accounts), sorted(cards))
    assert row is not None
    return Usage(
        {used["account"]: AccountUsage(used["day"], used["burned"]) for used in row["accounts"] or ()},
        {used["card"]: CardUsage(used["day"], used["earns"], used["moments"]) for used in row["cards"] or ()},
        {
            code["account"]: StepUpCode(
                points=code["points"],
                partner=code["partner"],
                salt=code["salt"],
                digest=code["digest"],
                expires_at=code["expires_at"],
                attempts=code["attempts"],
                used_leaf=code["used_leaf"],
            )
            for code in row["codes"] or ()
        },
    )


WRITE_USAGE = "SELECT write_usage($1, $2, $3, $4, $5, $6)"


async def write_usage(connection: Connection, lane: int, usage: Usage) -> None:
    """Write what a batch counted, in the transaction that holds the lane's lock."""
    accounts = [(lane, number, used.day, used.burned) for number, used in usage.accounts.items() if used.is_changed]
    cards = [(lane, card, used.day, used.earns, used.moments) for card, used in usage.cards.items() if used.is_changed]
    codes = [(account, code) for account, code in usage.codes.items() if code.is_changed]
    if accounts or cards or codes:
        await connection.execute(
            WRITE_USAGE,
            lane,
            accounts,
            cards,
            [account for account, _ in codes],
            [code.attempts for _, code in codes],
            [code.used_leaf for _, code in codes],
        )


TAKE_CARDS = "DELETE FROM card_usage WHERE lane = $1 AND card = ANY($2) RETURNING card, day, earns, moments"
PUT_CARDS = """
INSERT INTO card_usage (lane, card, day, earns, moments) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (lane, card) DO UPDATE SET day = excluded.day, earns = excluded.earns, moments = excluded.moments
"""


async def lead_usage(connection: Connection, source_lane: int, target_lane: int, cards: Sequence[str]) -> None:
    """Let what is counted of cards go with them to another lane. The caller holds both lanes' locks."""
    if source_lane == target_lane:
        return
    rows = await connection.fetch(TAKE_CARDS, source_lane, cards)
    await connection.executemany(PUT_CARDS, [(target_lane, *row.values()) for row in rows])
