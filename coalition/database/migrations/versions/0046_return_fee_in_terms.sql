-- Who bears what a bank takes for a partner's payment that comes back may be said by its terms; else it is the programme's
-- rule (settlement_rules.return_fee).

ALTER TABLE terms
    ADD COLUMN return_fee text NOT NULL DEFAULT 'rule',
    ADD CONSTRAINT terms_return_fee_known CHECK (return_fee IN ('rule', 'operator', 'partner'));
COMMENT ON COLUMN terms.return_fee IS 'Who bears what a bank takes for a payment of the partner that comes back, by the day on which the bank booked it; rule: as the programme has it.';
