"""What one lane's tables hold, in one shape for the auditor, the lane in memory and the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Line = tuple[int, int, datetime, datetime]


@dataclass
class LaneTables:
    """`accounts`: (balance, debt). `holds` by leaf: (account, partner, points, state, captured, resolved leaf). `lots`
    by (account, leaf, part): (points, remaining). `uses` by (leaf, lot leaf, lot part): (points, restored).
    `restorations`, by the same, are the points that a reversal brought back. `totals` by (window, partner, kind, terms
    version, VAT rate): (points, operations, when the first and the last occurred).
    `lot_totals` by (window, payer, kind, VAT rate).
    `journal`: (leaf, window, kind, code, partner, operation id, account, points, terms version, original leaf)."""

    window_no: int
    outstanding: int
    accounts: dict[int, tuple[int, int]]
    holds: dict[int, tuple[Any, ...]]
    lots: dict[tuple[int, int, int], tuple[int, int]]
    uses: dict[tuple[int, int, int], tuple[int, int]]
    restorations: dict[tuple[int, int, int], int]
    totals: dict[tuple[int, int, str, int, str], Line]
    lot_totals: dict[tuple[int, int, str, str], int]
    journal: list[tuple[Any, ...]]


SIGNS = {"issued": 1, "issue_reversed": -1, "redeemed": -1, "redeem_reversed": 1, "expired": -1, "repaid": -1}


def assert_sums_hold(tables: LaneTables) -> None:
    """The sums of the domain's section 2, from the tables alone."""
    growth = sum(SIGNS[key[2]] * points for key, (points, *_) in tables.totals.items())
    assert growth == sum(balance for balance, _ in tables.accounts.values()) == tables.outstanding
    in_lots = sum(SIGNS[kind] * points for (_, _, kind, _), points in tables.lot_totals.items())
    assert in_lots == sum(remaining for _, remaining in tables.lots.values())
    for account, (balance, debt) in tables.accounts.items():
        remaining = sum(left for (owner, _, _), (_, left) in tables.lots.items() if owner == account)
        assert balance == remaining - debt
        assert debt >= 0
        assert remaining >= sum(
            hold[2] for hold in tables.holds.values() if hold[0] == account and hold[3] == "reserved"
        )
    for (_, leaf, part), (points, remaining) in tables.lots.items():
        used = sum(took - back for (_, *lot), (took, back) in tables.uses.items() if lot == [leaf, part])
        assert 0 <= remaining <= points
        assert remaining == points - used
    assert [record[0] for record in tables.journal] == list(range(len(tables.journal)))
    still = ("reserve", "release", "time_out", "close")
    booked = [record for record in tables.journal if record[3] is None and record[2] not in still]
    assert sum(operations for _, operations, *_ in tables.totals.values()) == len(booked)
    ids = [(record[4], record[5]) for record in tables.journal if record[5] is not None]
    assert len(set(ids)) == len(ids)
