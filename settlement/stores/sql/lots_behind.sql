-- Which lots of one lane stand behind a cohort's figure?
-- $1: the lane; $2: at most so many; $3, $4, $5: after this account, leaf and part; $6: the payer, null: any; $7: the month
-- of sale, null: any; $8: only those with points left; $9, $10: expire between these days, null: any; $11: only those
-- that expire on no day.
SELECT page.account, page.leaf, page.part, issuer.name AS issuer, payer.name AS payer, page.month_of_sale,
    page.vat_rate, page.expires_on, page.points, page.remaining
FROM (
    SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
    FROM lot
    WHERE lane = $1 AND (account, leaf, part) > ($3::bigint, $4::bigint, $5::smallint)
        AND ($6::bigint IS NULL OR payer = $6) AND ($7::date IS NULL OR month_of_sale = $7)
        AND (remaining > 0 OR NOT $8::boolean)
        AND ($9::date IS NULL OR expires_on >= $9) AND ($10::date IS NULL OR expires_on <= $10)
        AND (expires_on IS NULL OR NOT $11::boolean)
    ORDER BY account, leaf, part
    LIMIT $2
) AS page
JOIN partner AS issuer ON issuer.partner = page.issuer
JOIN partner AS payer ON payer.partner = page.payer
ORDER BY page.account, page.leaf, page.part
