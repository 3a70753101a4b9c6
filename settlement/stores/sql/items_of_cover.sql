-- By which records of one lane does what a partner issued by its own book differ from what went into lots of its own?
-- $1: the lane; $2: from this leaf; $3: before this one; $4: the partner; $5: the months of sale whose points it pays for
-- at burn; $6: its terms by which points are paid for at burn; $7: at most so many.
SELECT covered.leaf, journal.operation_id, journal.partner, journal.kind, covered.points,
    0 AS version, journal.shop, journal.till, journal.reference, journal.occurred_at, journal.booked_at
FROM (
    SELECT piece.leaf, sum(piece.points)::bigint AS points
    FROM (
        -- What its statement counts.
        SELECT journal.leaf,
            CASE journal.kind WHEN 'earn' THEN 1 ELSE -1 END * coalesce(share.points, journal.points) AS points
        FROM journal
        LEFT JOIN promotion_share AS share ON share.lane = $1 AND share.leaf = journal.leaf
        WHERE journal.lane = $1 AND journal.leaf >= $2 AND journal.leaf < $3 AND journal.code IS NULL
            AND journal.kind IN ('earn', 'reverse_earn') AND coalesce(share.payer, journal.partner) = $4
            AND coalesce(share.terms_version, journal.terms_version) = ANY($6::integer[])
        UNION ALL
        -- Less the lots that were made of it, and those that a burn lent.
        SELECT journal.leaf, -lot.points
        FROM journal
        JOIN lot ON lot.lane = $1 AND lot.account = journal.account AND lot.leaf = journal.leaf
        WHERE journal.lane = $1 AND journal.leaf >= $2 AND journal.leaf < $3 AND journal.code IS NULL
            AND journal.kind IN ('earn', 'burn') AND lot.payer = $4 AND lot.month_of_sale = ANY($5::date[])
            AND (journal.partner = $4 OR EXISTS (
                SELECT FROM promotion_share AS share
                WHERE share.lane = $1 AND share.leaf = journal.leaf AND share.payer = $4))
        UNION ALL
        -- And what returns and repaid debts took of its lots.
        SELECT lot_use.leaf, lot_use.points
        FROM lot_use
        JOIN journal ON journal.lane = $1 AND journal.leaf = lot_use.leaf
        JOIN lot ON lot.lane = $1 AND lot.account = journal.account AND lot.leaf = lot_use.lot_leaf
            AND lot.part = lot_use.lot_part
        WHERE lot_use.lane = $1 AND lot_use.leaf >= $2 AND lot_use.leaf < $3
            AND journal.kind NOT IN ('burn', 'capture', 'expire', 'move_out')
            AND lot.payer = $4 AND lot.month_of_sale = ANY($5::date[])
    ) AS piece
    GROUP BY piece.leaf
    HAVING sum(piece.points) <> 0
    ORDER BY piece.leaf
    LIMIT $7
) AS covered
JOIN journal ON journal.lane = $1 AND journal.leaf = covered.leaf
ORDER BY covered.leaf
