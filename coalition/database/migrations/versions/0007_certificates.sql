-- Burns without a network. Lane tables: certificate, certificate_use.

ALTER TABLE terms
    ADD COLUMN offline_loss text NOT NULL DEFAULT 'partner',
    ADD CONSTRAINT terms_offline_loss_known CHECK (offline_loss IN ('partner', 'member'));
COMMENT ON COLUMN terms.offline_loss IS 'Who bears an offline burn whose points are gone when it is booked. partner: it is refused; member: it is booked, and he owes what is missing.';

CREATE TABLE certificate (
    lane            smallint NOT NULL,
    certificate_id  text NOT NULL,
    account         bigint NOT NULL,
    partner         bigint NOT NULL,
    card            text NOT NULL,
    till            text NOT NULL,
    points          bigint NOT NULL,
    spent           bigint NOT NULL DEFAULT 0,
    not_before      timestamptz NOT NULL,
    not_after       timestamptz NOT NULL,
    PRIMARY KEY (lane, certificate_id),
    CONSTRAINT certificate_spent_within_points CHECK (spent BETWEEN 0 AND points),
    CONSTRAINT certificate_interval_forward CHECK (not_after > not_before)
);
CREATE INDEX certificate_by_account ON certificate (lane, account, not_after);
COMMENT ON TABLE certificate IS 'What one till may burn of a card without a network, as the hub signed it; reserves nothing.';
COMMENT ON COLUMN certificate.spent IS 'Points of booked burns, the sum of its uses; only grows.';

CREATE TABLE certificate_use (
    lane            smallint NOT NULL,
    certificate_id  text NOT NULL,
    counter         integer NOT NULL,
    leaf            bigint NOT NULL,
    points          bigint NOT NULL,
    PRIMARY KEY (lane, certificate_id, counter)
);
COMMENT ON TABLE certificate_use IS 'The burn at leaf, booked within a certificate under this counter; each counter once.';
