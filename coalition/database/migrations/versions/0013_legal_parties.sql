-- Who partners and the operator are in law, as letters and invoices name them. Local table.

CREATE TABLE legal_party (
    version       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner       bigint,
    legal_name    text NOT NULL,
    street        text NOT NULL,
    post_code     text NOT NULL,
    town          text NOT NULL,
    country       text NOT NULL,
    vat_id        text,
    tax_number    text,
    registration  text,
    email         text,
    language      text NOT NULL,
    set_at        timestamptz NOT NULL,
    set_by        text NOT NULL,
    CONSTRAINT legal_party_language_known CHECK (language IN ('de', 'en'))
);
CREATE INDEX legal_party_by_partner ON legal_party (partner, version);
COMMENT ON TABLE legal_party IS 'Never changed: the newest version of a partner counts, and documents keep what they said. partner null: the operator.';
