-- What is expected of points, and who gets the money of those that break. Local table.

CREATE TABLE breakage_rule (
    from_window          integer PRIMARY KEY,
    expected_redemption  numeric(7, 6) NOT NULL,
    issuer_share         numeric(7, 6) NOT NULL,
    set_at               timestamptz NOT NULL,
    set_by               text NOT NULL,
    CONSTRAINT breakage_rule_from_window_not_negative CHECK (from_window >= 0),
    CONSTRAINT breakage_rule_within_limits CHECK (
        expected_redemption BETWEEN 0 AND 1 AND issuer_share BETWEEN 0 AND 1)
);
COMMENT ON TABLE breakage_rule IS 'Holds from a window on, to the next rule. Windows that are invoiced keep theirs.';
COMMENT ON COLUMN breakage_rule.expected_redemption IS 'Share of all points issued that is redeemed in the end, where no older points tell.';
COMMENT ON COLUMN breakage_rule.issuer_share IS 'The issuers'' part of the money of points that expire; the operator has the rest.';
INSERT INTO breakage_rule (from_window, expected_redemption, issuer_share, set_at, set_by)
VALUES (0, 0.95, 0, '2000-01-01', 'default');
