-- Net debit caps. Lane table: cap_allowance. Local table: net_debit_cap, whose row lock lets one lane at a time ask.

CREATE TABLE net_debit_cap (
    partner    bigint PRIMARY KEY REFERENCES partner,
    cap_minor  bigint NOT NULL,
    set_at     timestamptz NOT NULL,
    set_by     text NOT NULL,
    CONSTRAINT net_debit_cap_not_negative CHECK (cap_minor >= 0)
);
COMMENT ON TABLE net_debit_cap IS 'The largest position that a partner may run up unsettled, in minor units; no row: any.';

CREATE TABLE cap_allowance (
    lane     smallint NOT NULL,
    partner  bigint NOT NULL,
    granted  numeric NOT NULL,
    PRIMARY KEY (lane, partner)
) WITH (fillfactor = 50);
COMMENT ON TABLE cap_allowance IS 'Up to where a lane may raise a partner''s position without asking, in money; below 0 where it redeems more than it issues.';
