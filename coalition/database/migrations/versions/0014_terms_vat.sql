-- How charges, fees and redemptions are taxed by a version of terms. Reference table: terms.

ALTER TABLE terms
    ADD COLUMN charge_vat text NOT NULL DEFAULT 'O',
    ADD COLUMN fee_vat text NOT NULL DEFAULT 'O',
    ADD COLUMN redemption_vat text NOT NULL DEFAULT 'O',
    ADD CONSTRAINT terms_vat_is_treatment CHECK (
        charge_vat ~ '^([SLM] [0-9]{1,2}([.][0-9]{1,2})? [A-Z]{2}|(Z|E|AE|K|G) [A-Z]{2}|O)$'
        AND fee_vat ~ '^([SLM] [0-9]{1,2}([.][0-9]{1,2})? [A-Z]{2}|(Z|E|AE|K|G) [A-Z]{2}|O)$'
        AND redemption_vat ~ '^([SLM] [0-9]{1,2}([.][0-9]{1,2})? [A-Z]{2}|(Z|E|AE|K|G) [A-Z]{2}|O)$'),
    ADD CONSTRAINT terms_invoice_is_subject_as_a_whole CHECK ((charge_vat = 'O') = (fee_vat = 'O'));
COMMENT ON COLUMN terms.charge_vat IS 'VAT of what pays for points: category of EN 16931, rate in per cent where it has one, country, as in S 19 DE; O: not subject.';
