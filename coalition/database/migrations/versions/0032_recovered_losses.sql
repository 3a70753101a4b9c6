-- Money that comes after the others have borne a loss goes back to them. A local table: share_adjustment (a kind more).

ALTER TABLE share_adjustment
    DROP CONSTRAINT share_adjustment_kind_known,
    ADD CONSTRAINT share_adjustment_kind_known CHECK (
        kind IN ('carried_forward', 'loss_shared', 'loss_recovered', 'dispute_rejected', 'dispute_accepted', 'correction')),
    DROP CONSTRAINT share_adjustment_made_once;
-- A loss may come back in several payments; each is known by its reference in share_payment.
CREATE UNIQUE INDEX share_adjustment_made_once ON share_adjustment (kind, from_window, partner, about)
    WHERE kind <> 'loss_recovered';
