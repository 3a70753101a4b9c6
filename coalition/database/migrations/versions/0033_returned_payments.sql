-- Payments that came back, and money beyond what was left to pay.
--
-- Local table: share_adjustment (two kinds more). Reference table: window_share (a column more).

ALTER TABLE share_adjustment
    DROP CONSTRAINT share_adjustment_kind_known,
    ADD CONSTRAINT share_adjustment_kind_known CHECK (
        kind IN ('carried_forward', 'loss_shared', 'loss_recovered', 'dispute_rejected', 'dispute_accepted', 'correction',
            'overpaid', 'payment_returned'));
COMMENT ON TABLE share_adjustment IS 'Money of an earlier window that is payable with a later one; > 0: the partner owes it. about: the partner that defaulted, the dispute, the document that takes it back, or which of the share''s payments it comes of, counted from 1. into_window null: it waits for the partner''s next share.';

ALTER TABLE window_share ADD COLUMN came_back boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN window_share.came_back IS 'The window was off the partner''s position until a payment of it came back.';
COMMENT ON COLUMN window_share.paid_minor IS 'Signed as the net: > 0 the partner has paid. Payments of the share less what of them is payable with later ones: its overpaid and payment_returned adjustments.';
COMMENT ON TABLE share_payment IS 'The same reference again is the same payment. One that came back is a row of its own with the other sign.';
COMMENT ON COLUMN bank_entry.outcome IS 'What it did to the share when it was imported: paid: with what came before, exactly what was due; partial: less; over: paid it, and the rest goes to the next share; returned: a payment that came back; early: the share was not invoiced yet; unmatched: nothing, it names no share, or one that it can''t be of.';
