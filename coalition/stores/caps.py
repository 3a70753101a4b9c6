"""Net debit caps, and what lanes may raise a partner's position by without asking (migration 0011_caps)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection
from coalition.ledger.cap import Cap, CapBasis, PointPrices, Position

SELECT_CAPS = """
SELECT net_debit_cap.partner, net_debit_cap.basis, net_debit_cap.cap_minor + CASE net_debit_cap.basis
    WHEN 'money' THEN coalesce(collateral.balance_minor, 0) ELSE 0 END AS cap_minor
FROM net_debit_cap
LEFT JOIN collateral ON collateral.partner = net_debit_cap.partner
ORDER BY net_debit_cap.partner
"""

SELECT_PRICES = """
SELECT partner, version, issue_price + service_fee AS issued, redemption_price * (1 - commission) AS redeemed
FROM terms
WHERE partner = ANY($1::bigint[])
"""


# What a point of a prepaid block costs of a cap that is counted in them.
SELECT_POINT_PRICES = """
SELECT partner, version, CASE funding WHEN 'prepaid' THEN 1 ELSE 0 END AS issued
FROM terms
WHERE partner = ANY($1::bigint[])
"""


async def load_caps(connection: Connection) -> dict[int, Cap]:
    """Return the caps of those partners that have one, raised by their collateral."""
    caps = await connection.fetch(SELECT_CAPS)
    prices: defaultdict[int, dict[int, PointPrices]] = defaultdict(dict)
    in_money = [row["partner"] for row in caps if row["basis"] == "money"]
    if in_money:
        for row in await connection.fetch(SELECT_PRICES, in_money):
            prices[row["partner"]][row["version"]] = PointPrices(row["issued"], row["redeemed"])
    in_points = [row["partner"] for row in caps if row["basis"] == "points"]
    if in_points:
        for row in await connection.fetch(SELECT_POINT_PRICES, in_points):
            prices[row["partner"]][row["version"]] = PointPrices(Decimal(row["issued"]), Decimal(0))
    return {row["partner"]: Cap(row["partner"], row["cap_minor"], prices[row["partner"]], row["basis"]) for row in caps}


# Before what it decides by is read: what is granted may flow back, and comes to what is used then.
LOCK_ALLOWANCES = """
SELECT partner, granted FROM cap_allowance
WHERE lane = $1 AND partner = ANY($2::bigint[])
ORDER BY partner
FOR UPDATE
"""

SELECT_POSITIONS = """
SELECT total.partner, sum(total.points * CASE total.kind
    WHEN 'issued' THEN terms.issue_price + terms.service_fee
    WHEN 'issue_reversed' THEN -(terms.issue_price + terms.service_fee)
    WHEN 'redeemed' THEN -terms.redemption_price * (1 - terms.commission)
    ELSE terms.redemption_price * (1 - terms.commission) END) AS used
FROM window_total AS total
JOIN terms ON terms.partner = total.partner AND terms.version = total.terms_version
JOIN clearing_window ON clearing_window.window_no = total.window_no
LEFT JOIN window_share AS share ON share.window_no = total.window_no AND share.partner = total.partner
WHERE total.lane = $1 AND total.partner = ANY($2::bigint[])
    AND total.kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed')
    AND NOT coalesce(share.is_cleared, clearing_window.state = 'SETTLED')
GROUP BY total.partner
"""


# Of all windows: what is bought as blocks is not bought anew when a window is paid.
SELECT_POINTS_ISSUED = """
SELECT total.partner, sum(CASE total.kind WHEN 'issued' THEN total.points ELSE -total.points END) AS used
FROM window_total AS total
JOIN terms ON terms.partner = total.partner AND terms.version = total.terms_version
WHERE total.lane = $1 AND total.partner = ANY($2::bigint[]) AND total.kind IN ('issued', 'issue_reversed')
    AND terms.funding = 'prepaid'
GROUP BY total.partner
"""


async def load_positions(
    connection: Connection, lane: int, partners: Iterable[int], *, in_points: Collection[int] = ()
) -> dict[int, Position]:
    """Lock what a lane was granted of these partners' caps; return it with their positions in the lane, of windows that
    they have not paid. A lane that was never granted anything has no room: others may count on that. `in_points` are
    those whose cap is counted in points of blocks: their position is what they issued under terms that prepay."""
    wanted = sorted(partners)
    if not wanted:
        return {}
    granted = {row["partner"]: row["granted"] for row in await connection.fetch(LOCK_ALLOWANCES, lane, wanted)}
    used: dict[int, Decimal] = {}
    for statement, counted in (
        (SELECT_POSITIONS, [partner for partner in wanted if partner not in in_points]),
        (SELECT_POINTS_ISSUED, [partner for partner in wanted if partner in in_points]),
    ):
        if counted:
            used |= {row["partner"]: row["used"] for row in await connection.fetch(statement, lane, counted)}
    return {
        partner: Position(granted.get(partner, used.get(partner, Decimal(0))), used.get(partner, Decimal(0)))
        for partner in wanted
    }


LOCK_CAP = "SELECT cap_minor, basis FROM net_debit_cap WHERE partner = $1 FOR UPDATE"

SELECT_COLLATERAL = "SELECT balance_minor FROM collateral WHERE partner = $1"


async def lock_cap(connection: Connection, partner: int) -> int | None:
    """Let one lane at a time ask for more of a cap; return it in minor units, raised by the partner's collateral; None:
    there is none any more."""
    locked = await connection.fetchrow(LOCK_CAP, partner)
    if locked is None:
        return None
    cap_minor: int = locked["cap_minor"]
    if locked["basis"] == "points":
        return cap_minor
    # A statement of its own, after the lock, under which collateral moves too: so that it reads what holds now.
    return cap_minor + (await connection.fetchval(SELECT_COLLATERAL, partner) or 0)


SELECT_BASIS = "SELECT basis FROM net_debit_cap WHERE partner = $1"


async def find_cap_basis(connection: Connection, partner: int) -> CapBasis | None:
    """Return what a partner's cap is counted in; None: it has none."""
    return await connection.fetchval(SELECT_BASIS, partner)  # type: ignore[no-any-return]


SET_GRANTED = """
INSERT INTO cap_allowance (lane, partner, granted) VALUES ($1, $2, $3)
ON CONFLICT (lane, partner) DO UPDATE SET granted = excluded.granted
"""


async def set_granted(connection: Connection, partner: int, *, lane: int, granted: Decimal) -> None:
    """Say up to where a lane may raise a partner's position without asking."""
    await connection.execute(SET_GRANTED, lane, partner, granted)


SET_CAP = """
INSERT INTO net_debit_cap (partner, cap_minor, set_at, set_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (partner) DO UPDATE SET cap_minor = excluded.cap_minor, set_at = excluded.set_at, set_by = excluded.set_by
"""

SET_POSITION_THEN = "UPDATE net_debit_cap SET position_then = $2 WHERE partner = $1"


async def set_cap(connection: Connection, partner: int, cap_minor: int, *, now: datetime, actor: str) -> None:
    """Give a partner a cap, or another one."""
    await connection.execute(SET_CAP, partner, cap_minor, now, actor)


async def set_position_then(connection: Connection, partner: int, position: Decimal) -> None:
    """Keep what the position is as its cap is set: above it, a new cap lets it stand and not rise."""
    await connection.execute(SET_POSITION_THEN, partner, position)


SET_CAP_IN_POINTS = """
INSERT INTO net_debit_cap (partner, cap_minor, basis, set_at, set_by) VALUES ($1, $2, 'points', $3, $4)
ON CONFLICT (partner) DO UPDATE
SET cap_minor = excluded.cap_minor, basis = excluded.basis, set_at = excluded.set_at, set_by = excluded.set_by
"""


async def set_cap_in_points(connection: Connection, partner: int, points: int, *, now: datetime, actor: str) -> None:
    """Say how many points a partner may issue in all under terms that prepay."""
    await connection.execute(SET_CAP_IN_POINTS, partner, points, now, actor)


END_CAP = "DELETE FROM net_debit_cap WHERE partner = $1"

FORGET_GRANTED = "DELETE FROM cap_allowance WHERE lane = $1 AND partner = $2"


async def end_cap(connection: Connection, partner: int, *, lanes: Iterable[int]) -> None:
    """Let a partner run up any position."""
    await connection.execute(END_CAP, partner)
    for lane in lanes:
        await connection.execute(FORGET_GRANTED, lane, partner)
