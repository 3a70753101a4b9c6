-- Which operations of one lane stand behind a figure, in the order of the journal?
-- $1: the lane; $2: after this leaf; $3: before this one; $4: the kinds of record; $5: the partner, null: any;
-- $6: the partner is billed for it, not only where it was sold; $7: the terms version, null: any; $8: the shop, '': none
-- stated, null: any; $9: at most so many; $10: whose lots it took of, or a reversal brought back to, null: anybody's;
-- $11: of sales of these months, null: any.
SELECT page.leaf, page.kind, partner.name AS partner, page.operation_id, page.points,
    coalesce(page.taken, page.billed, page.points)::bigint AS billed, page.shop, page.till, page.reference, page.occurred_at,
    page.booked_at
FROM (
    SELECT journal.leaf, journal.kind, journal.partner, journal.operation_id, journal.points, journal.shop, journal.till,
        journal.reference, journal.occurred_at, journal.booked_at,
        (SELECT sum(share.points) FILTER (
            WHERE (NOT $6::boolean OR $5::bigint IS NULL OR share.payer = $5) AND ($7::integer IS NULL OR share.terms_version = $7))
         FROM promotion_share AS share WHERE share.lane = $1 AND share.leaf = journal.leaf) AS billed,
        (SELECT sum(piece.points) FROM (
            SELECT lot_leaf, lot_part, points FROM lot_use
            WHERE lane = $1 AND leaf = journal.leaf AND journal.kind <> 'reverse_burn'
            UNION ALL
            SELECT lot_leaf, lot_part, points FROM lot_restoration WHERE lane = $1 AND leaf = journal.leaf
         ) AS piece
         JOIN lot ON lot.lane = $1 AND lot.account = journal.account AND lot.leaf = piece.lot_leaf
            AND lot.part = piece.lot_part AND lot.payer = $10::bigint
            AND ($11::date[] IS NULL OR lot.month_of_sale = ANY($11))) AS taken
    FROM journal
    WHERE journal.lane = $1 AND journal.leaf > $2 AND journal.leaf < $3 AND journal.code IS NULL
        AND journal.kind = ANY($4)
        AND ($8::text IS NULL OR coalesce(journal.shop, '') = $8)
        AND CASE WHEN $6::boolean AND EXISTS (
                SELECT FROM promotion_share AS share WHERE share.lane = $1 AND share.leaf = journal.leaf)
            THEN EXISTS (
                SELECT FROM promotion_share AS share
                WHERE share.lane = $1 AND share.leaf = journal.leaf AND ($5::bigint IS NULL OR share.payer = $5)
                    AND ($7::integer IS NULL OR share.terms_version = $7))
            ELSE ($5::bigint IS NULL OR journal.partner = $5) AND ($7::integer IS NULL OR journal.terms_version = $7) END
        AND ($10::bigint IS NULL OR EXISTS (
            SELECT FROM (
                SELECT lot_leaf, lot_part FROM lot_use
                WHERE lane = $1 AND leaf = journal.leaf AND journal.kind <> 'reverse_burn'
                UNION ALL
                SELECT lot_leaf, lot_part FROM lot_restoration WHERE lane = $1 AND leaf = journal.leaf
            ) AS piece
            JOIN lot ON lot.lane = $1 AND lot.account = journal.account AND lot.leaf = piece.lot_leaf
                AND lot.part = piece.lot_part AND lot.payer = $10
                AND ($11::date[] IS NULL OR lot.month_of_sale = ANY($11))))
    ORDER BY journal.leaf
    LIMIT $9
) AS page
LEFT JOIN partner ON partner.partner = page.partner
ORDER BY page.leaf
