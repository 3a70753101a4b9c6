-- Which partners' operations in a window occurred before its sales begin, of those booked long after they occurred?
-- By the index journal_delayed, so that it reads these and no others; how long is long, the index says.
-- $1: the lanes; $2: the window; $3: when its sales begin.
SELECT journal.partner, journal.kind, count(*) AS operations, sum(journal.points)::bigint AS points,
    min(journal.occurred_at) AS oldest, max(journal.occurred_at) AS newest
FROM journal
WHERE journal.lane = ANY($1::smallint[]) AND journal.window_no = $2 AND journal.occurred_at < $3
    AND journal.booked_at - journal.occurred_at > interval '15 minutes' AND journal.operation_id IS NOT NULL
    AND journal.code IS NULL AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
GROUP BY journal.partner, journal.kind
