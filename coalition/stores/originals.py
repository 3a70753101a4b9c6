"""What reversals refer to: the original operations with what is left of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from coalition.database.pool import Connection
from coalition.ledger.account import Account
from coalition.ledger.batch import OperationKey
from coalition.ledger.decision import NO_RATE, Original
from coalition.ledger.lot import rate_text
from coalition.stores.lots import ALL_POINTS, load_lots, load_uses
from coalition.stores.packing import unpack_records
from coalition.stores.promotions import load_payer_shares

SELECT_ORIGINALS = """
SELECT journal.leaf, journal.kind, journal.code, journal.account, journal.points, journal.terms_version,
    journal.booked_at,
    coalesce((SELECT sum(reversal.points) FROM reversal
              WHERE reversal.lane = $1 AND reversal.original_leaf = journal.leaf), 0)::bigint AS reversed_points
FROM journal
WHERE journal.lane = $1 AND journal.leaf = ANY($2::bigint[])
"""


async def load_originals(
    connection: Connection, lane: int, leaves: Mapping[OperationKey, int]
) -> dict[OperationKey, Original]:
    """Return the operations that reversals name, given with their leaves, with the lots that burns took; shares come
    with the lots."""
    if not leaves:
        return {}
    key_of = {leaf: key for key, leaf in leaves.items()}
    rows = await connection.fetch(SELECT_ORIGINALS, lane, sorted(key_of))
    if len(rows) < len(key_of):
        # Archived ones come back, to be undone like any other.
        await unpack_records(connection, lane, key_of.keys() - {row["leaf"] for row in rows})
        rows = await connection.fetch(SELECT_ORIGINALS, lane, sorted(key_of))
    originals = {
        key_of[row["leaf"]]: Original(
            leaf=row["leaf"],
            kind=row["kind"],
            code=row["code"],
            account=row["account"],
            points=row["points"],
            reversed_points=row["reversed_points"],
            terms_version=row["terms_version"] or 0,
            shares=((NO_RATE, row["points"]),),
            uses=[],
            booked_at=row["booked_at"],
        )
        for row in rows
    }
    burns = {original.leaf: original for original in originals.values() if original.kind in ("burn", "capture")}
    if burns:
        for use in await load_uses(connection, lane, burns):
            burns[use.leaf].uses.append(use)
    await load_payer_shares(connection, lane, originals.values())
    return originals


async def load_lots_to_decide(
    connection: Connection,
    lane: int,
    accounts: dict[int, Account],
    *,
    wanted: Mapping[int, int],
    originals: Sequence[Original],
) -> None:
    """Load the lots of the accounts that points are taken from or given back to, and complete the originals.

    `wanted` are the points that may be taken of the oldest lots, by account."""
    earns = {original.leaf: original for original in originals if original.kind == "earn"}
    # What a reversal takes or gives back depends on what is left of its original: it gets all lots to choose from.
    also: defaultdict[int, set[int]] = defaultdict(set)
    for original in originals:
        if original.account in accounts:
            also[original.account].update([original.leaf], (use.lot_leaf for use in original.uses))
    wanted = {**wanted, **dict.fromkeys(also, ALL_POINTS)}
    if not wanted:
        return
    await load_lots(connection, lane, accounts, wanted=wanted, also=also)
    for original in earns.values():
        if original.code is None and original.account in accounts:
            lots = [lot for lot in accounts[original.account].lots if lot.leaf == original.leaf]
            lots.sort(key=lambda lot: lot.part)
            original.shares = tuple((rate_text(lot.vat_rate), lot.points) for lot in lots)
