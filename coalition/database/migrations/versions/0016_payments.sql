-- What is paid of each share, what is held out of it, what comes into it from earlier windows.
--
-- Reference table: window_share (more columns). Local tables: share_move, share_payment, share_adjustment,
-- settlement_rules, collateral, collateral_movement.

ALTER TABLE window_share
    ADD COLUMN held_minor     bigint NOT NULL DEFAULT 0,
    ADD COLUMN adjusted_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN paid_minor     bigint NOT NULL DEFAULT 0,
    ADD COLUMN invoiced_on    date,
    ADD COLUMN due_on         date,
    ADD COLUMN is_cleared     boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN window_share.held_minor IS 'Disputed, and held out of what is payable; fixed when the window is invoiced.';
COMMENT ON COLUMN window_share.adjusted_minor IS 'From earlier windows: the sum of its share_adjustments; fixed when the window is invoiced.';
COMMENT ON COLUMN window_share.paid_minor IS 'Signed as the net: > 0 the partner has paid.';
COMMENT ON COLUMN window_share.is_cleared IS 'The window no longer counts towards the partner''s position: its share is paid, or the later one that it was carried into.';

-- What was settled until now was settled on the operator's word.
UPDATE window_share SET paid_minor = net_minor, is_cleared = true WHERE state = 'PAID';

CREATE TABLE share_move (
    move        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    window_no   integer NOT NULL,
    partner     bigint NOT NULL,
    from_state  text NOT NULL,
    to_state    text NOT NULL,
    actor       text NOT NULL,
    moved_at    timestamptz NOT NULL
);
CREATE INDEX share_move_by_window ON share_move (window_no, partner, move);

CREATE TABLE share_payment (
    window_no     integer NOT NULL,
    partner       bigint NOT NULL,
    reference     text NOT NULL,
    amount_minor  bigint NOT NULL,
    paid_on       date NOT NULL,
    recorded_at   timestamptz NOT NULL,
    recorded_by   text NOT NULL,
    PRIMARY KEY (window_no, partner, reference),
    CONSTRAINT share_payment_is_some_money CHECK (amount_minor <> 0)
);
COMMENT ON TABLE share_payment IS 'The same reference again is the same payment.';

CREATE TABLE share_adjustment (
    adjustment    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner       bigint NOT NULL,
    kind          text NOT NULL,
    amount_minor  bigint NOT NULL,
    from_window   integer NOT NULL,
    about         bigint NOT NULL,
    into_window   integer,
    created_at    timestamptz NOT NULL,
    CONSTRAINT share_adjustment_kind_known CHECK (
        kind IN ('carried_forward', 'loss_shared', 'dispute_rejected', 'dispute_accepted')),
    CONSTRAINT share_adjustment_made_once UNIQUE (kind, from_window, partner, about)
);
COMMENT ON TABLE share_adjustment IS 'Money of an earlier window that is payable with a later one; > 0: the partner owes it. about: the partner that defaulted, or the dispute. into_window null: it waits for the partner''s next share.';
CREATE INDEX share_adjustment_waiting ON share_adjustment (partner) WHERE into_window IS NULL;
CREATE INDEX share_adjustment_by_window ON share_adjustment (into_window, partner);

CREATE TABLE settlement_rules (
    only_row            boolean PRIMARY KEY DEFAULT true,
    payment_days        smallint NOT NULL DEFAULT 14,
    default_after_days  smallint NOT NULL DEFAULT 14,
    default_rule        text NOT NULL DEFAULT 'carry',
    dispute_days        smallint NOT NULL DEFAULT 30,
    answer_days         smallint NOT NULL DEFAULT 30,
    CONSTRAINT settlement_rules_has_one_row CHECK (only_row),
    CONSTRAINT settlement_rules_days_within_limits CHECK (
        payment_days BETWEEN 0 AND 365 AND default_after_days BETWEEN 0 AND 365
        AND dispute_days BETWEEN 1 AND 365 AND answer_days BETWEEN 1 AND 365),
    CONSTRAINT settlement_rules_default_rule_known CHECK (default_rule IN ('carry', 'share'))
);
INSERT INTO settlement_rules DEFAULT VALUES;

CREATE TABLE collateral (
    partner        bigint PRIMARY KEY,
    balance_minor  bigint NOT NULL DEFAULT 0,
    CONSTRAINT collateral_not_negative CHECK (balance_minor >= 0)
);

CREATE TABLE collateral_movement (
    partner       bigint NOT NULL,
    reference     text NOT NULL,
    kind          text NOT NULL,
    amount_minor  bigint NOT NULL,
    moved_at      timestamptz NOT NULL,
    moved_by      text NOT NULL,
    PRIMARY KEY (partner, reference),
    CONSTRAINT collateral_movement_kind_known CHECK (kind IN ('deposit', 'return', 'draw')),
    CONSTRAINT collateral_movement_is_some_money CHECK (amount_minor > 0)
);
COMMENT ON TABLE collateral_movement IS 'The same reference again is the same movement.';
