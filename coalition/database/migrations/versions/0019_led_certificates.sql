-- Certificates follow the cards of a merge, and go back with them.

ALTER TABLE certificate
    ADD COLUMN accounts_before bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN counters_elsewhere integer[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN certificate.points IS 'What may be burned in this lane; where the rest went to another lane with its card, no more than was.';
COMMENT ON COLUMN certificate.accounts_before IS 'Accounts of this lane that had it before: its earlier burns are theirs.';
COMMENT ON COLUMN certificate.counters_elsewhere IS 'Counters of burns that were booked in another lane before it came from there.';
