-- Which lots of one lane stand behind a cohort's figure?
-- $1: the lane; $2, $3, $4: after this account, leaf and part; $5: the payer, null: any; $6: the month of sale, null:
-- any; $7: the day on which they expire, null: any; $8: only those with points left; $9: at most so many.
SELECT page.account, page.leaf, page.part, issuer.name AS issuer, payer.name AS payer, page.month_of_sale,
    page.vat_rate, page.expires_on, page.points, page.remaining
FROM (
    SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
    FROM lot
    WHERE lane = $1 AND (account, leaf, part) > ($2::bigint, $3::bigint, $4::smallint)
        AND ($5::bigint IS NULL OR payer = $5) AND ($6::date IS NULL OR month_of_sale = $6)
        AND ($7::date IS NULL OR expires_on = $7) AND (remaining > 0 OR NOT $8)
    ORDER BY account, leaf, part
    LIMIT $9
) AS page
JOIN partner AS issuer ON issuer.partner = page.issuer
JOIN partner AS payer ON payer.partner = page.payer
ORDER BY page.account, page.leaf, page.part
