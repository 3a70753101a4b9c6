-- Corrections of tax documents. Local tables: document_correction, document_correction_line, share_adjustment (a kind more).

CREATE TABLE document_correction (
    correction    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document      bigint NOT NULL REFERENCES tax_document,
    reason        text NOT NULL,
    drafted_at    timestamptz NOT NULL,
    drafted_by    text NOT NULL,
    decided_at    timestamptz,
    decided_by    text,
    issued        bigint REFERENCES tax_document,
    is_withdrawn  boolean NOT NULL DEFAULT false,
    CONSTRAINT document_correction_issued_once UNIQUE (issued),
    CONSTRAINT document_correction_decided_one_way CHECK (
        (decided_by IS NOT NULL) = (issued IS NOT NULL OR is_withdrawn) AND NOT (issued IS NOT NULL AND is_withdrawn))
);
CREATE INDEX document_correction_by_document ON document_correction (document);
COMMENT ON TABLE document_correction IS 'A draft until somebody else agrees: then issued is the credit note or corrected invoice that came of it.';

CREATE TABLE document_correction_line (
    correction    bigint NOT NULL REFERENCES document_correction,
    line          integer NOT NULL,
    amount_minor  bigint NOT NULL,
    PRIMARY KEY (correction, line),
    CONSTRAINT document_correction_line_takes_back CHECK (amount_minor <> 0)
);
COMMENT ON TABLE document_correction_line IS 'What is taken back of a line of the document, without VAT; no line: only words are put right.';

ALTER TABLE share_adjustment
    DROP CONSTRAINT share_adjustment_kind_known,
    ADD CONSTRAINT share_adjustment_kind_known CHECK (
        kind IN ('carried_forward', 'loss_shared', 'dispute_rejected', 'dispute_accepted', 'correction'));
