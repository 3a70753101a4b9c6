-- Who was warned that prepaid points run low: once for each time. A local table: prepaid_warning.

CREATE TABLE prepaid_warning (
    warning        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner        bigint NOT NULL REFERENCES partner,
    points_left    bigint NOT NULL,
    warn_below     bigint NOT NULL,
    crossed_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    partner_mail   text,
    operator_mail  text,
    CONSTRAINT prepaid_warning_is_of_a_crossing CHECK (points_left < warn_below),
    CONSTRAINT prepaid_warning_partner_mail_known CHECK (partner_mail IN ('sent', 'refused')),
    CONSTRAINT prepaid_warning_operator_mail_known CHECK (operator_mail IN ('sent', 'refused'))
);
CREATE UNIQUE INDEX prepaid_warning_open ON prepaid_warning (partner) WHERE ended_at IS NULL;
COMMENT ON TABLE prepaid_warning IS 'A partner''s prepaid points went below its warning level at crossed_at, and were above it again at ended_at; null: they are below it.';
COMMENT ON COLUMN prepaid_warning.partner_mail IS 'What became of the mail to the partner; null: not sent yet. refused: its server never takes it.';
