-- Which records of one lane occurred before their window's sales begin, of those booked long after they occurred?
-- By the index journal_delayed, as late_items.sql.
-- $1: the lane; $2: the window; $3: when its sales begin; $4: the kinds of record; $5: the partner, null: any; $6: after this
-- leaf.
SELECT journal.leaf
FROM journal
WHERE journal.lane = $1 AND journal.window_no = $2 AND journal.occurred_at < $3
    AND journal.booked_at - journal.occurred_at > interval '15 minutes' AND journal.operation_id IS NOT NULL
    AND journal.code IS NULL AND journal.kind = ANY($4) AND ($5::bigint IS NULL OR journal.partner = $5)
    AND journal.leaf > $6
