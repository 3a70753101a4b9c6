-- Which burns of one lane took points that a partner pays for at burn, and which reversals brought such points back?
-- $1: the lane; $2: from this leaf; $3: before this one; $4: the partner; $5: the months of sale whose points it pays for
-- at burn; $6: at most so many.
SELECT moved.leaf, journal.operation_id, journal.partner, journal.kind, moved.points,
    journal.terms_version AS version, journal.shop, journal.till, journal.reference, journal.occurred_at,
    journal.booked_at
FROM (
    SELECT piece.leaf, sum(piece.points)::bigint AS points
    FROM (
        SELECT leaf, lot_leaf, lot_part, points, false AS is_back FROM lot_use
        WHERE lane = $1 AND leaf >= $2 AND leaf < $3
        UNION ALL
        SELECT leaf, lot_leaf, lot_part, points, true FROM lot_restoration
        WHERE lane = $1 AND leaf >= $2 AND leaf < $3
    ) AS piece
    JOIN journal ON journal.lane = $1 AND journal.leaf = piece.leaf
    JOIN lot ON lot.lane = $1 AND lot.account = journal.account AND lot.leaf = piece.lot_leaf
        AND lot.part = piece.lot_part
    WHERE lot.payer = $4 AND lot.month_of_sale = ANY($5::date[])
        AND (piece.is_back OR journal.kind IN ('burn', 'capture'))
    GROUP BY piece.leaf
    ORDER BY piece.leaf
    LIMIT $6
) AS moved
JOIN journal ON journal.lane = $1 AND journal.leaf = moved.leaf
ORDER BY moved.leaf
