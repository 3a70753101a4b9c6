-- What a bank takes for a payment that comes back, and entries of several payments that an operator splits.
--
-- Local tables: settlement_rules, bank_entry, share_adjustment (a kind more), datev_settings.

ALTER TABLE settlement_rules
    ADD COLUMN return_fee text NOT NULL DEFAULT 'operator',
    ADD CONSTRAINT settlement_rules_return_fee_known CHECK (return_fee IN ('operator', 'partner'));
COMMENT ON COLUMN settlement_rules.return_fee IS 'Who bears what a bank takes for a payment that comes back.';

ALTER TABLE bank_entry
    ADD COLUMN is_charged boolean NOT NULL DEFAULT false,
    ADD COLUMN split_by text,
    ADD COLUMN split_at timestamptz,
    DROP CONSTRAINT bank_entry_outcome_known,
    ADD CONSTRAINT bank_entry_outcome_known CHECK (
        outcome IN ('paid', 'partial', 'over', 'returned', 'fee', 'early', 'unmatched', 'aside', 'split')),
    DROP CONSTRAINT bank_entry_share_is_named,
    ADD CONSTRAINT bank_entry_share_is_named CHECK (outcome IN ('unmatched', 'fee', 'aside', 'split') OR window_no IS NOT NULL),
    ADD CONSTRAINT bank_entry_charge_is_of_share CHECK (NOT is_charged OR (outcome = 'fee' AND window_no IS NOT NULL)),
    ADD CONSTRAINT bank_entry_split_by_somebody CHECK ((split_by IS NULL) = (split_at IS NULL));
COMMENT ON COLUMN bank_entry.outcome IS 'What it did to the share when it was imported: paid: with what came before, exactly what was due; partial: less; over: paid it, and the rest goes to the next share; returned: a payment that came back; fee: the bank''s, for a return; early: the share was not invoiced yet; unmatched: nothing, it names no share, or one that it can''t be of; aside: an operator says that it is of no share; split: an operator has named its parts, which are rows of their own.';
COMMENT ON COLUMN bank_entry.is_charged IS 'The partner bears the fee: it is payable with its next share.';
COMMENT ON COLUMN bank_entry.split_by IS 'Who split it, split it off or set it aside; null: it is as the bank told it.';

ALTER TABLE share_adjustment
    DROP CONSTRAINT share_adjustment_kind_known,
    ADD CONSTRAINT share_adjustment_kind_known CHECK (
        kind IN ('carried_forward', 'loss_shared', 'loss_recovered', 'dispute_rejected', 'dispute_accepted', 'correction',
            'overpaid', 'payment_returned', 'return_fee'));
COMMENT ON TABLE share_adjustment IS 'Money of an earlier window that is payable with a later one; > 0: the partner owes it. about: the partner that defaulted, the dispute, the document that takes it back, or which of the share''s payments or fees it comes of, counted from 1. into_window null: it waits for the partner''s next share.';

ALTER TABLE datev_settings ADD COLUMN bank_fees bigint NOT NULL DEFAULT 4970;
