-- By which versions of a payer's own terms were its points of each month of sale issued?
-- Points of a joint promotion that another partner issued carry that partner's version, and are left out.
-- $1: the lanes; $2: the last window that counts.
SELECT payer, month_of_sale, terms_version, sum(points)::bigint AS points
FROM lot_total
WHERE lane = ANY($1) AND window_no <= $2 AND kind = 'issued' AND counterparty = payer
GROUP BY payer, month_of_sale, terms_version
ORDER BY payer, month_of_sale, terms_version
