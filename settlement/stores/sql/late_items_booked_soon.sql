-- Which partners' operations among the leaves of one lane occurred before their window's sales begin, of those that
-- late_items.sql does not have?
-- $1: the lane; $2: the first leaf; $3: the one after the last; $4: when the window's sales begin.
SELECT journal.partner, journal.kind, count(*) AS operations, sum(journal.points)::bigint AS points,
    min(journal.occurred_at) AS oldest, max(journal.occurred_at) AS newest
FROM journal
WHERE journal.lane = $1 AND journal.leaf >= $2 AND journal.leaf < $3 AND journal.occurred_at < $4
    AND journal.booked_at - journal.occurred_at <= interval '15 minutes'
    AND journal.code IS NULL AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
GROUP BY journal.partner, journal.kind
