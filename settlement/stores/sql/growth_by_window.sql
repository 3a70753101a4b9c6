-- By how many points did members' holdings grow in each window, and by what? Moves between accounts are no growth.
SELECT window_no, kind, sum(points)::bigint AS points
FROM window_total
WHERE lane = ANY($1)
GROUP BY window_no, kind
ORDER BY window_no, kind
