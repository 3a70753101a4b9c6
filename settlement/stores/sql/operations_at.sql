-- Which operations stand at some leaves of one lane, in the order of the journal?
-- $1: the lane; $2: the leaves.
SELECT journal.leaf, journal.kind, partner.name AS partner, journal.operation_id, journal.points, journal.points AS billed,
    journal.shop, journal.till, journal.reference, journal.occurred_at, journal.booked_at
FROM journal
LEFT JOIN partner ON partner.partner = journal.partner
WHERE journal.lane = $1 AND journal.leaf = ANY($2)
ORDER BY journal.leaf
