-- Which partners' operations in a window occurred before its sales begin?
-- $1: the window; $2: the one before it; $3: when its sales begin.
SELECT journal.partner, journal.kind, count(*) AS operations, sum(journal.points)::bigint AS points,
    min(journal.occurred_at) AS oldest, max(journal.occurred_at) AS newest
FROM lane
LEFT JOIN lane_window AS before ON before.lane = lane.lane AND before.window_no = $2
LEFT JOIN lane_window AS ended ON ended.lane = lane.lane AND ended.window_no = $1
JOIN journal ON journal.lane = lane.lane AND journal.leaf >= coalesce(before.end_leaf, 0)
    AND journal.leaf < coalesce(ended.end_leaf, 9223372036854775807)
WHERE journal.window_no = $1 AND journal.code IS NULL AND journal.occurred_at < $3
    AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
GROUP BY journal.partner, journal.kind
ORDER BY journal.partner, journal.kind
