-- What became of each month's points, of all payers, window by window?
-- $1: the lanes; $2: the last window that counts.
SELECT window_no, month_of_sale, kind, sum(points)::bigint AS points
FROM lot_total
WHERE lane = ANY($1) AND window_no <= $2
GROUP BY window_no, month_of_sale, kind
ORDER BY month_of_sale, window_no, kind
