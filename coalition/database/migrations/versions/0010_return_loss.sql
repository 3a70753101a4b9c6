ALTER TABLE terms
    ADD COLUMN return_loss text NOT NULL DEFAULT 'member',
    ADD CONSTRAINT terms_return_loss_known CHECK (return_loss IN ('member', 'issuer'));
COMMENT ON COLUMN terms.return_loss IS 'Who bears a returned sale whose points are gone. member: he owes them, and later earns repay; issuer: what is there is taken, the rest stays issued.';
