-- What did some partners book in a closed window though it occurred before the window's sales began?
-- $1: the window; $2: the one before it; $3: when its sales began; $4: the partners.
SELECT late.partner, late.kind, count(*) AS operations, sum(late.points)::bigint AS points,
    min(late.occurred_at) AS oldest, max(late.occurred_at) AS newest
FROM (
    SELECT journal.partner, journal.points, journal.occurred_at,
        CASE journal.kind
            WHEN 'earn' THEN 'issued'
            WHEN 'reverse_earn' THEN 'issue_reversed'
            WHEN 'reverse_burn' THEN 'redeem_reversed'
            ELSE 'redeemed'
        END AS kind
    FROM lane_window AS ended
    LEFT JOIN lane_window AS before ON before.lane = ended.lane AND before.window_no = $2
    JOIN journal ON journal.lane = ended.lane AND journal.leaf >= coalesce(before.end_leaf, 0)
        AND journal.leaf < ended.end_leaf
    WHERE ended.window_no = $1 AND journal.partner = ANY($4) AND journal.code IS NULL AND journal.occurred_at < $3
        AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
) AS late
GROUP BY late.partner, late.kind
ORDER BY late.partner, array_position(ARRAY['issued', 'issue_reversed', 'redeemed', 'redeem_reversed'], late.kind)
