-- What do the lines of each statement come to, by what they are for?
-- $1: the windows; $2: the point value. What `..._valued` says is what the points of lines would be at the point value:
-- those that go with money when they are issued, those that are paid for when redeemed, and those out of prepaid blocks.
-- Points of reversals are below 0, but were told without their sign once.
SELECT share.window_no, share.partner, share.state, share.is_cleared, share.invoiced_on, share.due_on,
    coalesce(sum(line.amount) FILTER (WHERE line.code LIKE 'issue_charge%'), 0) AS issue_charge,
    coalesce(-sum(line.amount) FILTER (WHERE line.code LIKE 'redemption_credit%'), 0) AS redemption_credit,
    coalesce(sum(line.amount) FILTER (WHERE line.code LIKE 'burn_charge%' OR line.code LIKE 'cover_%'), 0) AS at_burn,
    coalesce(sum(line.amount) FILTER (WHERE line.code IN ('block_purchase', 'issue_overdraft')), 0) AS prepaid,
    coalesce(sum(line.amount) FILTER (WHERE line.code LIKE 'service_fee%'), 0) AS service_fee,
    coalesce(sum(line.amount) FILTER (WHERE line.code LIKE 'commission%'), 0) AS commission,
    coalesce(sum(line.amount) FILTER (WHERE line.code LIKE 'platform_fee%'), 0) AS platform_fee,
    coalesce(sum(CASE WHEN line.code IN ('issue_charge', 'redemption_credit_reversed') THEN abs(line.points)
        WHEN line.code IN ('issue_charge_reversed', 'redemption_credit') THEN -abs(line.points) END), 0) * $2
        AS pool_valued,
    coalesce(sum(CASE line.code WHEN 'issue_deferred' THEN line.points
        WHEN 'issue_deferred_reversed' THEN -abs(line.points) END), 0) * $2 AS at_burn_valued,
    coalesce(sum(CASE line.code WHEN 'issue_prepaid' THEN line.points
        WHEN 'issue_prepaid_reversed' THEN -abs(line.points) END), 0) * $2 AS prepaid_valued,
    coalesce((share.statement::jsonb -> 'totals' ->> 'invoice_vat')::numeric, 0)
        - coalesce((share.statement::jsonb -> 'totals' ->> 'credit_note_vat')::numeric, 0) AS vat
FROM window_share AS share
LEFT JOIN LATERAL (
    SELECT line ->> 'code' AS code, (line ->> 'amount')::numeric AS amount, (line ->> 'points')::numeric AS points
    FROM jsonb_array_elements(share.statement::jsonb -> 'lines') AS line
) AS line ON true
WHERE share.window_no = ANY($1)
GROUP BY share.window_no, share.partner
ORDER BY share.window_no, share.partner
