-- Which records among the leaves of one lane occurred before their window's sales begin, of those that late_leaves.sql does
-- not have?
-- $1: the lane; $2: the first leaf; $3: the one after the last; $4: when the window's sales begin; $5: the kinds of record;
-- $6: the partner, null: any.
SELECT journal.leaf
FROM journal
WHERE journal.lane = $1 AND journal.leaf >= $2 AND journal.leaf < $3 AND journal.occurred_at < $4
    AND journal.booked_at - journal.occurred_at <= interval '15 minutes'
    AND journal.code IS NULL AND journal.kind = ANY($5) AND ($6::bigint IS NULL OR journal.partner = $6)
