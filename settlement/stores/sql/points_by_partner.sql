-- How many points did each partner issue and redeem in a window, and how many of those that it paid for expired?
-- $1: the lanes; $2: the window.
SELECT partner, kind, sum(points)::bigint AS points, sum(operations)::bigint AS operations
FROM window_total
WHERE lane = ANY($1) AND window_no = $2 AND kind NOT IN ('moved_out', 'moved_in')
GROUP BY partner, kind
ORDER BY partner, kind
