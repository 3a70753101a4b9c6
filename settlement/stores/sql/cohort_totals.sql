-- How many points of each payer and month of sale came into lots or left them, up to the end of a window?
-- $1: the lanes; $2: the window.
SELECT payer, month_of_sale, kind, sum(points)::bigint AS points
FROM lot_total
WHERE lane = ANY($1) AND window_no <= $2
GROUP BY payer, month_of_sale, kind
ORDER BY month_of_sale, payer, kind
