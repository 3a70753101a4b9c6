-- Bank accounts of partners and the operator, and what the operator's bank says was paid. Local tables.

CREATE TABLE bank_account (
    version            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner            bigint,
    holder             text NOT NULL,
    iban               text NOT NULL,
    bic                text,
    street             text,
    building           text,
    post_code          text,
    town               text NOT NULL,
    country            text NOT NULL,
    creditor_id        text,
    mandate_id         text,
    mandate_signed_on  date,
    mandate_scheme     text,
    set_at             timestamptz NOT NULL,
    set_by             text NOT NULL,
    CONSTRAINT bank_account_mandate_is_whole CHECK (
        (mandate_id IS NULL) = (mandate_signed_on IS NULL) AND (mandate_id IS NULL) = (mandate_scheme IS NULL)),
    CONSTRAINT bank_account_mandate_scheme_known CHECK (mandate_scheme IN ('CORE', 'B2B')),
    CONSTRAINT bank_account_creditor_is_operator CHECK (creditor_id IS NULL OR partner IS NULL),
    CONSTRAINT bank_account_mandate_is_of_partner CHECK (mandate_id IS NULL OR partner IS NOT NULL)
);
CREATE INDEX bank_account_by_partner ON bank_account (partner, version);
COMMENT ON TABLE bank_account IS 'Never changed: the newest version of a partner counts, so that it can be told where a payment went. partner null: the operator.';

CREATE TABLE bank_statement (
    statement     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    iban          text NOT NULL,
    statement_id  text NOT NULL,
    created_at    timestamptz NOT NULL,
    opening_minor bigint,
    closing_minor bigint,
    imported_at   timestamptz NOT NULL,
    imported_by   text NOT NULL,
    CONSTRAINT bank_statement_taken_once UNIQUE (iban, statement_id)
);
COMMENT ON COLUMN bank_statement.opening_minor IS 'Booked balance in minor units, above 0: the bank owes the operator; null: not stated.';

CREATE TABLE bank_entry (
    statement        bigint NOT NULL REFERENCES bank_statement,
    entry_reference  text NOT NULL,
    detail           integer NOT NULL,
    entry_no         integer NOT NULL,
    amount_minor     bigint NOT NULL,
    booked_on        date NOT NULL,
    bank_reference   text,
    end_to_end_id    text,
    counterparty     text,
    remittance       text NOT NULL,
    window_no        integer,
    partner          bigint,
    outcome          text NOT NULL,
    PRIMARY KEY (statement, entry_reference, detail),
    CONSTRAINT bank_entry_outcome_known CHECK (
        outcome IN ('paid', 'partial', 'over', 'returned', 'early', 'unmatched')),
    CONSTRAINT bank_entry_share_is_whole CHECK ((window_no IS NULL) = (partner IS NULL)),
    CONSTRAINT bank_entry_share_is_named CHECK (outcome = 'unmatched' OR window_no IS NOT NULL)
);
CREATE INDEX bank_entry_by_share ON bank_entry (window_no, partner);
COMMENT ON TABLE bank_entry IS 'A booked movement on the operator''s account, or one part of a batch; detail counts the parts of an entry.';
COMMENT ON COLUMN bank_entry.amount_minor IS 'Above 0: to the operator; below 0: from it.';
COMMENT ON COLUMN bank_entry.outcome IS 'What it did to the share when it was imported: paid: with what came before, exactly what was due; partial: less; over: more; returned: money went back; early: the share was not invoiced yet; unmatched: names no share.';
