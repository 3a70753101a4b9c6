-- What was booked in a window at each shop of each partner? By who sold, also where others pay for a promotion.
-- $1: the window; $2: the one before it. A window is a range of leaves in each lane, which the key finds.
SELECT journal.partner, journal.shop, journal.kind, sum(journal.points)::bigint AS points, count(*) AS operations
FROM lane
LEFT JOIN lane_window AS before ON before.lane = lane.lane AND before.window_no = $2
LEFT JOIN lane_window AS ended ON ended.lane = lane.lane AND ended.window_no = $1
JOIN journal ON journal.lane = lane.lane AND journal.leaf >= coalesce(before.end_leaf, 0)
    AND journal.leaf < coalesce(ended.end_leaf, 9223372036854775807)
WHERE journal.window_no = $1 AND journal.code IS NULL
    AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
GROUP BY journal.partner, journal.shop, journal.kind
ORDER BY journal.partner, journal.shop NULLS FIRST, journal.kind
