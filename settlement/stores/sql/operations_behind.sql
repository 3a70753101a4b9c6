-- Which operations of one lane stand behind a figure, in the order of the journal?
-- $1: the lane; $2: at most so many; $3: after this leaf; $4: before this one; $5: the kinds of record; $6: the partner,
-- null: any; $7: the partner is billed for it, not only where it was sold; $8: the terms version, null: any; $9: the shop,
-- '': none stated, null: any; $10: whose lots it took of, or a reversal brought back to, null: anybody's; $11: of sales of
-- these months, null: any.
-- What a record took is looked up record by record, and each lot by its whole key, in a query of its own: as a join, the
-- planner could read all lots of a card for each of them.
SELECT page.leaf, page.kind, partner.name AS partner, page.operation_id, page.points,
    coalesce(page.taken, page.billed, page.points)::bigint AS billed, page.shop, page.till, page.reference, page.occurred_at,
    page.booked_at
FROM (
    SELECT journal.leaf, journal.kind, journal.partner, journal.operation_id, journal.points, journal.shop, journal.till,
        journal.reference, journal.occurred_at, journal.booked_at, moved.points AS taken,
        (SELECT sum(share.points) FILTER (
            WHERE (NOT $7::boolean OR $6::bigint IS NULL OR share.payer = $6) AND ($8::integer IS NULL OR share.terms_version = $8))
         FROM promotion_share AS share WHERE share.lane = $1 AND share.leaf = journal.leaf) AS billed
    FROM journal
    CROSS JOIN LATERAL (
        SELECT sum(piece.points) AS points
        FROM (
            SELECT used.points FROM lot_use AS used
            WHERE used.lane = $1 AND used.leaf = journal.leaf AND journal.kind <> 'reverse_burn' AND (
                SELECT lot.payer = $10::bigint AND ($11::date[] IS NULL OR lot.month_of_sale = ANY($11)) FROM lot
                WHERE lot.lane = $1 AND lot.account = journal.account AND lot.leaf = used.lot_leaf
                    AND lot.part = used.lot_part)
            UNION ALL
            SELECT restored.points FROM lot_restoration AS restored
            WHERE restored.lane = $1 AND restored.leaf = journal.leaf AND (
                SELECT lot.payer = $10 AND ($11 IS NULL OR lot.month_of_sale = ANY($11)) FROM lot
                WHERE lot.lane = $1 AND lot.account = journal.account AND lot.leaf = restored.lot_leaf
                    AND lot.part = restored.lot_part)
        ) AS piece
        WHERE $10 IS NOT NULL
    ) AS moved
    WHERE journal.lane = $1 AND journal.leaf > $3 AND journal.leaf < $4 AND journal.code IS NULL
        AND journal.kind = ANY($5)
        AND ($9::text IS NULL OR coalesce(journal.shop, '') = $9)
        AND CASE WHEN $7::boolean AND EXISTS (
                SELECT FROM promotion_share AS share WHERE share.lane = $1 AND share.leaf = journal.leaf)
            THEN EXISTS (
                SELECT FROM promotion_share AS share
                WHERE share.lane = $1 AND share.leaf = journal.leaf AND ($6::bigint IS NULL OR share.payer = $6)
                    AND ($8::integer IS NULL OR share.terms_version = $8))
            ELSE ($6::bigint IS NULL OR journal.partner = $6) AND ($8::integer IS NULL OR journal.terms_version = $8) END
        AND ($10 IS NULL OR moved.points IS NOT NULL)
    ORDER BY journal.leaf
    LIMIT $2
) AS page
LEFT JOIN partner ON partner.partner = page.partner
ORDER BY page.leaf
