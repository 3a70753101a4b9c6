-- Sales that were booked long after they were made: what of an earlier period a window booked is found without reading the
-- window. A till that is online has none in here, so it pays for the predicate and for nothing else. What is late but was
-- booked promptly stands at its window's beginning.

CREATE INDEX journal_delayed ON journal (lane, window_no, occurred_at)
    WHERE booked_at - occurred_at > interval '15 minutes' AND operation_id IS NOT NULL;
