-- How many points are left of each month of sale, and on which day do they expire?
-- $1: the lanes. From the lots themselves: the book of lots does not know when points expire.
SELECT month_of_sale, expires_on, sum(remaining)::bigint AS points
FROM lot
WHERE lane = ANY($1) AND remaining > 0
GROUP BY month_of_sale, expires_on
ORDER BY month_of_sale, expires_on
