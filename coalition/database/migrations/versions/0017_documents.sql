-- Tax documents of settled windows. Local tables.

CREATE TABLE document_series (
    series       text NOT NULL,
    year         smallint NOT NULL,
    last_number  integer NOT NULL,
    PRIMARY KEY (series, year)
);
COMMENT ON TABLE document_series IS 'Raised in the transaction that writes the documents, so that no number is missing and none is used twice.';

CREATE TABLE tax_document (
    document       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number         text NOT NULL,
    kind           text NOT NULL,
    series         text NOT NULL,
    year           smallint NOT NULL,
    series_number  integer NOT NULL,
    window_no      integer NOT NULL,
    partner        bigint NOT NULL,
    net_minor      bigint NOT NULL,
    vat_minor      bigint NOT NULL,
    corrects       bigint REFERENCES tax_document,
    content        text NOT NULL,
    xml            text NOT NULL,
    xml_digest     bytea NOT NULL,
    issued_at      timestamptz NOT NULL,
    issued_by      text NOT NULL,
    CONSTRAINT tax_document_number_unique UNIQUE (number),
    CONSTRAINT tax_document_series_number_unique UNIQUE (series, year, series_number),
    CONSTRAINT tax_document_kind_known CHECK (
        kind IN ('invoice', 'self_billed_invoice', 'credit_note', 'self_billed_credit_note', 'corrected_invoice')),
    CONSTRAINT tax_document_digest_is_sha_256 CHECK (octet_length(xml_digest) = 32)
);
CREATE INDEX tax_document_by_window ON tax_document (window_no, partner, document);
CREATE INDEX tax_document_by_original ON tax_document (corrects) WHERE corrects IS NOT NULL;
COMMENT ON TABLE tax_document IS 'Never changed. window_no: whose statement it is of, or its original''s.';
COMMENT ON COLUMN tax_document.content IS 'Canonical JSON: the XML and the letter are made from it.';
COMMENT ON COLUMN tax_document.xml IS 'EN 16931, byte for byte as issued.';
