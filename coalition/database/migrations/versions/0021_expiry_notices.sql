-- Notices before points expire, and programmes in which no points expire by time alone. Lane table: expiry_notice.

ALTER TABLE programme
    ADD COLUMN expiry_by_time boolean NOT NULL DEFAULT true,
    ADD COLUMN expiry_notice_days smallint,
    ADD CONSTRAINT programme_expiry_rule_allowed CHECK (expiry_by_time OR expiry_rule IN ('never', 'inactivity')),
    ADD CONSTRAINT programme_expiry_notice_days_sane CHECK (expiry_notice_days BETWEEN 1 AND 366);
COMMENT ON COLUMN programme.expiry_by_time IS 'Whether the law lets points expire by time alone; false: only where an account is not used, or never.';
COMMENT ON COLUMN programme.expiry_notice_days IS 'So many days before points expire members are told by mail; null: they are not.';

CREATE TABLE expiry_notice (
    lane        smallint NOT NULL,
    account     bigint NOT NULL,
    member      bigint NOT NULL,
    expires_on  date NOT NULL,
    points      bigint NOT NULL,
    told_at     timestamptz NOT NULL,
    is_refused  boolean NOT NULL,
    PRIMARY KEY (lane, account, member, expires_on)
);
COMMENT ON TABLE expiry_notice IS 'A member was told that these points of the account can not be spent from this day on.';
COMMENT ON COLUMN expiry_notice.is_refused IS 'The mail server refused his address for good; it is not tried again.';
