-- Points that move between accounts, with their lots' origin and age: records of the hub's own in both lanes.

CREATE TABLE account_merge (
    merge         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_lane     smallint NOT NULL,
    from_account  bigint NOT NULL,
    into_lane     smallint NOT NULL,
    into_account  bigint NOT NULL,
    in_leaves     bigint[] NOT NULL DEFAULT '{}',
    merged_at     timestamptz NOT NULL,
    merged_by     text NOT NULL,
    undone_at     timestamptz,
    undone_by     text,
    CONSTRAINT account_merge_of_two_accounts CHECK ((from_lane, from_account) <> (into_lane, into_account))
);
CREATE UNIQUE INDEX account_merged_once ON account_merge (from_lane, from_account) WHERE undone_at IS NULL;
CREATE INDEX account_merge_by_target ON account_merge (into_lane, into_account);
COMMENT ON TABLE account_merge IS 'An account whose cards lead to another one, for good or until undone. What was booked on it is still undone there, and what that leaves is moved on.';
COMMENT ON COLUMN account_merge.in_leaves IS 'Records in the other account''s lane that made its lots of these points: what is left of them goes back when it is undone.';

ALTER TABLE card ADD COLUMN merged_lane smallint, ADD COLUMN merged_account bigint;
ALTER TABLE member ADD COLUMN merged_lane smallint, ADD COLUMN merged_account bigint;
COMMENT ON COLUMN card.merged_account IS 'The account that it led to before a merge; null: it was not merged.';

CREATE TABLE point_transfer (
    transfer      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_card     text NOT NULL,
    to_card       text NOT NULL,
    points        bigint NOT NULL,
    moved_at      timestamptz NOT NULL,
    actor         text NOT NULL,
    CONSTRAINT point_transfer_positive CHECK (points > 0)
);
CREATE INDEX point_transfer_by_giver ON point_transfer (from_card, moved_at);

ALTER TABLE programme
    ADD COLUMN transfer_points_per_day_max bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT programme_transfers_not_negative CHECK (transfer_points_per_day_max >= 0);
COMMENT ON COLUMN programme.transfer_points_per_day_max IS 'Points that a card may give to others in a day; 0: transfers are switched off.';

ALTER TABLE journal
    DROP CONSTRAINT journal_kind_known,
    ADD CONSTRAINT journal_kind_known CHECK (kind IN (
        'earn', 'burn', 'reverse_earn', 'reverse_burn', 'reserve', 'capture', 'release', 'time_out', 'expire', 'move_out',
        'move_in', 'close'));

ALTER TABLE window_total
    DROP CONSTRAINT window_total_kind_known,
    ADD CONSTRAINT window_total_kind_known CHECK (
        kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed', 'expired', 'moved_out', 'moved_in'));
COMMENT ON COLUMN window_total.partner IS 'Who issued, or redeemed; for points that expired or moved: who paid for them.';
